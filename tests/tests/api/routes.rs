//! One story that asks every route, on both databases: a route that it does not ask fails it.

use super::world::{Answer, LEADS_KEY, MANIFEST, NOW, RULES, World, answer, at_ms, lesson, structured};
use serde_json::{Value, json};

const CAMPAIGN: &str = "/v1/campaigns/{campaign}";

#[tokio::test]
async fn every_route_on_sqlite() {
    every_route(World::start().await).await;
}

#[tokio::test]
async fn every_route_on_postgres() {
    every_route(World::on_postgres().await).await;
}

async fn every_route(mut world: World) {
    health(&world).await;
    pools(&world).await;
    members(&world).await;
    referrals(&world).await;
    grants(&world).await;
    redemptions(&world).await;
    leaderboard(&world).await;
    campaigns(&world).await;
    cycles(&world).await;
    releases(&world).await;
    proposals(&world).await;
    shadow(&world).await;
    let known: std::collections::BTreeSet<(String, String)> =
        guerdon::http::route_names().into_iter().map(|(method, path)| (method, path.to_string())).collect();
    assert_eq!(world.asked(), known);
    world.stop().await;
}

async fn ask(world: &World, method: &str, rest: &str, values: &[&str]) -> Answer {
    let values: Vec<&str> = std::iter::once("race").chain(values.iter().copied()).collect();
    answer(world.ask(method, &format!("{CAMPAIGN}{rest}"), &values)).await
}

async fn send(world: &World, method: &str, rest: &str, values: &[&str], body: Value) -> Answer {
    let values: Vec<&str> = std::iter::once("race").chain(values.iter().copied()).collect();
    answer(world.ask(method, &format!("{CAMPAIGN}{rest}"), &values).json(&body)).await
}

async fn health(world: &World) {
    assert_eq!(answer(world.ask("GET", "/healthz", &[])).await.0, 200);
    assert_eq!(answer(world.ask("GET", "/readyz", &[])).await.0, 200);
    let Answer(status, version) = answer(world.ask("GET", "/v1/version", &[])).await;
    assert_eq!((status, version["name"].as_str()), (200, Some("guerdon")));
}

async fn pools(world: &World) {
    let import = |kind: &'static str, body: &'static str| {
        let request = world.ask("POST", "/v1/pools/{pool}/codes", &["cards"]);
        answer(request.header("content-type", kind).body(body))
    };
    let Answer(status, report) = import("text/csv", "code,until\nAA-1,2021\nAA-2,2021\n,2021\nAA-1,2021\n").await;
    assert_eq!(status, 200, "{report}");
    assert_eq!([&report["accepted"], &report["duplicate"], &report["malformed"]], [2, 1, 1].map(|n| json!(n)).each_ref());
    assert_eq!(report["malformed_lines"][0][0], 4);
    assert_eq!(import("text/plain", "AA-1\r\nAA-2\r\n").await.1["duplicate"], 2);
    assert_eq!(import("application/json", "[]").await.0, 415);
    let Answer(_, pools) = answer(world.ask("GET", "/v1/pools", &[])).await;
    assert_eq!((&pools[0]["pool"], &pools[0]["available"]), (&json!("cards"), &json!(2)));
}

async fn members(world: &World) {
    assert_eq!(ask(world, "GET", "/members/{member}", &["alice"]).await.0, 404);
    let Answer(status, joined) = ask(world, "POST", "/members/{member}/join", &["alice"]).await;
    assert_eq!((status, &joined["outcome"], &joined["repeated"]), (200, &json!("booked"), &json!(false)));
    // Sent again later, it is the same event, whatever the clock says by then.
    world.clock.set(at_ms(NOW) + 1500);
    let Answer(status, again) = ask(world, "POST", "/members/{member}/join", &["alice"]).await;
    assert_eq!((status, &again["outcome"], &again["repeated"]), (200, &json!("booked"), &json!(true)));
    assert_eq!(ask(world, "GET", "/members/{member}", &["alice"]).await.0, 200);
    // Under another key it is another event of somebody who has joined.
    let keyed = world.ask("POST", "/v1/campaigns/{campaign}/members/{member}/join", &["race", "alice"]);
    assert_eq!(answer(keyed.header("idempotency-key", "\"k-1\"")).await.1["outcome"], "duplicate");
    assert_eq!(ask(world, "GET", "/members/{member}", &["a/b ü"]).await.0, 404);
}

async fn referrals(world: &World) {
    let pair = json!({ "inviter": "alice", "invitee": "bob" });
    assert_eq!(send(world, "POST", "/invitations", &[], pair.clone()).await.1["outcome"], "booked");
    assert_eq!(send(world, "POST", "/invitations/accept", &[], pair.clone()).await.1["outcome"], "booked");
    assert_eq!(send(world, "POST", "/invitations/accept", &[], pair).await.1["repeated"], true);
    let other = send(world, "POST", "/invitations/accept", &[], json!({ "inviter": "carol", "invitee": "bob" })).await;
    // Somebody accepts once, whoever else claims to have invited them.
    assert_eq!(other.1["outcome"], "duplicate");
    assert_eq!(ask(world, "GET", "/members/{member}", &["bob"]).await.1["inviter"], "alice");
    let extra = json!({ "inviter": "alice", "invitee": "bob", "x": 1 });
    assert_eq!(send(world, "POST", "/invitations", &[], extra).await.0, 400);
}

async fn grants(world: &World) {
    let event = lesson("1", "alice", 100);
    let Answer(status, booked) = answer(structured(world.events(), event.to_string())).await;
    assert_eq!((status, &booked["outcome"]), (200, &json!("booked")));
    let mut other = event.clone();
    other["data"]["points"] = json!(99);
    let Answer(status, conflict) = answer(structured(world.events(), other.to_string())).await;
    assert_eq!((status, &conflict["source"], &conflict["id"]), (409, &json!("school"), &json!("1")));
    let lookup = world.ask_with("GET", "/v1/campaigns/{campaign}/events/lookup", &["race"], "?source=school&id=1");
    let Answer(status, stored) = answer(lookup).await;
    assert_eq!((status, &stored["outcome"]), (200, &json!("booked")), "{stored}");
    let case = async |query| answer(world.ask_with("GET", "/v1/campaigns/{campaign}/events/case", &["race"], query)).await;
    let Answer(status, made) = case("?source=school&id=1").await;
    assert_eq!((status, &made["passes"], &made["outcome"]), (200, &json!(true), &json!("booked")), "{made}");
    assert!(made["case"].as_str().unwrap().contains("[[case]]"), "{made}");
    assert_eq!(case("?source=school&id=none").await.0, 404);

    let Answer(_, grants) = ask(world, "GET", "/members/{member}/grants", &["alice"]).await;
    assert_eq!((grants.as_array().map(Vec::len), &grants[0]["state"]), (Some(1), &json!("issued")));
    let number = grants[0]["number"].to_string();
    assert_eq!(ask(world, "GET", "/grants/{number}", &[&number]).await.1["reward"], "card");
    assert_eq!(ask(world, "GET", "/grants/{number}", &["999999"]).await.0, 404);
    assert_eq!(ask(world, "GET", "/grants/{number}", &["x"]).await.0, 400);
    let reveal = async |member: &str| send(world, "POST", "/grants/{number}/reveal", &[&number], json!({ "member": member })).await;
    assert_eq!(reveal("bob").await.0, 404);
    let Answer(status, revealed) = reveal("alice").await;
    assert_eq!((status, &revealed["code"]), (200, &json!("AA-1")), "{revealed}");
}

async fn redemptions(world: &World) {
    let redeem = |body: Value| send(world, "POST", "/redemptions", &[], body);
    assert_eq!(redeem(json!({ "member": "alice", "reward": "badge" })).await.0, 400);
    let body = json!({ "member": "alice", "reward": "badge", "id": "r-1" });
    assert_eq!(redeem(body.clone()).await.1["outcome"], "booked");
    assert_eq!(redeem(body).await.1["repeated"], true);
    // The same id for something else is a mistake that has to be seen.
    assert_eq!(redeem(json!({ "member": "bob", "reward": "badge", "id": "r-1" })).await.0, 409);
    assert_eq!(redeem(json!({ "member": "bob", "reward": "badge", "id": "r-2" })).await.1["outcome"], "refused");
}

async fn leaderboard(world: &World) {
    let board = |query: &str| answer(world.ask_with("GET", "/v1/campaigns/{campaign}/leaderboard", &["race"], query));
    let Answer(status, shown) = board("?account=learning").await;
    assert_eq!((status, &shown["entries"][0]["member"]), (200, &json!("alice")), "{shown}");
    assert_eq!(board("?account=learning&around=alice&limit=1").await.0, 200);
    assert_eq!(board("").await.0, 400);
    assert_eq!(board("?account=learning&limit=0").await.0, 400);
    assert_eq!(board("?account=learning&lmit=5").await.0, 400);
    assert_eq!(board("?account=learning&cycle=99").await.0, 404);
}

async fn campaigns(world: &World) {
    let Answer(_, all) = answer(world.ask("GET", "/v1/campaigns", &[])).await;
    assert_eq!((all.as_array().map(Vec::len), &all[0]["id"]), (Some(1), &json!("race")));
    assert_eq!(ask(world, "GET", "", &[]).await.1["name_en"], "Race");
    let Answer(status, audit) = ask(world, "GET", "/audit", &[]).await;
    assert_eq!((status, &audit["codes_issued_twice"], &audit["grant_mismatches"]), (200, &json!(0), &json!([])), "{audit}");
    let switch = |name: &'static str, body: Value| async move { send(world, "PUT", "/switches/{name}", &[name], body).await };
    let Answer(status, view) = switch("issue", json!({ "closed": true, "why": "a look" })).await;
    assert_eq!((status, &view["closed"], &view["by"]), (200, &json!(true), &json!("app")));
    assert_eq!(switch("issue", json!({ "closed": true, "by": "somebody else", "why": "x" })).await.0, 400, "the key says who");
    assert_eq!(switch("issue", json!({ "closed": false, "why": "all well" })).await.0, 200);
    assert_eq!(switch("isue", json!({ "closed": true, "why": "x" })).await.0, 404);
    assert_eq!(switch("issue", json!({ "closed": true, "why": " " })).await.0, 400);
}

async fn cycles(world: &World) {
    assert_eq!(ask(world, "GET", "/cycles", &[]).await.1[0]["state"], "open");
    let settle = |body: Value| send(world, "POST", "/cycles/{cycle}/settle", &["1"], body);
    world.clock.set(at_ms("2020-09-29T00:00:00Z"));
    let Answer(status, dry) = settle(json!({ "dry_run": true })).await;
    assert_eq!((status, &dry["state"]), (200, &json!("dry run")), "{dry}");
    assert_eq!(settle(json!({})).await.1["state"], "done");
    assert_eq!(settle(json!({})).await.1["state"], "verified");
    assert_eq!(settle(json!({ "dryrun": true })).await.0, 400);
    assert_eq!(send(world, "POST", "/cycles/{cycle}/settle", &["77"], json!({})).await.0, 404);
}

async fn releases(world: &World) {
    let post = |body: Value| answer(world.ask("POST", "/v1/releases", &[]).json(&body));
    let folder = |rules: Value| json!({ "files": { "campaign.toml": MANIFEST, "rules.rhai": rules } });
    assert_eq!(post(folder(json!(RULES))).await.0, 200);
    let changed = RULES.replace("1000", "2000");
    let Answer(status, added) = post(folder(json!(changed))).await;
    assert_eq!((status, &added["number"]), (201, &json!(2)), "{added}");
    assert_eq!(ask(world, "GET", "", &[]).await.1["releases"][1]["author"], "app");
    assert_eq!(post(json!({ "files": {}, "author": "somebody else" })).await.0, 400, "the key says who");
    let Answer(status, wrong) = post(folder(json!({ "base64": "Zm4gKA==" }))).await;
    assert_eq!((status, &wrong["diagnostics"][0]["file"]), (422, &json!("rules.rhai")), "{wrong}");
    assert_eq!(post(folder(json!({ "base64": "!" }))).await.0, 400);
    assert_eq!(post(json!({ "files": {}, "effective_from": "soon" })).await.0, 400);
}

/// Planned and proposed by `app`, approved by `lead`, rolled back.
async fn proposals(world: &World) {
    let policy = format!("{MANIFEST}\n[releases]\napprovals = 1\n");
    let folder = |rules: &str| json!({ "campaign.toml": policy, "rules.rhai": rules });
    let added = world.ask("POST", "/v1/releases", &[]).json(&json!({ "files": folder(RULES) }));
    assert_eq!(answer(added).await.0, 201);
    let more = RULES.replace("/ 100", "/ 50");
    let refused = world.ask("POST", "/v1/releases", &[]).json(&json!({ "files": folder(&more) }));
    assert_eq!(answer(refused).await.0, 403);

    let Answer(status, plan) = send(world, "POST", "/plan", &[], json!({ "files": folder(&more), "effective_from": "next cycle" })).await;
    assert_eq!((status, &plan["needs"], &plan["difference"]["functions"][0]["name"]), (200, &json!(1), &json!("on_cycle_close")), "{plan}");
    let change = |base: &Value| json!({ "files": folder(&more), "effective_from": "next cycle", "base": base, "note": "twice as many" });
    let old = json!({ "release": 1, "proposal": 0 });
    assert_eq!(send(world, "POST", "/proposals", &[], change(&old)).await.0, 409);
    let Answer(status, proposed) = send(world, "POST", "/proposals", &[], change(&plan["base"])).await;
    assert_eq!((status, &proposed["proposal"]["author"]), (201, &json!("app")), "{proposed}");
    let hash = proposed["proposal"]["hash"].as_str().unwrap();
    assert_eq!(ask(world, "GET", "/proposals", &[]).await.1[0]["hash"], hash);
    assert_eq!(ask(world, "GET", "/proposals/{hash}", &[hash]).await.1["plan"]["hash"], plan["hash"]);
    assert_eq!(ask(world, "GET", "/proposals/{hash}", &["00"]).await.0, 404);

    let approve = |key: &'static str| {
        answer(world.ask_as(key, "POST", &format!("{CAMPAIGN}/proposals/{{hash}}/approve"), &["race", hash], "").json(&json!({})))
    };
    assert_eq!(approve(super::world::KEY).await.0, 403);
    let pretends = world.ask("POST", &format!("{CAMPAIGN}/proposals/{{hash}}/approve"), &["race", hash]).header("x-guerdon-as", "lead");
    assert_eq!(answer(pretends.json(&json!({}))).await.0, 400);
    let Answer(status, live) = approve(LEADS_KEY).await;
    assert_eq!((status, &live["release"]["added"], &live["proposal"]["state"]), (200, &json!(true), &json!("live")), "{live}");
    assert_eq!(approve(LEADS_KEY).await.0, 404);
    assert_eq!(send(world, "POST", "/proposals/{hash}/reject", &[hash], json!({ "why": "late" })).await.0, 404);

    let Answer(status, back) = send(world, "POST", "/rollback", &[], json!({ "note": "wrong" })).await;
    assert_eq!((status, back.as_array().map(Vec::len)), (200, Some(1)), "{back}");
    assert_eq!(send(world, "POST", "/rollback", &[], json!({ "to": 99 })).await.0, 404);
}

async fn shadow(world: &World) {
    let folder = |rules: &str| json!({ "files": { "campaign.toml": MANIFEST, "rules.rhai": rules }, "note": "try" });
    assert_eq!(ask(world, "GET", "/shadow", &[]).await.0, 404);
    assert_eq!(send(world, "PUT", "/shadow", &[], folder("fn on_nothing(event) {}")).await.0, 422);
    let Answer(status, started) = send(world, "PUT", "/shadow", &[], folder(&RULES.replace("event.data.points)", "1)"))).await;
    assert_eq!((status, &started["number"], &started["author"]), (200, &json!(1), &json!("app")), "{started}");
    assert_eq!(send(world, "PUT", "/shadow", &[], folder(RULES)).await.0, 409);
    let mut event = lesson("shadowed", "carol", 7);
    event["time"] = json!("2020-09-29T00:00:00Z");
    assert_eq!(super::world::outcome(world, &event).await, "booked");
    let Answer(status, report) = ask(world, "GET", "/shadow", &[]).await;
    assert_eq!(status, 200, "{report}");
    let difference = &report["differences"][0];
    assert_eq!((&difference["event"]["id"], &difference["was"]["effects"][0]["count"]), (&json!("shadowed"), &json!(7)), "{report}");
    assert_eq!(difference["would"]["effects"][0]["count"], 1);
    let Answer(status, ended) = ask(world, "DELETE", "/shadow", &[]).await;
    assert_eq!((status, &ended["ended_by"]), (200, &json!("app")));
    assert_eq!(ask(world, "DELETE", "/shadow", &[]).await.0, 404);
    let again = world.ask_with("GET", &format!("{CAMPAIGN}/shadow"), &["race"], "?shadow=2");
    assert_eq!(answer(again).await.0, 404);
}
