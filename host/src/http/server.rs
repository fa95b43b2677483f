//! Connections: accepted, timed, and closed in good order. `axum::serve` keeps silent and half-sent connections
//! open for ever, so this speaks to hyper itself. Promises: a connection that sends no complete header within the
//! limit is closed; on shutdown nothing new is accepted, what runs is finished, and then the lanes are.
//! Must not know: routes.

use super::access::Access;
use super::{Api, Limits, router};
use crate::flow::Host;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How to serve.
#[derive(Clone)]
pub struct Options {
    pub access: Access,
    pub limits: Limits,
}

/// Serves until `shutdown` is ready, and returns when every accepted event is committed. Fails at once when the
/// listener would let strangers in without a key.
pub async fn serve(listener: TcpListener, host: Arc<Host>, options: Options, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    if let Some(reason) = options.access.refuse_address(listener.local_addr()?) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    let limits = options.limits;
    let api = Arc::new(Api {
        host: host.clone(),
        access: options.access,
        slots: Arc::new(Semaphore::new(limits.requests)),
        stopping: CancellationToken::new(),
        limits: limits.clone(),
    });
    let graceful = accept_until(listener, &router(&api), &limits, shutdown).await;
    api.stopping.cancel();
    if tokio::time::timeout(limits.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut off by the shutdown");
    }
    host.shutdown().await;
    Ok(())
}

/// Gives each connection a task of its own; returns those that are still open, with the listener closed.
async fn accept_until(listener: TcpListener, app: &Router, limits: &Limits, shutdown: impl Future<Output = ()>) -> GracefulShutdown {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    tokio::pin!(shutdown);
    loop {
        let (stream, place) = tokio::select! {
            biased;
            () = &mut shutdown => return graceful,
            accepted = accept(&listener, &places) => accepted,
        };
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(limits.header);
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            // A client that goes away, or sends what is no HTTP, is no news.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so that there always is a permit.
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small answers should not wait for company; a socket that cannot do that works all the same.
                let _ = stream.set_nodelay(true);
                return (stream, place);
            }
            // Out of file descriptors, or a connection that is gone already: others go on, and so does this.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
