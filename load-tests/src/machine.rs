//! What of the machine is used, from /proc; nothing where there is none.

use std::time::Duration;

/// Of a process: CPU so far, and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// User and system time.
    pub cpu: Duration,
    /// Resident, in MiB.
    pub memory_mib: f64,
}

/// Of process `id`, or of this one.
pub(crate) fn usage(id: Option<u32>) -> Option<Usage> {
    let of = id.map_or("self".to_owned(), |id| id.to_string());
    let stat = std::fs::read_to_string(format!("/proc/{of}/stat")).ok()?;
    // Fields after the name, which may hold anything: the 12th and 13th are ticks of user and system time.
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let pages: f64 = fields.get(21)?.parse().ok()?;
    let page = f64::from(u32::try_from(rustix::param::page_size()).ok()?);
    let cpu = Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second());
    Some(Usage { cpu, memory_mib: pages * page / 1_048_576.0 })
}

/// Ticks of all cores: busy ones, and all.
pub(crate) fn cores() -> Option<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|ticks| ticks.parse().ok()).collect();
    let all: u64 = ticks.iter().take(8).sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((all - idle, all))
}

/// What this machine is, in words.
pub fn facts() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':')).map_or("", |(_, model)| model.trim());
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{count} cores {model}, {} GiB, Linux {}", kib.unwrap_or(0) / 1_048_576, release.trim())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let used = usage(None).unwrap();
        assert!(used.memory_mib > 0.5, "{used:?}");
        let (busy, all) = cores().unwrap();
        assert!(busy > 0 && busy <= all);
        assert!(facts().contains("cores"));
    }
}
