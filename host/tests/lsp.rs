//! `guerdon lsp` as an editor runs it: the built program, its stdin and stdout, and the protocol's framing.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tempfile::TempDir;

const MANIFEST: &str = include_str!("../../campaigns/learning-race/campaign.toml");
const RULES: &str = include_str!("../../campaigns/learning-race/rules.rhai");
const CASES: &str = include_str!("../../campaigns/learning-race/cases/account-opened.toml");

/// An editor with the learning race in a folder of its own.
struct Editor {
    folder: TempDir,
    server: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    /// Read, and not looked at yet.
    waiting: VecDeque<Value>,
    asked: i64,
}

impl Editor {
    fn start() -> Editor {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [("campaign.toml", MANIFEST), ("rules.rhai", RULES), ("cases/account-opened.toml", CASES)] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
        let mut server =
            command.args(["lsp", "--stdio"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (to, from) = (server.stdin.take(), BufReader::new(server.stdout.take().unwrap()));
        Editor { folder, server, to, from, waiting: VecDeque::new(), asked: 0 }
    }

    fn initialized(capabilities: Value) -> Editor {
        let mut editor = Editor::start();
        let answer = editor.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": capabilities }));
        let capabilities = &answer["result"]["capabilities"];
        assert_eq!((&capabilities["positionEncoding"], &capabilities["hoverProvider"]), (&json!("utf-16"), &json!(true)), "{answer}");
        editor.tell("initialized", json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let to = self.to.as_mut().unwrap();
        write!(to, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        to.flush().unwrap();
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the server says no more");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", number)) => length = number.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The next message that fits; those before it wait.
    fn next(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&fits) {
            return self.waiting.remove(at).unwrap();
        }
        loop {
            let message = self.receive();
            if fits(&message) {
                return message;
            }
            self.waiting.push_back(message);
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.next(|message| message["id"] == id && message.get("method").is_none())
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn uri(&self, file: &str) -> String {
        // What a temporary folder is called needs no escapes.
        format!("file://{}", self.path(file).display())
    }

    fn open(&mut self, file: &str, text: &str) {
        let document = json!({ "uri": self.uri(file), "languageId": "rhai", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(&mut self, file: &str, version: i32, change: Value) {
        let document = json!({ "uri": self.uri(file), "version": version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [change] }));
    }

    /// The next findings of a file: where they begin and end, and what they say.
    fn findings(&mut self, file: &str) -> Vec<String> {
        let uri = self.uri(file);
        let told = self.next(|message| message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri.as_str());
        let one = |finding: &Value| {
            let place = |end: &str| format!("{}:{}", finding["range"][end]["line"], finding["range"][end]["character"]);
            format!("{}-{} {}", place("start"), place("end"), finding["message"].as_str().unwrap().replace('\n', " | "))
        };
        told["params"]["diagnostics"].as_array().unwrap().iter().map(one).collect()
    }

    /// Asks about the place after `text` in a file.
    fn ask_at(&mut self, method: &str, file: &str, text: &str, until: &str) -> Value {
        let before = &text[..text.find(until).unwrap() + until.len()];
        let line = before.matches('\n').count();
        let character = before.rsplit('\n').next().unwrap().encode_utf16().count();
        self.ask(method, json!({ "textDocument": { "uri": self.uri(file) }, "position": { "line": line, "character": character } }))
    }

    fn ends(mut self) -> i32 {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        self.server.wait().unwrap().code().unwrap()
    }
}

fn labels(answer: &Value) -> Vec<&str> {
    answer["result"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect()
}

#[test]
fn a_mistake_is_told_while_it_is_typed_and_taken_back() {
    let mut editor = Editor::initialized(json!({}));
    let wrong = RULES.replacen("award(\"learning\", 20)", "award(\"lerning\", 20)", 1);
    editor.open("rules.rhai", &wrong);
    assert_eq!(editor.findings("rules.rhai"), ["7:18-7:27 there is no account \"lerning\" | did you mean \"learning\"?"]);

    // Behind Chinese and an emoji on the same line, places count UTF-16 units.
    let wide = RULES.replacen("inviter.award(", "note(\"好友 \u{1F600}\"); inviter.awrd(", 1);
    editor.change("rules.rhai", 2, json!({ "text": wide }));
    assert_eq!(editor.findings("rules.rhai"), ["7:27-7:31 there is no `awrd` | did you mean `award`?"]);

    // A text that is no rule file at all; the server lives on.
    editor.change("rules.rhai", 3, json!({ "text": "fn （\"" }));
    assert!(editor.findings("rules.rhai")[0].contains("全角标点"), "full-width");

    editor.change("rules.rhai", 4, json!({ "text": RULES }));
    assert_eq!(editor.findings("rules.rhai"), [""; 0]);
    assert_eq!(editor.ends(), 0);
}

#[test]
fn names_of_the_campaign_are_offered_and_explained() {
    let mut editor = Editor::initialized(json!({ "textDocument": { "completion": { "completionItem": { "snippetSupport": true } } } }));
    let text = "// 学习\nfn on_account_opened(event) {\n    event.roles.inviter.award(\"le\n}\n";
    editor.open("rules.rhai", text);
    let answer = editor.ask_at("textDocument/completion", "rules.rhai", text, "\"le");
    assert_eq!(labels(&answer), ["learning", "learning.lesson"]);
    let item = &answer["result"][0];
    assert_eq!(item["textEdit"]["range"], json!({ "start": { "line": 2, "character": 31 }, "end": { "line": 2, "character": 33 } }));
    assert!(item["documentation"]["value"].as_str().unwrap().contains("学习值"), "{item}");

    let answer = editor.ask_at("textDocument/completion", "rules.rhai", text, "inviter.");
    let award = answer["result"].as_array().unwrap().iter().find(|item| item["label"] == "award").unwrap();
    assert_eq!((&award["textEdit"]["newText"], &award["insertTextFormat"]), (&json!("award(\"$1\", $2)"), &json!(2)), "{award}");

    let hover = editor.ask_at("textDocument/hover", "rules.rhai", text, "inviter.aw");
    assert!(hover["result"]["contents"]["value"].as_str().unwrap().contains("member.award(account, whole number)"), "{hover}");
    assert_eq!(hover["result"]["range"]["start"], json!({ "line": 2, "character": 24 }));
    assert_eq!(editor.ask_at("textDocument/hover", "rules.rhai", text, "// 学")["result"], Value::Null);

    let typed = format!("{MANIFEST}\n[limits.rewards.");
    editor.open("campaign.toml", &typed);
    let answer = editor.ask_at("textDocument/completion", "campaign.toml", &typed, "\n\n[limits.rewards.");
    assert_eq!(labels(&answer), ["jd-20", "jd-100"]);
    let answer = editor.ask_at("textDocument/completion", "cases/account-opened.toml", "", "");
    assert_eq!(answer["result"], json!([]), "a file that is not open");
    assert_eq!(editor.ends(), 0);
}

#[test]
fn findings_reach_every_file_of_the_folder() {
    let mut editor = Editor::initialized(json!({ "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } }));
    let registration = editor.next(|message| message["method"] == "client/registerCapability");
    editor.send(&json!({ "jsonrpc": "2.0", "id": registration["id"], "result": null }));

    // The reward goes, in the buffer alone: the files on disk that name it are wrong now.
    let renamed = MANIFEST.replace("[rewards.jd-20]", "[rewards.jd-21]").replace("[limits.rewards.jd-20]", "[limits.rewards.jd-21]");
    editor.open("campaign.toml", &renamed.replace("granted(\\\"jd-20\\\"", "granted(\\\"jd-21\\\""));
    let told = editor.findings("rules.rhai");
    assert!(told.iter().any(|finding| finding.contains("there is no reward \"jd-20\"")), "{told:?}");
    let told = editor.findings("cases/account-opened.toml");
    assert!(told[0].contains("there is no reward \"jd-20\""), "{told:?}");

    // Part of a line is replaced, as editors send it.
    let line = renamed.lines().position(|line| line == "[rewards.jd-21]").unwrap();
    let part = |line: usize| json!({ "range": { "start": { "line": line, "character": 9 }, "end": { "line": line, "character": 14 } }, "text": "jd-20" });
    editor.change("campaign.toml", 2, part(line));
    editor.change("campaign.toml", 3, json!({ "text": MANIFEST }));
    assert_eq!(editor.findings("rules.rhai"), [""; 0]);
    assert_eq!(editor.findings("cases/account-opened.toml"), [""; 0]);

    // Changed on disk, behind the editor's back.
    std::fs::write(editor.path("rules.rhai"), RULES.replace("20);", "20)")).unwrap();
    editor.tell("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": editor.uri("rules.rhai"), "type": 2 }] }));
    assert!(editor.findings("rules.rhai")[0].contains("`;` is missing"));

    // Nobody looks at the folder any more.
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": editor.uri("campaign.toml") } }));
    assert_eq!(editor.findings("rules.rhai"), [""; 0]);
    assert_eq!(editor.ends(), 0);
}

#[test]
fn what_is_not_understood_is_answered_and_ends_nothing() {
    let mut editor = Editor::start();
    assert_eq!(editor.ask("textDocument/hover", json!({}))["error"]["code"], -32002);
    editor.ask("initialize", json!({ "capabilities": {} }));
    assert_eq!(editor.ask("initialize", json!({ "capabilities": {} }))["error"]["code"], -32600);
    assert_eq!(editor.ask("textDocument/rename", json!({}))["error"]["code"], -32601);
    assert_eq!(editor.ask("textDocument/hover", json!({ "textDocument": 7 }))["error"]["code"], -32602);
    editor.tell("textDocument/didOpen", json!({ "textDocument": "no" }));
    editor.tell("$/setTrace", json!({ "value": "off" }));
    editor.tell("textDocument/didChange", json!({ "textDocument": { "uri": "file:///none", "version": 1 }, "contentChanges": [] }));
    editor.open("rules.rhai", RULES);
    for (line, character) in [(0, 0), (0, 9_999), (9_999, 0), (4_294_967_295_u32, 4_294_967_295_u32)] {
        let position = json!({ "line": line, "character": character });
        for method in ["textDocument/hover", "textDocument/completion"] {
            let answer = editor.ask(method, json!({ "textDocument": { "uri": editor.uri("rules.rhai") }, "position": position }));
            assert!(answer.get("error").is_none(), "{answer}");
        }
    }
    // A range from behind to before, outside of the text.
    let range = json!({ "start": { "line": 99, "character": 5 }, "end": { "line": 0, "character": 0 } });
    editor.change("rules.rhai", 2, json!({ "range": range, "text": "x" }));
    assert!(!editor.findings("rules.rhai").is_empty());

    // A script that belongs to no campaign still has the rule API.
    let alone = "fn f(event) { event.";
    let document = json!({ "uri": "untitled:alone.rhai", "languageId": "rhai", "version": 1, "text": alone });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
    let position = json!({ "line": 0, "character": alone.len() });
    let answer = editor.ask("textDocument/completion", json!({ "textDocument": { "uri": "untitled:alone.rhai" }, "position": position }));
    assert!(labels(&answer).contains(&"weekday"), "{answer}");

    editor.ask("shutdown", Value::Null);
    assert_eq!(editor.ask("textDocument/hover", json!({}))["error"]["code"], -32600);
    editor.tell("exit", Value::Null);
    assert_eq!(editor.server.wait().unwrap().code(), Some(0));
}

#[test]
fn an_end_without_shutdown_is_told_by_the_exit_code() {
    let mut editor = Editor::initialized(json!({}));
    editor.tell("exit", Value::Null);
    assert_eq!(editor.server.wait().unwrap().code(), Some(1));
    let mut editor = Editor::initialized(json!({}));
    editor.to = None;
    assert_eq!(editor.server.wait().unwrap().code(), Some(1));
    let mut editor = Editor::initialized(json!({}));
    editor.to.as_mut().unwrap().write_all(b"Content-Length: 3\r\n\r\n{x}").unwrap();
    assert_eq!(editor.server.wait().unwrap().code(), Some(4));
}

#[test]
fn the_extension_for_vs_code_is_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/vscode");
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let json = |file: &str| -> Value { serde_json::from_str(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}")) };
    let package = json("package.json");
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    let language = &package["contributes"]["languages"][0];
    assert_eq!(language["extensions"], json!([".rhai"]));
    json(language["configuration"].as_str().unwrap());
    let grammar = &package["contributes"]["grammars"][0];
    assert_eq!(json(grammar["path"].as_str().unwrap())["scopeName"], grammar["scopeName"]);
    // It starts this program, by the setting and the command that it declares.
    let script = read(package["main"].as_str().unwrap());
    let declared = &package["contributes"];
    assert!(
        declared["configuration"]["properties"]["guerdon.path"]["default"] == "guerdon"
            && script.contains("getConfiguration(\"guerdon\").get(\"path\")")
    );
    assert!(script.contains("args: [\"lsp\"]") && script.contains(declared["commands"][0]["command"].as_str().unwrap()));
}
