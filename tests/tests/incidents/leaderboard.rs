//! A leaderboard that a host reads from the database at the first question says the same as one that followed every commit:
//! everybody once, in the order of their points, whatever their number and whoever between them has no points.

use crate::facts::*;
use crate::world::*;
use guerdon::flow::Host;
use std::sync::Arc;

/// Everybody, most points first; ties as they came.
async fn shown(host: &Arc<Host>) -> Vec<(i64, String, i64)> {
    let view = host.leaderboard(RACE, "learning", Some(1), None, 1000, None).await.unwrap();
    assert_eq!(view.members, view.entries.len());
    view.entries.into_iter().map(|entry| (entry.rank, entry.member, entry.points)).collect()
}

fn points(n: usize) -> i64 {
    (n * 7 % 5 + 1) as i64
}

fn expected(members: usize) -> Vec<(i64, String, i64)> {
    let mut all: Vec<usize> = (0..members).collect();
    all.sort_by_key(|n| (std::cmp::Reverse(points(*n)), *n));
    all.iter().zip(1..).map(|(n, rank)| (rank, format!("m{n}"), points(*n))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_at_once_or_followed_it_is_the_same() {
    on_each(FIRST_WEEK, async |world| {
        let mut host = world.racing(0).await;
        let mut members = 0;
        for more in [0, 1, 1, 1, 1, 8, 0, 30] {
            // One that has read nothing yet.
            drop(host);
            host = world.host().await;
            assert_eq!(shown(&host).await, expected(members), "read");
            // Those who only accepted an invitation have a number, and no points.
            let next = members..members + more;
            let events = next.flat_map(|n| {
                [lesson(FIRST_WEEK, &format!("m{n}"), "L1", points(n)), accepted(FIRST_WEEK, &format!("host-{n}"), &format!("guest-{n}"))]
            });
            submit(&host, &events.collect::<Vec<_>>()).await;
            members += more;
            assert_eq!(shown(&host).await, expected(members), "followed");
        }
    })
    .await;
}
