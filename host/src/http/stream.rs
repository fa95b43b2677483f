//! Events in bulk: one structured event a line in, one result a line out, in order (`application/x-ndjson`).
//! Promises: memory stays bounded however long the stream is; a broken line is answered with its number and the
//! stream goes on; a result is only written after its commit. When the stream has to end early, its last line is a
//! problem, and every line without a result may be sent again. Must not know: what becomes of an event.

use super::Api;
use super::error::Problem;
use super::events::{Invalid, read, submit_all};
use super::limits::next_frame;
use crate::flow::FlowError;
use crate::flow::views::EventResult;
use crate::lines::Lines;
use axum::body::{Body, BodyDataStream};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use guerdon_rules::event::Event;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Events that are submitted together, at most.
const CHUNK_EVENTS: usize = 1000;
/// How long a full queue is waited for before the stream gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a client may leave its results unread.
const UNREAD: Duration = Duration::from_secs(30);

/// Lines with their numbers. The second is why there will be no more, if that is not the end of the request.
type Chunk = Vec<(u64, Result<Event, Invalid>)>;
type Message = Result<Chunk, Problem>;

/// Reads the body and answers it at the same time, on tasks of their own.
pub fn answer(api: &Arc<Api>, campaign: String, body: Body) -> Response {
    // One chunk is being parsed, one waits, one is being committed.
    let (to_submit, chunks) = mpsc::channel(1);
    let (to_client, results) = mpsc::channel(4);
    tokio::spawn(read_lines(api.clone(), body.into_data_stream(), to_submit));
    tokio::spawn(submit_lines(api.clone(), campaign, chunks, to_client));
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(ReceiverStream::new(results))).into_response()
}

/// Ends when the body does, or when nobody wants its lines any more.
async fn read_lines(api: Arc<Api>, mut frames: BodyDataStream, to: mpsc::Sender<Message>) {
    let mut lines = Lines::new(api.limits.line_bytes);
    let mut chunk = Chunk::new();
    loop {
        // A stream that pauses gets its answers; while a commit runs, what arrives gathers for the next.
        let frame = tokio::select! {
            biased;
            () = api.stopping.cancelled() => Err(Problem::busy("the host is stopping: send the rest again", 5)),
            frame = next_frame(&mut frames, api.limits.body_idle) => frame,
            place = to.reserve(), if !chunk.is_empty() => {
                let Ok(place) = place else { return };
                place.send(Ok(std::mem::take(&mut chunk)));
                continue;
            }
        };
        match frame {
            Ok(Some(bytes)) => lines.push(&bytes, |number, line| take(&mut chunk, number, line)),
            Ok(None) => break,
            Err(problem) => {
                // Nobody is left to be told when these cannot be sent.
                let _ = to.send(Ok(chunk)).await;
                let _ = to.send(Err(problem)).await;
                return;
            }
        }
        while chunk.len() >= CHUNK_EVENTS {
            let rest = chunk.split_off(CHUNK_EVENTS);
            if to.send(Ok(std::mem::replace(&mut chunk, rest))).await.is_err() {
                return;
            }
        }
    }
    lines.finish(|number, line| take(&mut chunk, number, line));
    let _ = to.send(Ok(chunk)).await;
}

fn take(chunk: &mut Chunk, number: u64, line: Result<&str, String>) {
    match line {
        Ok(line) if line.trim().is_empty() => {}
        Ok(line) => chunk.push((number, read(line))),
        Err(reason) => chunk.push((number, Err(Invalid::because(reason)))),
    }
}

async fn submit_lines(api: Arc<Api>, campaign: String, mut chunks: mpsc::Receiver<Message>, to: mpsc::Sender<Result<Bytes, Infallible>>) {
    while let Some(message) = chunks.recv().await {
        let answered = match message {
            Ok(chunk) if chunk.is_empty() => continue,
            Ok(chunk) => submit_patiently(&api, &campaign, chunk).await,
            Err(problem) => Err(problem),
        };
        let (text, is_last) = match answered {
            Ok(text) => (text, false),
            Err(problem) => (format!("{}\n", problem.to_json()).into_bytes(), true),
        };
        // Whoever does not read the results cannot keep a place here.
        if to.send_timeout(Ok(text.into()), UNREAD).await.is_err() || is_last {
            return;
        }
    }
}

/// Waits while the campaign's queue is full: whoever sends in bulk has time.
async fn submit_patiently(api: &Api, campaign: &str, chunk: Chunk) -> Result<Vec<u8>, Problem> {
    let numbers: Vec<(u64, bool)> = chunk.iter().map(|(number, event)| (*number, event.is_err())).collect();
    let events: Vec<Result<Event, Invalid>> = chunk.into_iter().map(|(_, event)| event).collect();
    let mut waited = Duration::ZERO;
    let results = loop {
        // An event's texts are shared, so that a copy is cheap.
        match submit_all(api, campaign, events.clone()).await {
            Err(FlowError::Busy { .. }) if waited < PATIENCE && !api.stopping.is_cancelled() => {
                let pause = Duration::from_millis(100);
                tokio::time::sleep(pause).await;
                waited += pause;
            }
            answered => break answered?,
        }
    };
    write_lines(&numbers, &results)
}

fn write_lines(numbers: &[(u64, bool)], results: &[EventResult]) -> Result<Vec<u8>, Problem> {
    #[derive(Serialize)]
    struct Broken<'a> {
        line: u64,
        #[serde(flatten)]
        result: &'a EventResult,
    }
    let mut text = Vec::with_capacity(results.len() * 96);
    for ((line, is_broken), result) in numbers.iter().zip(results) {
        let written = if *is_broken {
            serde_json::to_writer(&mut text, &Broken { line: *line, result })
        } else {
            serde_json::to_writer(&mut text, result)
        };
        written.map_err(|e| Problem::internal(&e.to_string()))?;
        text.push(b'\n');
    }
    Ok(text)
}
