//! Clients that misbehave, over raw sockets: silent, half sent, too many, gone.

use super::world::{KEY, World, answer, keyed, lesson, outcome};
use guerdon::http::Limits;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn quick() -> Limits {
    Limits { header: Duration::from_millis(400), body_idle: Duration::from_millis(400), ..Limits::default() }
}

/// Sends bytes and reads until the host closes the connection, and gives what it said. Hangs up a host that never does.
async fn said_until_closed(world: &World, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(world.address).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let mut said = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut said)).await;
    read.expect("the host closes the connection").unwrap_or(0);
    String::from_utf8_lossy(&said).into_owned()
}

fn head(more: &str) -> String {
    format!("POST /v1/campaigns/race/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n{more}")
}

#[tokio::test]
async fn silent_and_half_sent_connections_are_closed() {
    let world = World::with(quick(), keyed()).await;
    let events = "content-type: application/cloudevents+json\r\n";
    for (bytes, wanted) in [
        (String::new(), ""),
        ("GET /healthz HTTP/1.1\r\nhost: x\r\n".into(), ""),
        // After a whole request, the next one has to arrive too.
        ("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /he".into(), "200 OK"),
        (head(&format!("{events}content-length: 100\r\n\r\n{{\"spec")), "408"),
        (head(&format!("{events}transfer-encoding: chunked\r\n\r\n5\r\n{{\"sp")), "408"),
        (head("content-type: application/x-ndjson\r\ncontent-length: 100\r\n\r\n{\"spec"), "too-slow"),
        ("this is no HTTP at all\r\n\r\n".into(), "400"),
    ] {
        let said = said_until_closed(&world, bytes.as_bytes()).await;
        assert!(said.contains(wanted), "{bytes:?}: {said:?}");
    }
}

#[tokio::test]
async fn the_defaults_close_within_fifteen_seconds() {
    let limits = Limits::default();
    assert!(limits.header <= Duration::from_secs(15) && limits.body_idle <= Duration::from_secs(15));
}

#[tokio::test]
async fn idle_connections_disturb_nobody() {
    let world = World::with(quick(), keyed()).await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(TcpStream::connect(world.address).await.unwrap());
    }
    assert_eq!(outcome(&world, &lesson("1", "alice", 1)).await, "booked");
    for mut socket in idle {
        let mut byte = [0];
        let read = tokio::time::timeout(Duration::from_secs(5), socket.read(&mut byte)).await;
        assert_eq!(read.expect("closed in time").unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn too_many_requests_at_once_are_told_to_come_back() {
    let world = World::with(Limits { requests: 1, ..Limits::default() }, keyed()).await;
    // One request that takes its place and does not end.
    let mut socket = TcpStream::connect(world.address).await.unwrap();
    let begun = head("content-type: application/cloudevents+json\r\ncontent-length: 100\r\n\r\n");
    socket.write_all(begun.as_bytes()).await.unwrap();
    let refused = loop {
        let response = world.ask("GET", "/v1/campaigns", &[]).send().await.unwrap();
        if response.status() != 200 {
            break response;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(answer(world.request("GET", "/healthz")).await.0, 200);
    drop(socket);
    while world.ask("GET", "/v1/campaigns", &[]).send().await.unwrap().status() != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_changes_nothing() {
    let world = World::start().await;
    let body = lesson("gone", "alice", 7).to_string();
    let request = head(&format!("content-type: application/cloudevents+json\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    for _ in 0..20 {
        let mut socket = TcpStream::connect(world.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        drop(socket);
    }
    assert_eq!(outcome(&world, &lesson("gone", "alice", 7)).await, "booked");
    let member = answer(world.ask("GET", "/v1/campaigns/{campaign}/members/{member}", &["race", "alice"])).await;
    assert_eq!(member.1["accounts"][0]["points"], 7);
}

#[tokio::test]
async fn a_stop_finishes_what_runs() {
    let mut world = World::start().await;
    let event = lesson("1", "alice", 1);
    let request = super::world::structured(world.events(), event.to_string());
    let sent = tokio::spawn(async move { answer(request).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    world.stop().await;
    assert_eq!(sent.await.unwrap().0, 200);
    assert!(TcpStream::connect(world.address).await.is_err());
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let world = World::with(Limits { request: Duration::ZERO, ..Limits::default() }, keyed()).await;
    // An event waits for its commit, and the commit for the campaign's lock: this cannot be answered.
    let campaign = world.host.campaign("race").unwrap().row.campaign;
    let _held = world.host.store.begin(campaign).await.unwrap();
    let request = super::world::structured(world.events(), lesson("1", "alice", 7).to_string());
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"5".parse().unwrap()));
}
