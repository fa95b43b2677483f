//! The protocol: which message does what, in the order in which they come. Promises: a request is always answered, also
//! one that is not understood; a notification that is not understood changes nothing; findings follow once typing rests.
//! Must not know: what the words of a campaign mean.

use super::workspace::Workspace;
use gen_lsp_types::{
    CompletionParams, DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, HoverParams,
};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

/// How long nobody types before the folder is checked.
const QUIET: Duration = Duration::from_millis(150);

/// How it ended otherwise than by `shutdown` and `exit`.
pub enum Ended {
    /// The client went away, or said `exit` alone.
    Early,
    /// The client reads no more.
    Unheard,
}

/// What the client can do, as far as it matters.
#[derive(Clone, Copy, Default)]
pub struct Client {
    pub knows_snippets: bool,
    watches_files: bool,
}

struct Server<'c> {
    connection: &'c Connection,
    client: Client,
    workspace: Workspace,
    is_shut_down: bool,
}

pub fn serve(connection: &Connection) -> Result<(), Ended> {
    let (id, params) = connection.initialize_start().map_err(|_| Ended::Early)?;
    let client = client(&params);
    let mut server = Server { connection, client, workspace: Workspace::new(client.watches_files), is_shut_down: false };
    server.send(Response::new_ok(id, offered()))?;
    server.run()
}

fn client(params: &Value) -> Client {
    let flag = |path: &str| params.pointer(path).and_then(Value::as_bool).unwrap_or(false);
    Client {
        knows_snippets: flag("/capabilities/textDocument/completion/completionItem/snippetSupport"),
        watches_files: flag("/capabilities/workspace/didChangeWatchedFiles/dynamicRegistration"),
    }
}

fn offered() -> Value {
    json!({
        "capabilities": {
            "positionEncoding": "utf-16",
            "textDocumentSync": { "openClose": true, "change": 2, "save": true },
            "completionProvider": { "triggerCharacters": [".", "\"", ":"] },
            "hoverProvider": true,
        },
        "serverInfo": { "name": "guerdon", "version": env!("CARGO_PKG_VERSION") },
    })
}

impl Server<'_> {
    fn run(&mut self) -> Result<(), Ended> {
        loop {
            let next = match self.workspace.is_checked() {
                true => self.connection.receiver.recv().map_err(|_| Ended::Early),
                false => match self.connection.receiver.recv_timeout(QUIET) {
                    Ok(message) => Ok(message),
                    Err(rest) if rest.is_timeout() => {
                        self.publish()?;
                        continue;
                    }
                    Err(_) => Err(Ended::Early),
                },
            };
            match next? {
                Message::Request(request) => self.answer(request)?,
                Message::Notification(notification) if notification.method == "exit" => {
                    return if self.is_shut_down { Ok(()) } else { Err(Ended::Early) };
                }
                Message::Notification(notification) => self.take(notification)?,
                // Of the registration of watchers: without them, files are read again at each check.
                Message::Response(_) => {}
            }
        }
    }

    fn send(&self, message: impl Into<Message>) -> Result<(), Ended> {
        self.connection.sender.send(message.into()).map_err(|_| Ended::Unheard)
    }

    fn publish(&mut self) -> Result<(), Ended> {
        for params in self.workspace.check() {
            self.send(Notification { method: "textDocument/publishDiagnostics".into(), params: to_json(params) })?;
        }
        Ok(())
    }

    fn answer(&mut self, request: Request) -> Result<(), Ended> {
        let Request { id, method, params } = request;
        if self.is_shut_down {
            return self.send(Response::new_err(id, ErrorCode::InvalidRequest as i32, "the server is shut down".into()));
        }
        let response = match method.as_str() {
            "shutdown" => {
                self.is_shut_down = true;
                Response::new_ok(id, Value::Null)
            }
            "textDocument/completion" => self.asked(id, params, |server, params: CompletionParams| {
                server.workspace.complete(&params.text_document_position_params, server.client)
            }),
            "textDocument/hover" => {
                self.asked(id, params, |server, params: HoverParams| server.workspace.hover(&params.text_document_position_params))
            }
            "initialize" => Response::new_err(id, ErrorCode::InvalidRequest as i32, "the server is initialized already".into()),
            _ => Response::new_err(id, ErrorCode::MethodNotFound as i32, format!("guerdon lsp does not know {method}")),
        };
        self.send(response)
    }

    fn asked<P: DeserializeOwned, R: serde::Serialize>(
        &mut self,
        id: RequestId,
        params: Value,
        answer: impl FnOnce(&mut Self, P) -> R,
    ) -> Response {
        match serde_json::from_value(params) {
            Ok(params) => Response { id, response_result: Ok(to_json(answer(self, params))) },
            Err(error) => Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string()),
        }
    }

    fn take(&mut self, notification: Notification) -> Result<(), Ended> {
        let Notification { method, params } = notification;
        let workspace = &mut self.workspace;
        match method.as_str() {
            "initialized" => return self.watch_files(),
            "textDocument/didOpen" => with(&method, params, |params: DidOpenTextDocumentParams| workspace.open(params.text_document)),
            "textDocument/didChange" => with(&method, params, |params: DidChangeTextDocumentParams| workspace.change(params)),
            "textDocument/didSave" => with(&method, params, |params: DidSaveTextDocumentParams| workspace.saved(&params.text_document.uri)),
            "textDocument/didClose" => {
                let mut cleared = Vec::new();
                with(&method, params, |params: DidCloseTextDocumentParams| cleared = workspace.close(&params.text_document.uri));
                for params in cleared {
                    self.send(Notification { method: "textDocument/publishDiagnostics".into(), params: to_json(params) })?;
                }
            }
            "workspace/didChangeWatchedFiles" => with(&method, params, |params: DidChangeWatchedFilesParams| {
                params.changes.iter().for_each(|change| workspace.saved(&change.uri));
            }),
            _ => {}
        }
        Ok(())
    }

    /// Asks to be told when files change that no editor has open.
    fn watch_files(&self) -> Result<(), Ended> {
        if !self.client.watches_files {
            return Ok(());
        }
        let globs = ["**/campaign.toml", "**/population.toml", "**/cases/*.toml", "**/*.rhai", "**/*.wasm"];
        let watchers: Vec<Value> = globs.iter().map(|glob| json!({ "globPattern": glob })).collect();
        let registration =
            json!({ "id": "files", "method": "workspace/didChangeWatchedFiles", "registerOptions": { "watchers": watchers } });
        let params = json!({ "registrations": [registration] });
        self.send(Request { id: RequestId::from("watch-files".to_string()), method: "client/registerCapability".into(), params })
    }
}

/// A notification has no answer: what is wrong with it goes to the log of the editor.
fn with<P: DeserializeOwned>(method: &str, params: Value, take: impl FnOnce(P)) {
    match serde_json::from_value(params) {
        Ok(params) => take(params),
        Err(error) => eprintln!("guerdon lsp: {method} is not understood: {error}"),
    }
}

/// The protocol's types always have a JSON form.
fn to_json(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
