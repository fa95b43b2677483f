//! What is open in the editor, laid over what is on disk, by campaign folder. Promises: what is wrong is found by the
//! code of `guerdon check`; a file whose mistakes are gone is told so; nothing that is typed ends the server.

use super::answer;
use super::server::Client;
use super::text;
use crate::cli::{folder, start};
use gen_lsp_types::{
    CompletionItem, DidChangeTextDocumentParams, Hover, PublishDiagnosticsParams, TextDocumentContentChangeEvent, TextDocumentItem,
    TextDocumentPositionParams, Uri,
};
use guerdon_rules::diagnostic::Diagnostic;
use guerdon_rules::editor::{Folder, findings};
use guerdon_rules::language::{Files, Runtime};
use guerdon_rules::limits::Limits;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

const MANIFEST: &str = "campaign.toml";
const POPULATION: &str = "population.toml";

struct Document {
    uri: Uri,
    version: i32,
    text: String,
    /// Of its campaign; none: it stands alone.
    folder: Option<PathBuf>,
    /// Within the campaign's folder, with `/`; alone, the file's name.
    path: String,
}

/// A campaign's folder of which something is open.
#[derive(Default)]
struct Campaign {
    folder: Folder,
    disk: Files,
    /// Whether the disk was not read since it may have changed.
    is_stale: bool,
    is_checked: bool,
    /// Files that were told to have findings.
    told: BTreeSet<String>,
}

pub struct Workspace {
    runtime: Runtime,
    /// Whether the client says when files change on disk.
    watches_files: bool,
    documents: BTreeMap<String, Document>,
    campaigns: BTreeMap<PathBuf, Campaign>,
}

impl Workspace {
    pub fn new(watches_files: bool) -> Workspace {
        Workspace { runtime: start::runtime(Limits::default()), watches_files, documents: BTreeMap::new(), campaigns: BTreeMap::new() }
    }

    pub fn open(&mut self, opened: TextDocumentItem) {
        let file = opened.uri.to_file_path().ok();
        let folder = file.as_deref().and_then(|file| self.folder_of(file));
        let within = folder.as_deref().zip(file.as_deref()).and_then(|(folder, file)| within(folder, file));
        let alone = opened.uri.path().rsplit('/').next().unwrap_or_default().to_string();
        let (folder, path) = within.map_or((None, alone), |path| (folder, path));
        if let Some(folder) = &folder {
            let campaign = self.campaigns.entry(folder.clone()).or_default();
            (campaign.is_stale, campaign.is_checked) = (true, false);
        }
        let key = opened.uri.to_string();
        self.documents.insert(key, Document { uri: opened.uri, version: opened.version, text: opened.text, folder, path });
    }

    pub fn change(&mut self, changed: DidChangeTextDocumentParams) {
        let Some(document) = self.documents.get_mut(changed.text_document.text_document_identifier.uri.as_str()) else { return };
        document.version = changed.text_document.version;
        for change in changed.content_changes {
            match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => document.text = whole.text,
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part) => {
                    let (start, end) = (text::byte_of(&document.text, part.range.start), text::byte_of(&document.text, part.range.end));
                    document.text.replace_range(start..end.max(start), &part.text);
                }
            }
        }
        if let Some(campaign) = document.folder.as_ref().and_then(|folder| self.campaigns.get_mut(folder)) {
            campaign.is_checked = false;
        }
    }

    /// A file changed on disk.
    pub fn saved(&mut self, uri: &Uri) {
        let Ok(file) = uri.to_file_path() else { return };
        for (folder, campaign) in &mut self.campaigns {
            if file.starts_with(folder) {
                (campaign.is_stale, campaign.is_checked) = (true, false);
            }
        }
    }

    /// Tells what nobody looks at any more to have no findings.
    pub fn close(&mut self, uri: &Uri) -> Vec<PublishDiagnosticsParams> {
        let Some(Document { folder: Some(folder), .. }) = self.documents.remove(uri.as_str()) else { return Vec::new() };
        if self.documents.values().any(|document| document.folder.as_ref() == Some(&folder)) {
            if let Some(campaign) = self.campaigns.get_mut(&folder) {
                (campaign.is_stale, campaign.is_checked) = (true, false);
            }
            return Vec::new();
        }
        let told = self.campaigns.remove(&folder).map_or_else(BTreeSet::new, |campaign| campaign.told);
        told.iter().filter_map(|path| self.told(&folder, path, Vec::new())).collect()
    }

    pub fn is_checked(&self) -> bool {
        self.campaigns.values().all(|campaign| campaign.is_checked)
    }

    /// Checks what changed, and says what is wrong in each file, or that nothing is any more.
    pub fn check(&mut self) -> Vec<PublishDiagnosticsParams> {
        let unchecked: Vec<PathBuf> = self.campaigns.iter().filter(|(_, c)| !c.is_checked).map(|(folder, _)| folder.clone()).collect();
        unchecked.iter().flat_map(|folder| self.check_one(folder)).collect()
    }

    fn check_one(&mut self, folder: &Path) -> Vec<PublishDiagnosticsParams> {
        self.lay_over(folder);
        let Some(campaign) = self.campaigns.get_mut(folder) else { return Vec::new() };
        campaign.is_checked = true;
        let found = match caught(|| findings::findings(campaign.folder.files(), &self.runtime)) {
            Some(found) => found,
            None => vec![Diagnostic::error(MANIFEST, None, "the check broke down on what is written here", "please report it")],
        };
        let mut by_file: BTreeMap<String, Vec<&Diagnostic>> =
            std::mem::take(&mut campaign.told).into_iter().map(|f| (f, Vec::new())).collect();
        found.iter().for_each(|finding| by_file.entry(finding.file.clone()).or_default().push(finding));
        campaign.told = by_file.iter().filter(|(_, found)| !found.is_empty()).map(|(file, _)| file.clone()).collect();
        by_file.into_iter().filter_map(|(path, found)| self.told(folder, &path, found)).collect()
    }

    fn told(&self, folder: &Path, path: &str, found: Vec<&Diagnostic>) -> Option<PublishDiagnosticsParams> {
        let open = self.documents.values().find(|document| document.path == path && document.folder.as_deref() == Some(folder));
        let uri = open.map_or_else(|| Uri::from_file_path(folder.join(path)).ok(), |document| Some(document.uri.clone()))?;
        let bytes = self.campaigns.get(folder).and_then(|campaign| campaign.folder.files().get(path));
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default().trim_start_matches('\u{feff}');
        let diagnostics = found.into_iter().map(|finding| answer::finding(text, finding)).collect();
        Some(PublishDiagnosticsParams { uri, version: open.map(|document| document.version), diagnostics })
    }

    pub fn complete(&mut self, at: &TextDocumentPositionParams, client: Client) -> Vec<CompletionItem> {
        let found = self.ask(at, |folder, path, place, text| answer::completion(text, folder.complete(path, place), client));
        found.unwrap_or_default()
    }

    pub fn hover(&mut self, at: &TextDocumentPositionParams) -> Option<Hover> {
        self.ask(at, |folder, path, place, text| folder.hover(path, place).map(|found| answer::hover(text, &found))).flatten()
    }

    /// Asks a document's folder, or one made of the document alone.
    fn ask<T>(&mut self, at: &TextDocumentPositionParams, ask: impl FnOnce(&Folder, &str, usize, &str) -> T) -> Option<T> {
        let key = at.text_document.uri.as_str();
        if let Some(folder) = self.documents.get(key)?.folder.clone() {
            self.lay_over(&folder);
        }
        let document = self.documents.get(key)?;
        let place = text::byte_of(&document.text, at.position);
        let mut alone = Folder::default();
        let folder = match document.folder.as_ref().and_then(|folder| self.campaigns.get(folder)) {
            Some(campaign) => &campaign.folder,
            None => {
                alone.update(Files::from([(document.path.clone(), document.text.as_bytes().into())]));
                &alone
            }
        };
        caught(|| ask(folder, &document.path, place, &document.text))
    }

    /// The folder's files as they are on disk, but for those that are open.
    fn lay_over(&mut self, folder: &Path) {
        let Some(campaign) = self.campaigns.get_mut(folder) else { return };
        if campaign.is_stale || !self.watches_files {
            campaign.is_stale = false;
            campaign.disk = on_disk(folder);
        }
        let mut files = campaign.disk.clone();
        for document in self.documents.values().filter(|document| document.folder.as_deref() == Some(folder)) {
            if folder::is_part(&document.path) || document.path == POPULATION {
                files.insert(document.path.clone(), document.text.as_bytes().into());
            }
        }
        // Names are read from campaign.toml here.
        if caught(|| campaign.folder.update(files)).is_none() {
            eprintln!("guerdon lsp: {} broke the reader of campaign.toml: please report it", folder.display());
        }
    }

    /// The nearest folder above a file that has a campaign.toml, on disk or open.
    fn folder_of(&self, file: &Path) -> Option<PathBuf> {
        let is_campaign = |folder: &&Path| {
            let manifest = folder.join(MANIFEST);
            let is_open = |document: &Document| document.uri.to_file_path().is_ok_and(|path| path == manifest);
            file == manifest || manifest.is_file() || self.documents.values().any(is_open)
        };
        file.parent()?.ancestors().find(is_campaign).map(Path::to_path_buf)
    }
}

/// What is read of a folder; a folder that cannot be read has no files, and the check says so.
fn on_disk(path: &Path) -> Files {
    let mut files = folder::read(path).unwrap_or_default();
    if let Ok(bytes) = std::fs::read(path.join(POPULATION)) {
        files.insert(POPULATION.into(), bytes.into());
    }
    files
}

fn within(folder: &Path, file: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = file.strip_prefix(folder).ok()?.components().map(|part| part.as_os_str().to_str()).collect();
    Some(parts?.join("/"))
}

/// rhai's parser is not expected to panic on what is typed; if it does, the server goes on.
fn caught<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}
