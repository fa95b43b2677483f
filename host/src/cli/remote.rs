//! A running host, asked over HTTP, for commands that change what runs there. What it refuses is told with its own
//! words; the exit code is that of the same refusal on this machine.

use super::exit::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use guerdon_rules::diagnostic::Diagnostic;
use guerdon_rules::language::Files;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args)]
pub struct Remote {
    /// The running host: http://127.0.0.1:8080
    #[arg(long, value_name = "URL", env = "GUERDON_HOST")]
    host: Option<String>,
    /// A file with your API key: proposals and approvals carry its name [or GUERDON_API_KEY]
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
    /// Who you are, on a host that asks for no key (--insecure-local)
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
}

/// What talks to it.
pub struct Client {
    http: reqwest::Client,
    pub address: String,
    key: Option<String>,
    name: Option<String>,
}

impl Remote {
    /// Whether a running host is named.
    pub fn is_named(&self) -> bool {
        self.host.is_some()
    }

    /// `known`: the address that a plan names.
    pub fn client(&self, known: Option<&str>) -> Result<Client, Failure> {
        let address = self.host.as_deref().or(known).ok_or_else(|| Failure::Usage("name the running host with --host URL".into()))?;
        let key = match &self.key_file {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?),
            None => std::env::var("GUERDON_API_KEY").ok(),
        };
        let local = ["http://127.", "http://localhost", "http://[::1]"].iter().any(|start| address.starts_with(start));
        let mut http = reqwest::Client::builder().timeout(Duration::from_secs(600));
        if local {
            // A proxy that the environment names is for the outside.
            http = http.no_proxy();
        }
        let http = http.build().map_err(|e| Failure::Infrastructure(e.to_string()))?;
        let key = key.map(|key| key.trim().to_string());
        Ok(Client { http, address: address.trim_end_matches('/').to_string(), key, name: self.name.clone() })
    }
}

impl Client {
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.ask(self.request(Method::GET, path)).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Failure> {
        self.ask(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Failure> {
        self.ask(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.ask(self.request(Method::DELETE, path)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.address));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(name) = &self.name {
            request = request.header("x-guerdon-as", name);
        }
        request
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let lost = |e: reqwest::Error| Failure::Infrastructure(format!("{} does not answer: {e}", self.address));
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        let text = response.text().await.map_err(lost)?;
        if !status.is_success() {
            return Err(refused(status, &text));
        }
        serde_json::from_str(&text)
            .map_err(|e| Failure::Infrastructure(format!("{} answers what this command does not know: {e}", self.address)))
    }
}

fn refused(status: StatusCode, text: &str) -> Failure {
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or(text).to_string();
    match status.as_u16() {
        422 => {
            let found: Vec<Diagnostic> = serde_json::from_value(problem["diagnostics"].clone()).unwrap_or_default();
            found.iter().for_each(|d| eprintln!("{d}"));
            Failure::Failed
        }
        400..=499 => Failure::Usage(detail),
        _ => Failure::Infrastructure(format!("the host answers {status}: {detail}")),
    }
}

/// One segment of a path.
pub fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A folder's files as the API takes them.
pub fn files(files: &Files) -> Value {
    let content = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    };
    Value::Object(files.iter().map(|(path, bytes)| (path.clone(), content(bytes))).collect::<Map<_, _>>())
}
