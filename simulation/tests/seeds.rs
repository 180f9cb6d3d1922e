//! Many seeds over all mixes of faults, and what makes a seed worth printing.

use pricestream_simulation::{Fault, Mix, Plan, Report, Weaken, campaign, mix_of, run};

#[test]
fn two_thousand_seeds_keep_every_invariant() {
    let began = std::time::Instant::now();
    let summary = campaign(0..2_000, |seed| Plan::of(mix_of(seed)), |_| {});
    let (seconds, (longest, most)) = (began.elapsed().as_secs_f64(), summary.longest);
    println!("seeds 0..2000: {} steps in {seconds:.1} s, the longest {most} (seed {longest})", summary.steps);
    for fault in Fault::ALL {
        println!("{:>10} x {}", summary.faults.of(fault), fault.name());
        assert!(summary.faults.of(fault) > 50, "{} hardly ever struck", fault.name());
    }
    assert_eq!(summary.failed.as_ref().and_then(Report::failure), None);
    assert_eq!(summary.seeds, 2_000);
    // A run that does little proves little.
    assert!(summary.rows > 20 * summary.seeds && summary.cache_writes > 10 * summary.seeds && summary.alerts > summary.seeds);
}

#[test]
fn the_same_seed_gives_the_same_run_step_by_step() {
    for seed in 0..24 {
        let plan = Plan::of(mix_of(seed));
        let (first, again) = (run(seed, plan, true), run(seed, plan, false));
        assert_eq!((first.trace_hash, first.steps), (again.trace_hash, again.steps), "seed {seed}");
        assert!(!first.trace.is_empty() && again.trace.is_empty(), "keeping the trace changes nothing");
        assert_ne!(first.trace_hash, run(seed + 1, plan, false).trace_hash, "seed {seed}");
    }
}

#[test]
fn a_failing_seed_says_what_broke_and_how_to_see_it_again() {
    let plan = Plan::against(Weaken::CacheCompare).without(Weaken::CacheCompare);
    let summary = campaign(0..100, |_| plan, |_| {});
    let failed = summary.failed.expect("a cache without its comparison goes back");
    let (seed, text) = (failed.seed, failed.failure().unwrap());
    assert!(text.starts_with(&format!("seed {seed} after {} steps: I1 the cache never goes back\n", failed.steps)), "{text}");
    let command = format!("cargo run -p pricestream-simulation -- --seed {seed} --mix calm --weaken cache-compare --trace");
    assert!(text.ends_with(&command), "{text}");
    assert_eq!(run(seed, plan, true).failure(), Some(text));
}

#[test]
fn a_plan_reads_back_from_the_command_line() {
    for mix in Mix::ALL {
        assert_eq!(mix.name().parse(), Ok(mix));
    }
    for defence in Weaken::ALL {
        assert_eq!(defence.name().parse(), Ok(defence));
    }
    assert!("storm".parse::<Mix>().is_err() && "luck".parse::<Weaken>().is_err());
}
