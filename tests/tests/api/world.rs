//! A host with one campaign on a database of its own, served on a free port.

use guerdon::clock::SetClock;
use guerdon::flow::seal::Sealer;
use guerdon::flow::{Host, Settings};
use guerdon::http::{Access, ApiKey, Limits, Options, serve};
use guerdon::store;
use guerdon_rules::language::{Files, Runtime};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const KEY: &str = "a key of this test";
/// Somebody else's, named `lead`.
pub const LEADS_KEY: &str = "another key of this test";
/// Wednesday of the first cycle, 12:00 in Shanghai.
pub const NOW: &str = "2020-09-23T04:00:00Z";

pub const MANIFEST: &str = r#"
id = "race"
name = { zh = "竞赛", en = "Race" }
time_zone = "Asia/Shanghai"
starts = "2020-09-22T00:00:00"
ends = "2020-10-20T00:00:00"
rules = "rules.rhai"

[cycle]
every = "week"
starts_on = "tuesday"
grace = "2h"

[accounts.learning]
leaderboard = true

[rewards.card]
kind = "gift-card"
face_value = "20.00 CNY"
pool = "cards"

[rewards.badge]
kind = "entitlement"
price = { learning = 10 }

[events."lesson.finished"]
member = "data.member"
once_per = ["member", "data.lesson"]
data = { member = "member", lesson = "string", points = "int" }
"#;

pub const RULES: &str = r#"
fn on_lesson_finished(event) {
    if event.data.points > 1000 { refuse("too many points"); }
    event.member.award("learning", event.data.points);
    if event.data.points == 100 { event.member.grant("card"); }
}

fn on_cycle_close(member, cycle) {
    member.grant("card", member.points("learning", "cycle") / 100);
}
"#;

pub struct World {
    pub address: SocketAddr,
    pub host: Arc<Host>,
    pub clock: Arc<SetClock>,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<std::io::Result<()>>,
    asked: Mutex<BTreeSet<(String, String)>>,
    _folder: TempDir,
}

/// A status with the body as JSON; null when it is none.
#[derive(Debug, PartialEq)]
pub struct Answer(pub u16, pub Value);

impl World {
    pub async fn start() -> World {
        World::with(Limits::default(), keyed()).await
    }

    pub async fn with(limits: Limits, access: Access) -> World {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("guerdon.db").display());
        World::on(&url, folder, limits, access).await
    }

    pub async fn on_postgres() -> World {
        let url = guerdon_tests::postgres::database().await;
        World::on(&url, tempfile::tempdir().unwrap(), Limits::default(), keyed()).await
    }

    async fn on(url: &str, folder: TempDir, limits: Limits, access: Access) -> World {
        let store = store::open(url, &store::Options::default()).await.unwrap();
        let clock = Arc::new(SetClock::at(at_ms(NOW)));
        let sealer = Sealer::from_text(&"07".repeat(32)).unwrap();
        let host = Host::open(store, clock.clone(), Runtime::default(), Arc::new(sealer), Settings::default()).await.unwrap();
        host.add_release(files(), None, "test", "").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let options = Options { access, limits };
        let shutdown = async { stopped.await.unwrap_or(()) };
        let served = tokio::spawn(serve(listener, host.clone(), options, shutdown));
        let client = reqwest::Client::new();
        World { address, host, clock, client, stop: Some(stop), served, asked: Mutex::default(), _folder: folder }
    }

    /// A request with the key. `route` is filled from `values`, in order, each escaped.
    pub fn ask(&self, method: &str, route: &str, values: &[&str]) -> RequestBuilder {
        self.ask_with(method, route, values, "")
    }

    /// [`World::ask`] with a query: `?limit=1`.
    pub fn ask_with(&self, method: &str, route: &str, values: &[&str], query: &str) -> RequestBuilder {
        self.ask_as(KEY, method, route, values, query)
    }

    /// [`World::ask_with`] as the holder of a key.
    pub fn ask_as(&self, key: &str, method: &str, route: &str, values: &[&str], query: &str) -> RequestBuilder {
        self.asked.lock().unwrap().insert((method.into(), route.into()));
        let mut path = String::new();
        let mut values = values.iter();
        for segment in route.split('/').skip(1) {
            path.push('/');
            match segment.strip_prefix('{') {
                Some(_) => path.push_str(&escape(values.next().expect("a value for each name of the route"))),
                None => path.push_str(segment),
            }
        }
        path.push_str(query);
        self.request(method, &path).header("authorization", format!("Bearer {key}"))
    }

    /// A request without a key.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub fn events(&self) -> RequestBuilder {
        self.ask("POST", "/v1/campaigns/{campaign}/events", &["race"])
    }

    /// What was asked with [`World::ask`].
    pub fn asked(&self) -> BTreeSet<(String, String)> {
        self.asked.lock().unwrap().clone()
    }

    /// Stops the server in good order.
    pub async fn stop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
        (&mut self.served).await.unwrap().unwrap();
    }
}

pub fn keyed() -> Access {
    Access::Keys(vec![ApiKey::from_clear("app", KEY), ApiKey::from_clear("lead", LEADS_KEY)])
}

pub fn files() -> Files {
    Files::from([("campaign.toml".to_string(), MANIFEST.as_bytes().into()), ("rules.rhai".to_string(), RULES.as_bytes().into())])
}

pub fn at_ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// A finished lesson, as a CloudEvent in structured mode.
pub fn lesson(id: &str, member: &str, points: i64) -> Value {
    json!({
        "specversion": "1.0", "source": "school", "id": id, "type": "lesson.finished", "time": NOW,
        "data": { "member": member, "lesson": format!("lesson of {id}"), "points": points }
    })
}

pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("").to_string();
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status.as_u16() >= 400 {
        assert_eq!(kind, "application/problem+json", "{text}");
        assert_eq!(body["status"], status.as_u16(), "{text}");
        for name in ["type", "title", "detail"] {
            assert!(body[name].as_str().is_some_and(|t| !t.is_empty()), "no {name}: {text}");
        }
    }
    Answer(status.as_u16(), body)
}

/// The outcome of one event that is sent in structured mode.
pub async fn outcome(world: &World, event: &Value) -> String {
    let Answer(status, body) = answer(structured(world.events(), event.to_string())).await;
    if status == 200 { body["outcome"].as_str().unwrap().into() } else { format!("{status} {}", body["detail"]) }
}

pub fn structured(request: RequestBuilder, body: impl Into<reqwest::Body>) -> RequestBuilder {
    request.header("content-type", "application/cloudevents+json").body(body)
}

fn escape(segment: &str) -> String {
    segment.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
