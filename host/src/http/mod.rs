//! The HTTP API: every route in one table, with what it needs around it. Each resource has a file of its own that
//! reads a request, asks a flow and writes what it said; [`error`] is the one place that knows status codes of
//! failures. Promises: whatever arrives is answered with JSON or with an RFC 9457 problem, within bounded time and
//! memory. Must not know: SQL, how a flow does what it is asked.

pub mod access;
mod acts;
mod auth;
mod campaigns;
mod cycles;
mod error;
mod events;
mod grants;
mod health;
mod input;
mod leaderboard;
mod limits;
mod members;
mod pools;
mod proposals;
mod redemptions;
mod referrals;
mod releases;
mod server;
mod shadow;
mod stream;
mod switches;

pub use access::{Access, ApiKey};
pub use limits::Limits;
pub use server::{Options, serve};

use crate::flow::Host;
use axum::Router;
use axum::extract::{Request, State as Extracted};
use axum::http::Method;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use error::Problem;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What every handler is given.
pub(crate) struct Api {
    pub host: Arc<Host>,
    pub access: Access,
    pub limits: Limits,
    /// A permit for each request that is being worked on.
    pub slots: Arc<Semaphore>,
    /// Cancelled when the server stops: streams end at the next line.
    pub stopping: CancellationToken,
}

pub(crate) type State = axum::extract::State<Arc<Api>>;
type Handler = MethodRouter<Arc<Api>>;

/// One entry of the table.
struct Route {
    method: Method,
    path: &'static str,
    handler: Handler,
    /// Answers without a key.
    open: bool,
    /// May take longer than the request timeout; what it reads is still timed.
    unhurried: bool,
}

/// Method and path of every route, for documents and for the test that holds one test against each.
pub fn route_names() -> Vec<(String, &'static str)> {
    routes().into_iter().map(|route| (route.method.to_string(), route.path)).collect()
}

fn routes() -> Vec<Route> {
    let mut routes = campaign_routes();
    routes.extend([
        route(Method::POST, "/v1/releases", post(releases::add)),
        route(Method::GET, "/v1/pools", get(pools::list)),
        unhurried(route(Method::POST, "/v1/pools/{pool}/codes", post(pools::import))),
        route(Method::GET, "/v1/version", get(health::version)),
        open(route(Method::GET, "/healthz", get(health::alive))),
        open(route(Method::GET, "/readyz", get(health::ready))),
    ]);
    routes
}

fn campaign_routes() -> Vec<Route> {
    vec![
        route(Method::GET, "/v1/campaigns", get(campaigns::list)),
        route(Method::GET, "/v1/campaigns/{campaign}", get(campaigns::one)),
        unhurried(route(Method::GET, "/v1/campaigns/{campaign}/audit", get(campaigns::audit))),
        route(Method::POST, "/v1/campaigns/{campaign}/events", post(events::receive)),
        route(Method::GET, "/v1/campaigns/{campaign}/events/lookup", get(events::lookup)),
        unhurried(route(Method::GET, "/v1/campaigns/{campaign}/events/case", get(events::case))),
        route(Method::GET, "/v1/campaigns/{campaign}/members/{member}", get(members::one)),
        route(Method::POST, "/v1/campaigns/{campaign}/members/{member}/join", post(members::join)),
        route(Method::GET, "/v1/campaigns/{campaign}/members/{member}/grants", get(members::grants)),
        route(Method::POST, "/v1/campaigns/{campaign}/invitations", post(referrals::invite)),
        route(Method::POST, "/v1/campaigns/{campaign}/invitations/accept", post(referrals::accept)),
        route(Method::POST, "/v1/campaigns/{campaign}/redemptions", post(redemptions::redeem)),
        route(Method::GET, "/v1/campaigns/{campaign}/leaderboard", get(leaderboard::show)),
        route(Method::GET, "/v1/campaigns/{campaign}/grants/{number}", get(grants::one)),
        route(Method::POST, "/v1/campaigns/{campaign}/grants/{number}/reveal", post(grants::reveal)),
        route(Method::GET, "/v1/campaigns/{campaign}/cycles", get(cycles::list)),
        unhurried(route(Method::POST, "/v1/campaigns/{campaign}/cycles/{cycle}/settle", post(cycles::settle))),
        route(Method::PUT, "/v1/campaigns/{campaign}/switches/{name}", put(switches::set)),
        unhurried(route(Method::POST, "/v1/campaigns/{campaign}/plan", post(proposals::plan))),
        route(Method::GET, "/v1/campaigns/{campaign}/proposals", get(proposals::list)),
        unhurried(route(Method::POST, "/v1/campaigns/{campaign}/proposals", post(proposals::propose))),
        route(Method::GET, "/v1/campaigns/{campaign}/proposals/{hash}", get(proposals::one)),
        unhurried(route(Method::POST, "/v1/campaigns/{campaign}/proposals/{hash}/approve", post(proposals::approve))),
        route(Method::POST, "/v1/campaigns/{campaign}/proposals/{hash}/reject", post(proposals::reject)),
        route(Method::POST, "/v1/campaigns/{campaign}/rollback", post(releases::roll_back)),
        unhurried(route(Method::GET, "/v1/campaigns/{campaign}/shadow", get(shadow::report))),
        route(Method::PUT, "/v1/campaigns/{campaign}/shadow", put(shadow::start)),
        route(Method::DELETE, "/v1/campaigns/{campaign}/shadow", delete(shadow::stop)),
    ]
}

fn route(method: Method, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler, open: false, unhurried: false }
}

fn open(route: Route) -> Route {
    Route { open: true, ..route }
}

fn unhurried(route: Route) -> Route {
    Route { unhurried: true, ..route }
}

/// The whole application.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    let mut router = Router::new();
    for Route { path, handler, open, unhurried, .. } in routes() {
        let around = Around { api: api.clone(), open, unhurried };
        router = router.route(path, handler.route_layer(from_fn_with_state(around, Around::answer)));
    }
    router
        .method_not_allowed_fallback(error::method_not_allowed)
        .fallback(error::no_such_route)
        .layer(from_fn(limits::observe))
        .with_state(api.clone())
}

/// What is around the handler of a route: in time, within the number of requests at once, with a key; so nobody without a
/// key takes a slot. One layer for all of it, because each is a box and some copies for every request.
#[derive(Clone)]
struct Around {
    api: Arc<Api>,
    open: bool,
    unhurried: bool,
}

impl Around {
    async fn answer(Extracted(around): Extracted<Around>, request: Request, next: Next) -> Response {
        around.with_a_key(request, next).await.unwrap_or_else(Problem::into_response)
    }

    async fn with_a_key(&self, mut request: Request, next: Next) -> Result<Response, Problem> {
        if self.open {
            return self.in_time(request, next).await;
        }
        let caller = auth::caller(&self.api.access, request.headers())?;
        request.extensions_mut().insert(caller.clone());
        let slot = limits::slot(&self.api.slots)?;
        let answered = self.in_time(request, next).await.unwrap_or_else(Problem::into_response);
        let mut response = limits::keep_slot(slot, answered);
        response.extensions_mut().insert(caller);
        Ok(response)
    }

    async fn in_time(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let answering = self.of_a_campaign(request, next);
        if self.unhurried { answering.await } else { limits::in_time(self.api.limits.request, answering).await? }
    }

    async fn of_a_campaign(&self, mut request: Request, next: Next) -> Result<Response, Problem> {
        campaigns::be_served(&self.api.host, &mut request).await?;
        Ok(next.run(request).await)
    }
}
