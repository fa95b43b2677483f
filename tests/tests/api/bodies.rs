//! Bodies as they should be, and as they should not.

use super::world::{Answer, NOW, World, answer, keyed, lesson, outcome, structured};
use guerdon::http::Limits;
use serde_json::{Value, json};

fn batch(world: &World, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    world.events().header("content-type", "application/cloudevents-batch+json; charset=utf-8").body(body)
}

#[tokio::test]
async fn a_batch_is_answered_one_by_one() {
    let world = World::start().await;
    let members = json!([
        lesson("1", "alice", 5),
        { "specversion": "1.0", "source": "school", "id": "broken" },
        7,
        lesson("2", "alice", 5000),
        lesson("1", "alice", 5),
        lesson("1", "alice", 6),
        { "specversion": "1.0", "source": "school", "id": "3", "type": "unknown.type", "time": NOW, "data": {} },
    ]);
    let Answer(status, body) = answer(batch(&world, members.to_string())).await;
    assert_eq!(status, 200);
    let outcomes: Vec<&str> = body["results"].as_array().unwrap().iter().map(|r| r["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["booked", "invalid", "invalid", "refused", "booked", "conflict", "quarantined"]);
    assert_eq!((&body["results"][1]["id"], &body["results"][4]["repeated"]), (&json!("broken"), &json!(true)));
    assert_eq!(answer(batch(&world, "[]")).await, Answer(200, json!({ "results": [] })));
    assert_eq!(answer(batch(&world, "{}")).await.0, 400);
    assert_eq!(answer(batch(&world, "[1,")).await.0, 400);
}

#[tokio::test]
async fn binary_mode_carries_attributes_in_headers() {
    let world = World::start().await;
    let request = |id: &str, kind: &str, body: &'static str| {
        let request = world.events().header("ce-specversion", "1.0").header("ce-source", "school").header("ce-id", id);
        request.header("ce-type", "lesson.finished").header("ce-time", NOW).header("content-type", kind).body(body)
    };
    const DATA: &str = r#"{"member":"alice","lesson":"l","points":3}"#;
    let Answer(status, body) = answer(request("Euro%20%E2%82%AC", "application/json", DATA)).await;
    assert_eq!((status, &body["outcome"], &body["id"]), (200, &json!("booked"), &json!("Euro €")));
    assert_eq!(answer(request("%ff", "application/json", DATA)).await.0, 400);
    assert_eq!(answer(request("x", "application/json", "{")).await.0, 400);
    assert_eq!(answer(request("x", "text/xml", "<a/>")).await.0, 400);
    let nameless = world.events().header("ce-specversion", "1.0").header("content-type", "application/json").body(DATA);
    assert_eq!(answer(nameless).await.0, 400);
}

#[tokio::test]
async fn what_is_no_event_is_refused_with_a_reason() {
    let world = World::start().await;
    assert_eq!(answer(world.events().json(&lesson("1", "a", 1))).await.0, 415);
    assert_eq!(answer(world.events()).await.0, 415);
    let deep = |times: usize| {
        let mut event = lesson("deep", "alice", 1).to_string();
        event.truncate(event.rfind("\"time\"").unwrap());
        format!("{event}\"time\":\"{NOW}\",\"data\":{}1{}}}", "[".repeat(times), "]".repeat(times))
    };
    for (body, wanted) in [
        (b"".to_vec(), 400),
        (b"{".to_vec(), 400),
        (b"[]".to_vec(), 400),
        (b"\xff\xfe{}".to_vec(), 400),
        (b"null".to_vec(), 400),
        (json!({ "specversion": "0.3", "source": "a", "id": "1", "type": "t" }).to_string().into_bytes(), 400),
        (lesson(&"x".repeat(300), "a", 1).to_string().into_bytes(), 400),
        (lesson("a\u{0}b", "a", 1).to_string().into_bytes(), 400),
    ] {
        let shown = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(answer(structured(world.events(), body)).await.0, wanted, "{shown}");
    }
    // Deep nesting is no event of this campaign, or no JSON at all; it is never a fault of the host.
    for times in [100, 1000, 100_000] {
        let Answer(status, body) = answer(structured(world.events(), deep(times))).await;
        assert!(status == 400 || (status == 200 && body["outcome"] == "quarantined"), "{times}: {status} {body}");
    }
    assert_eq!(answer(world.ask("POST", "/v1/campaigns/{campaign}/events", &["nowhere"])).await.0, 404);
}

#[tokio::test]
async fn hostile_texts_are_stored_literally() {
    let world = World::start().await;
    for (number, name) in
        ["'; drop table events; --", "<script>", "=1+1", "../../etc", "%00", "名字", "a\u{202e}b", "{{7*7}}"].into_iter().enumerate()
    {
        let event = lesson(&format!("h{number}"), name, 1);
        assert_eq!(outcome(&world, &event).await, "booked", "{name}");
        let Answer(status, member) = answer(world.ask("GET", "/v1/campaigns/{campaign}/members/{member}", &["race", name])).await;
        assert_eq!((status, &member["id"]), (200, &json!(name)));
    }
}

#[tokio::test]
async fn bodies_have_a_size() {
    let world = World::with(Limits { body_bytes: 10_000, ..Limits::default() }, keyed()).await;
    let large = vec![b' '; 10_001];
    assert_eq!(answer(structured(world.events(), large.clone())).await.0, 413);
    // Without a Content-Length too.
    let pieces = futures_util::stream::iter(large.chunks(1000).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>());
    let request = structured(world.events(), reqwest::Body::wrap_stream(pieces));
    assert_eq!(answer(request).await.0, 413);
    let mut fits = lesson("1", "alice", 1).to_string().into_bytes();
    fits.resize(10_000, b' ');
    assert_eq!(answer(structured(world.events(), fits)).await.0, 200);
}

#[tokio::test]
async fn json_bodies_are_read_strictly() {
    let world = World::start().await;
    let post = |kind: &'static str, body: &'static str| {
        let request = world.ask("POST", "/v1/campaigns/{campaign}/invitations", &["race"]);
        answer(request.header("content-type", kind).body(body))
    };
    assert_eq!(post("text/plain", r#"{"inviter":"a","invitee":"b"}"#).await.0, 415);
    for body in ["", "{", "{}", r#"{"inviter":1,"invitee":"b"}"#, r#"{"inviter":"","invitee":"b"}"#] {
        let Answer(status, answer) = post("application/json", body).await;
        // An empty name is an event all the same, and its contract says what is wrong with it.
        assert!(status == 400 || answer["outcome"] == "quarantined" || answer["outcome"] == "refused", "{body}: {status} {answer}");
    }
    let key = world.ask("POST", "/v1/campaigns/{campaign}/members/{member}/join", &["race", "a"]).header("idempotency-key", "");
    assert_eq!(answer(key).await.0, 400);
    let Answer(_, body) = answer(world.ask_with("GET", "/v1/campaigns/{campaign}/members/{member}", &["race", "a"], "?cycle=x")).await;
    assert_eq!(body["status"], Value::from(400));
}
