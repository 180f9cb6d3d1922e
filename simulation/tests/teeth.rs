//! Each defence taken away is found out, within a few hundred seeds; with it, the same seeds hold.

use pricestream_simulation::{Mix, Plan, Report, Weaken, campaign};

const SEEDS: std::ops::Range<u64> = 0..500;

/// Without `defence` one of `SEEDS` breaks `invariant`; with it, under the same plan, none breaks anything.
fn bites(defence: Weaken, plan: Plan, invariant: &str) {
    let without = campaign(SEEDS, |_| plan.without(defence), |_| {});
    let found = without.failed.unwrap_or_else(|| panic!("{} went missing and nothing broke: {plan}", defence.name()));
    println!("{}", found.failure().unwrap());
    let broken = found.broken.expect("it failed");
    assert!(broken.invariant.starts_with(invariant), "{broken:?}");
    holds(plan);
}

fn holds(plan: Plan) {
    let summary = campaign(SEEDS, |_| plan, |_| {});
    println!("with everything in place: {} seeds, {} steps, {plan}", summary.seeds, summary.steps);
    assert_eq!(summary.failed.as_ref().and_then(Report::failure), None);
}

#[test]
fn r5_without_its_comparison_the_cache_goes_back() {
    bites(Weaken::CacheCompare, Plan::against(Weaken::CacheCompare), "I1");
}

#[test]
fn r1_without_conditional_writes_decisions_are_lost() {
    bites(Weaken::ConditionalWrites, Plan::against(Weaken::ConditionalWrites), "I3 rows are a chain");
}

#[test]
fn r2_without_the_repeated_announcement_a_crash_leaves_the_cache_behind() {
    // The stream and the reconciler would mend it: this is what the events alone guarantee.
    bites(Weaken::ReEmit, Plan::against(Weaken::ReEmit), "I2 a settled cache is the record");
}

#[test]
fn r2_the_stream_and_the_reconciler_make_good_for_a_missing_announcement() {
    holds(Plan::of(Mix::Crashes).without(Weaken::ReEmit));
}

#[test]
fn a_decision_that_reads_its_inputs_first_goes_back_to_older_ones() {
    bites(Weaken::RecordFirst, Plan::against(Weaken::RecordFirst), "I6");
}

#[test]
fn without_the_reconciler_a_lost_event_is_never_made_good() {
    bites(Weaken::Reconciler, Plan::against(Weaken::Reconciler), "I2");
}

#[test]
fn without_the_reconciler_a_failover_of_the_cache_is_never_made_good() {
    let plan = Plan { mix: Mix::Failover, ..Plan::against(Weaken::Reconciler) };
    bites(Weaken::Reconciler, plan, "I2 a settled cache is the record");
}

#[test]
fn the_reconciler_is_not_needed_while_nothing_is_lost() {
    for mix in [Mix::Calm, Mix::Duplicates] {
        holds(Plan { mix, ..Plan::against(Weaken::Reconciler) }.without(Weaken::Reconciler));
    }
}

#[test]
fn r6_without_a_look_at_the_record_an_emptied_cache_takes_an_old_price() {
    bites(Weaken::AbsentRead, Plan::against(Weaken::AbsentRead), "R6");
}
