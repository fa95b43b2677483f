//! A client that costs little: requests are made beforehand, connections stay open, and of an answer no more is read
//! than its status, its length and how many events it calls booked. Must not know: what is sent.

use super::{BenchError, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// What came of it.
pub struct Driven {
    pub booked: u64,
    pub took: Duration,
    /// Of each request, sorted.
    times: Vec<Duration>,
}

impl Driven {
    pub fn per_second(&self) -> f64 {
        self.booked as f64 / self.took.as_secs_f64()
    }

    /// How long a request took that was slower than these of a hundred.
    pub fn percentile(&self, of_hundred: usize) -> Duration {
        self.times.get(self.times.len() * of_hundred / 100).copied().unwrap_or_default()
    }
}

/// When requests are sent.
#[derive(Clone)]
pub enum Pace {
    /// Each connection sends its next one when the last is answered, for so long at most.
    Full(Duration),
    /// As `Full`, until this is true.
    Until(Arc<AtomicBool>),
    /// So many a second in all, whether others are answered or not; the time of one runs from when it was due.
    PerSecond(f64),
}

/// A whole request.
pub fn post(path: &str, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}").into()
}

/// Sends the requests in their order over some connections, until all are answered or the time is over.
pub async fn drive(address: SocketAddr, requests: &Arc<Vec<Vec<u8>>>, connections: usize, pace: Pace) -> Result<Driven> {
    drive_all(&[address], requests, connections, pace).await
}

/// As `drive`, with the connections spread over some hosts: whichever is free takes the next request.
pub async fn drive_all(addresses: &[SocketAddr], requests: &Arc<Vec<Vec<u8>>>, connections: usize, pace: Pace) -> Result<Driven> {
    let next = Arc::new(AtomicUsize::new(0));
    let booked = Arc::new(AtomicU64::new(0));
    let mut streams = Vec::new();
    for address in addresses.iter().cycle().take(connections) {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let began = Instant::now();
    let due = Arc::new(Semaphore::new(0));
    if let Pace::PerSecond(rate) = pace {
        let (due, requests) = (due.clone(), requests.len());
        std::thread::spawn(move || keep_pace(&due, began, rate, requests));
    }
    let mut tasks = Vec::new();
    for stream in streams {
        let (requests, next, due, booked, pace) = (requests.clone(), next.clone(), due.clone(), booked.clone(), pace.clone());
        tasks.push(tokio::spawn(async move { one_connection(stream, &requests, &next, &due, &booked, began, &pace).await }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.map_err(|e| BenchError::Wrong(e.to_string()))??);
    }
    let took = began.elapsed();
    times.sort_unstable();
    Ok(Driven { booked: booked.load(Ordering::Relaxed), took, times })
}

/// When the request at this place is due.
fn due_at(began: Instant, rate: f64, place: usize) -> Instant {
    began + Duration::from_secs_f64(place as f64 / rate)
}

/// Lets every request go when it is due. On a thread of its own: the timers of the runtime tick once a millisecond, which is
/// longer than a commit. Ends when nobody waits for it any more.
fn keep_pace(due: &Arc<Semaphore>, began: Instant, rate: f64, requests: usize) {
    for place in 0..requests {
        std::thread::sleep(due_at(began, rate, place).saturating_duration_since(Instant::now()));
        if Arc::strong_count(due) == 1 {
            return;
        }
        due.add_permits(1);
    }
}

async fn one_connection(
    mut stream: TcpStream,
    requests: &[Vec<u8>],
    next: &AtomicUsize,
    due: &Semaphore,
    booked: &AtomicU64,
    began: Instant,
    pace: &Pace,
) -> Result<Vec<Duration>> {
    let mut buffer = Vec::with_capacity(64 << 10);
    let mut times = Vec::new();
    let is_over = || match pace {
        Pace::Full(most) => began.elapsed() >= *most,
        Pace::Until(stop) => stop.load(Ordering::Relaxed),
        Pace::PerSecond(_) => false,
    };
    while !is_over() {
        let place = next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = requests.get(place) else { break };
        let mut sent = Instant::now();
        if let Pace::PerSecond(rate) = pace {
            // Two connections may come here in another order than they took their places: that is less than one interval.
            due.acquire().await.map_err(|e| BenchError::Wrong(e.to_string()))?.forget();
            sent = due_at(began, *rate, place);
        }
        stream.write_all(request).await?;
        booked.fetch_add(answer(&mut stream, &mut buffer).await?, Ordering::Relaxed);
        times.push(sent.elapsed());
    }
    Ok(times)
}

/// Reads one answer; how many events it calls booked. Fails when it is no 200.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<u64> {
    buffer.clear();
    let (mut end, mut whole) = (None, usize::MAX);
    while buffer.len() < whole {
        if stream.read_buf(buffer).await? == 0 {
            return Err(BenchError::Wrong("the host closed a connection".into()));
        }
        if end.is_none() {
            end = find(buffer, b"\r\n\r\n");
            if let Some(end) = end {
                whole = end + 4 + content_length(&buffer[..end]);
            }
        }
    }
    if !buffer.starts_with(b"HTTP/1.1 200") {
        return Err(BenchError::Wrong(format!("the host answered {}", String::from_utf8_lossy(&buffer[..buffer.len().min(400)]))));
    }
    let mut rest = &buffer[end.unwrap_or_default()..];
    let mut booked = 0;
    while let Some(place) = find(rest, b":\"booked\"") {
        booked += 1;
        rest = &rest[place + 9..];
    }
    Ok(booked)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0)
}
