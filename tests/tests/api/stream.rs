//! Events in bulk: lines in, lines out.

use super::world::{Answer, World, answer, keyed, lesson};
use futures_util::StreamExt;
use guerdon::http::Limits;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc;

fn lines(world: &World, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    world.events().header("content-type", "application/x-ndjson").body(body)
}

fn read(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_broken_line_costs_only_itself() {
    let world = World::with(Limits { line_bytes: 1000, ..Limits::default() }, keyed()).await;
    let mut body = Vec::new();
    for line in [lesson("1", "alice", 1).to_string().into_bytes(), b"".to_vec(), b"{".to_vec(), b"\xff".to_vec(), vec![b'x'; 1001]] {
        body.extend(line);
        body.push(b'\n');
    }
    body.extend(lesson("2", "alice", 1).to_string().into_bytes());
    let response = lines(&world, body).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let results = read(&response.text().await.unwrap());
    let told: Vec<(&str, Option<u64>)> = results.iter().map(|r| (r["outcome"].as_str().unwrap(), r["line"].as_u64())).collect();
    assert_eq!(told, [("booked", None), ("invalid", Some(3)), ("invalid", Some(4)), ("invalid", Some(5)), ("booked", None)]);
}

#[tokio::test]
async fn many_lines_are_answered_in_order() {
    let world = World::start().await;
    let body: String = (0..5000).map(|n| lesson(&n.to_string(), &format!("member {}", n % 50), 1).to_string() + "\n").collect();
    let first = read(&lines(&world, body.clone()).send().await.unwrap().text().await.unwrap());
    assert_eq!(first.len(), 5000);
    for (number, result) in first.iter().enumerate() {
        assert_eq!((result["id"].as_str(), result["outcome"].as_str()), (Some(&*number.to_string()), Some("booked")));
    }
    let again = read(&lines(&world, body).send().await.unwrap().text().await.unwrap());
    assert!(again.len() == 5000 && again.iter().all(|r| r["repeated"] == true));
    let Answer(_, member) = answer(world.ask("GET", "/v1/campaigns/{campaign}/members/{member}", &["race", "member 7"])).await;
    assert_eq!(member["accounts"][0]["points"], 100);
}

#[tokio::test]
async fn answers_come_while_the_stream_is_open() {
    let mut world = World::start().await;
    let (to_host, from_here) = mpsc::unbounded_channel::<Result<String, std::io::Error>>();
    let source = futures_util::stream::unfold(from_here, |mut lines| async { lines.recv().await.map(|line| (line, lines)) });
    to_host.send(Ok(lesson("1", "alice", 1).to_string() + "\n")).unwrap();
    let mut answers = lines(&world, reqwest::Body::wrap_stream(source)).send().await.unwrap().bytes_stream();
    let next = answers.next().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&next).contains("\"booked\""));
    // The host stops: the stream ends with the reason, and with nothing lost.
    let (stopped, last) = tokio::join!(world.stop(), answers.next());
    let () = stopped;
    assert!(String::from_utf8_lossy(&last.unwrap().unwrap()).contains("send the rest again"));
    assert!(answers.next().await.is_none());
    drop(to_host);
}

#[tokio::test]
async fn a_silent_stream_is_ended_with_the_reason() {
    let limits = Limits { body_idle: Duration::from_millis(300), ..Limits::default() };
    let world = World::with(limits, keyed()).await;
    let source = futures_util::stream::iter([Ok::<_, std::io::Error>(lesson("1", "alice", 1).to_string() + "\n{\"half")]);
    let source = source.chain(futures_util::stream::pending());
    let text = lines(&world, reqwest::Body::wrap_stream(source)).send().await.unwrap().text().await.unwrap();
    let results = read(&text);
    assert_eq!((results[0]["outcome"].as_str(), results[1]["status"].as_u64()), (Some("booked"), Some(408)), "{text}");
}
