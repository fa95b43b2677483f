//! Who may call.

use super::world::{Answer, KEY, World, answer, files, keyed};
use guerdon::flow::seal::Sealer;
use guerdon::flow::{Host, Settings};
use guerdon::http::{Access, Limits, Options, serve};
use guerdon_rules::language::Runtime;
use std::sync::Arc;

#[tokio::test]
async fn only_a_known_key_opens() {
    let world = World::start().await;
    for header in [None, Some("Bearer wrong"), Some(KEY), Some("Basic YTpi"), Some("Bearer "), Some("Bearer")] {
        let mut request = world.request("GET", "/v1/campaigns");
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let response = request.try_clone().unwrap().send().await.unwrap();
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{header:?}");
        assert_eq!(answer(request).await.0, 401, "{header:?}");
    }
    let spelled = world.request("GET", "/v1/campaigns").header("authorization", format!("bearer {KEY}"));
    assert_eq!(answer(spelled).await.0, 200);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(answer(world.request("GET", path)).await.0, 200);
    }
}

#[tokio::test]
async fn without_keys_only_this_machine_is_let_in() {
    let world = World::with(Limits::default(), Access::ThisMachine).await;
    let ask = |name: &'static str, value: &'static str| answer(world.request("GET", "/v1/campaigns").header(name, value));
    assert_eq!(answer(world.request("GET", "/v1/campaigns")).await.0, 200);
    assert_eq!(ask("origin", "http://localhost:3000").await.0, 200);
    // A page of a stranger in a browser on this machine.
    assert_eq!(ask("origin", "https://stranger.example").await.0, 401);
    assert_eq!(ask("host", "stranger.example").await.0, 401);

    let everywhere = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let options = Options { access: Access::ThisMachine, limits: Limits::default() };
    let error = serve(everywhere, world.host.clone(), options, async {}).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let world = World::with(Limits::default(), keyed()).await;
    assert_eq!(answer(world.request("GET", "/nothing")).await.0, 404);
    let response = world.request("DELETE", "/v1/campaigns").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    assert_eq!(answer(world.request("DELETE", "/v1/campaigns")).await.0, 405);
    for route in ["", "/cycles", "/audit", "/members/{member}", "/members/{member}/grants", "/grants/{number}", "/leaderboard?account=x"] {
        let Answer(status, body) = answer(world.ask("GET", &format!("/v1/campaigns/{{campaign}}{route}"), &["nowhere", "1"])).await;
        assert_eq!(status, 404, "{route}: {body}");
    }
}

/// A campaign that another host made is there for whoever asks for it.
#[tokio::test]
async fn what_another_host_made_is_there() {
    let world = World::start().await;
    let (store, sealer) = (world.host.store.clone(), Sealer::from_text(&"07".repeat(32)).unwrap());
    let other = Host::open(store, world.clock.clone(), Runtime::default(), Arc::new(sealer), Settings::default()).await.unwrap();
    let mut files = files();
    let manifest = String::from_utf8(files["campaign.toml"].to_vec()).unwrap();
    files.insert("campaign.toml".into(), manifest.replace("id = \"race\"", "id = \"later\"").into_bytes().into());
    other.add_release(files, None, "test", "").await.unwrap();
    let Answer(status, body) = answer(world.ask("GET", "/v1/campaigns/{campaign}", &["later"])).await;
    assert_eq!((status, &body["id"]), (200, &"later".into()));
}
