//! Watches folders on disk: tells once for each burst of saves which files changed. An editor that saves by renaming is
//! seen like one that writes in place; reading is no change. Must not know: what the files are for.

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long nothing may change before a burst is over.
const QUIET: Duration = Duration::from_millis(150);

/// See the module. Ends when it is dropped.
pub struct Watch {
    _watcher: RecommendedWatcher,
    changes: UnboundedReceiver<notify::Result<Event>>,
}

impl Watch {
    /// Watches folders with all that is in them. Fails when one is not there, or the system allows no more watches.
    pub fn new<'p>(folders: impl IntoIterator<Item = &'p Path>) -> notify::Result<Watch> {
        let (send, changes) = unbounded_channel();
        // Nobody listens any more when this is dropped.
        let mut watcher = notify::recommended_watcher(move |event| drop(send.send(event)))?;
        for folder in folders {
            watcher.watch(folder, RecursiveMode::Recursive).map_err(|e| e.set_paths(vec![folder.into()]))?;
        }
        Ok(Watch { _watcher: watcher, changes })
    }

    /// Waits for the next burst of saves, and tells the files that changed, hidden ones left out. May be cancelled.
    pub async fn changed(&mut self) -> notify::Result<BTreeSet<PathBuf>> {
        let mut changed = BTreeSet::new();
        loop {
            let next = match changed.is_empty() {
                true => self.changes.recv().await,
                false => match tokio::time::timeout(QUIET, self.changes.recv()).await {
                    Ok(next) => next,
                    Err(_) => return Ok(changed),
                },
            };
            let event = next.ok_or_else(|| notify::Error::generic("the watcher has ended"))??;
            if !event.kind.is_access() {
                changed.extend(event.paths.into_iter().filter(|path| !is_hidden(path)));
            }
        }
    }
}

/// What editors put beside a file while they save it.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    name.starts_with('.') || name.ends_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_of_saves_is_told_once_and_reading_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("cases")).unwrap();
        std::fs::write(path("rules.rhai"), "old").unwrap();
        let mut watch = Watch::new([folder.path()]).unwrap();
        std::fs::read(path("rules.rhai")).unwrap();
        std::fs::write(path(".rules.swp"), "x").unwrap();
        std::fs::write(path("rules.rhai"), "new").unwrap();
        std::fs::write(path("rules.rhai"), "newer").unwrap();
        std::fs::write(path("cases/new.toml"), "x").unwrap();
        assert_eq!(watch.changed().await.unwrap(), BTreeSet::from([path("rules.rhai"), path("cases/new.toml")]));
        // As editors do that keep the old file until the new one is whole.
        std::fs::write(path(".rules.new"), "newest").unwrap();
        std::fs::rename(path(".rules.new"), path("rules.rhai")).unwrap();
        assert_eq!(watch.changed().await.unwrap(), BTreeSet::from([path("rules.rhai")]));
        std::fs::read(path("rules.rhai")).unwrap();
        std::fs::write(path("campaign.toml"), "x").unwrap();
        assert_eq!(watch.changed().await.unwrap(), BTreeSet::from([path("campaign.toml")]));
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let missing = Path::new("nowhere/at/all");
        assert!(Watch::new([missing]).err().unwrap().to_string().contains("nowhere"));
    }
}
