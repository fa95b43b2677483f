//! Who used the processors between two moments, from `/proc`: this process, a PostgreSQL server, others, nobody. Where
//! there is no `/proc` nothing is known, and nothing is claimed. Must not know: what was measured.

use std::fs;

/// Ticks since the machine started.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    own: u64,
    server: u64,
    idle: u64,
    /// Idle, while something waited for a disk.
    disk: u64,
    all: u64,
}

/// Now; `server` is the process id of PostgreSQL's first process, if it runs on this machine.
pub fn now(server: Option<u32>) -> Option<Usage> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
    let (idle, disk) = (*ticks.get(3)?, *ticks.get(4)?);
    let own = process(std::process::id()).map_or(0, |(_, ticks)| ticks);
    let server = server.map_or(0, of_server);
    Some(Usage { own, server, idle, disk, all: ticks.iter().take(8).sum() })
}

/// Bytes of memory that this process holds.
pub fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// The process that started this one; none when it does not run here.
pub fn parent(process_id: u32) -> Option<u32> {
    process(process_id).map(|(parent, _)| parent)
}

fn of_server(server: u32) -> u64 {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    processes.filter_map(process).filter(|(parent, _)| *parent == server).map(|(_, ticks)| ticks).sum()
}

/// Parent and ticks, in user and in system mode.
fn process(process_id: u32) -> Option<(u32, u64)> {
    let stat = fs::read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |place: usize| fields.get(place).and_then(|n| n.parse::<u64>().ok());
    Some((u32::try_from(number(1)?).ok()?, number(11)? + number(12)?))
}

/// What took the time, as shares of all processors.
pub fn bottleneck(from: Option<Usage>, to: Option<Usage>) -> Option<String> {
    let (from, to) = (from?, to?);
    let all = to.all.saturating_sub(from.all).max(1);
    let share = |from: u64, to: u64| to.saturating_sub(from) * 100 / all;
    let (own, server) = (share(from.own, to.own), share(from.server, to.server));
    let (idle, disk) = (share(from.idle, to.idle), share(from.disk, to.disk));
    let others = 100_u64.saturating_sub(own + server + idle + disk);
    let named =
        [("guerdon and client", own), ("database", server), ("other programs", others), ("waiting for the disk", disk), ("idle", idle)];
    let most = named.iter().max_by_key(|(_, share)| *share).map_or("", |(name, _)| name);
    let shares: Vec<String> = named.iter().filter(|(_, share)| *share > 0).map(|(name, share)| format!("{name} {share} %")).collect();
    Some(format!("{most} (processors: {})", shares.join(", ")))
}

/// Watches how much memory this process holds.
pub struct MostMemory {
    most: std::sync::Arc<std::sync::atomic::AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl MostMemory {
    pub fn watch() -> MostMemory {
        let most = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let seen = most.clone();
        let task = tokio::spawn(async move {
            while let Some(now) = memory() {
                seen.fetch_max(now, std::sync::atomic::Ordering::Relaxed);
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        MostMemory { most, task }
    }

    /// The most bytes so far; ends watching.
    pub async fn most(self) -> Option<u64> {
        self.task.abort();
        let _ = self.task.await;
        Some(self.most.load(std::sync::atomic::Ordering::Relaxed)).filter(|most| *most > 0)
    }
}
