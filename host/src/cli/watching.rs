//! `guerdon serve --watch`: saving a file of a campaign checks it and swaps it in. Promises: a mistake is shown as `check`
//! shows it, and the last good version stays in force.

use super::exit::Failure;
use super::{folder, snippet};
use crate::flow::{FlowError, Host};
use crate::watch::Watch;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Begins to watch the folder of campaign folders; ends with `stopping`. `local`: the host asks for no key, and nobody has to approve.
pub fn start(host: &Arc<Host>, campaigns: &Path, local: bool, stopping: CancellationToken) -> Result<(), Failure> {
    let mut watch = Watch::new([campaigns]).map_err(|e| Failure::Infrastructure(format!("{}: {e}", campaigns.display())))?;
    let (host, campaigns) = (host.clone(), campaigns.to_path_buf());
    tokio::spawn(async move {
        loop {
            let changed = tokio::select! {
                () = stopping.cancelled() => return,
                changed = watch.changed() => changed,
            };
            match changed {
                Ok(changed) => swap_all(&host, &campaigns, &changed, local).await,
                Err(error) => return tracing::error!(%error, "files are not watched any more"),
            }
        }
    });
    Ok(())
}

async fn swap_all(host: &Arc<Host>, campaigns: &Path, changed: &BTreeSet<PathBuf>, local: bool) {
    let Ok(folders) = folder::campaigns(campaigns) else { return };
    for folder in folders {
        let whole = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
        if changed.iter().any(|path| path.starts_with(&folder) || path.starts_with(&whole)) {
            swap(host, &folder, local).await;
        }
    }
}

async fn swap(host: &Arc<Host>, path: &Path, local: bool) {
    let Ok(files) = folder::read(path) else { return };
    let name = path.display();
    match host.swap_in(files.clone(), "watch", &format!("saved in {name}"), local).await {
        Ok(added) if added.added => eprintln!("{name}: saved, release {} decides now", added.number),
        Ok(_) => {}
        Err(FlowError::Rules(found)) => {
            found.iter().for_each(|d| eprintln!("{}", snippet::render(d, &name.to_string(), &files)));
            eprintln!("{name}: not swapped in, the last good version stays");
        }
        Err(error) => eprintln!("{name}: not swapped in: {error}"),
    }
}
