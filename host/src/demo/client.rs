//! The demo's own HTTP client: what any app would use.

use super::Result;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    pub fn new(address: SocketAddr) -> Result<Client> {
        // Who adds releases, in the journal.
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-guerdon-as"), HeaderValue::from_static("demo"))]);
        // A proxy that the environment names is for the outside, not for loopback.
        let http = reqwest::Client::builder()
            .no_proxy()
            .default_headers(headers)
            .timeout(Duration::from_secs(300))
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Client { http, base: format!("http://{address}") })
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        answer(path, self.http.get(self.url(path))).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.post_text(path, "application/json", body.to_string()).await
    }

    pub async fn post_text(&self, path: &str, content_type: &str, body: String) -> Result<Value> {
        answer(path, self.http.post(self.url(path)).header(CONTENT_TYPE, content_type).body(body)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// What is busy is asked again, as Retry-After says.
async fn answer(path: &str, request: reqwest::RequestBuilder) -> Result<Value> {
    for _ in 0..60 {
        let again = request.try_clone().ok_or("a request that cannot be sent again")?;
        let response = again.send().await.map_err(|e| format!("{path}: {e}"))?;
        let status = response.status();
        let text = response.text().await.map_err(|e| format!("{path}: {e}"))?;
        if status.is_success() {
            return serde_json::from_str(&text).map_err(|e| format!("{path}: {e}"));
        }
        if status.as_u16() != 503 {
            return Err(format!("{path}: {status}: {text}"));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Err(format!("{path}: the host stayed busy for a minute"))
}
