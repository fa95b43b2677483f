//! `guerdon shadow`: trying a changed folder on live events, beside what is in force.

use super::exit::Failure;
use super::folder;
use super::output::{self, Format, table};
use super::remote::{self, Remote, segment};
use crate::flow::views::{ShadowReport, ShadowView};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Run a changed folder beside what is in force: it decides live events, and pays nothing
#[derive(Subcommand)]
pub enum Shadow {
    /// Start: from now on, every event and every close is decided by the folder too
    #[command(after_help = "Example:\n  guerdon shadow start learning-race campaigns/learning-race-5x20 --host http://127.0.0.1:8080")]
    Start(Start),
    /// End it; what it decided stays to be read
    #[command(after_help = "Example:\n  guerdon shadow stop learning-race --host http://127.0.0.1:8080")]
    Stop(Stop),
    /// Show every difference, with the event that caused it: exit code 3 when there is any
    #[command(after_help = "Example:\n  guerdon shadow report learning-race --host http://127.0.0.1:8080")]
    Report(Report),
}

#[derive(Args)]
pub struct Start {
    campaign: String,
    /// The changed folder
    folder: PathBuf,
    #[command(flatten)]
    remote: Remote,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

#[derive(Args)]
pub struct Stop {
    campaign: String,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args)]
pub struct Report {
    campaign: String,
    #[command(flatten)]
    remote: Remote,
    /// Of an earlier shadow [default: the newest]
    #[arg(long, value_name = "NUMBER")]
    shadow: Option<i32>,
}

pub async fn run(shadow: &Shadow, format: Format) -> Result<(), Failure> {
    match shadow {
        Shadow::Start(start) => {
            let files = folder::read(&start.folder)?;
            let client = start.remote.client(None)?;
            let body = json!({ "files": remote::files(&files), "note": start.note });
            let view: ShadowView = client.put(&path(&start.campaign), &body).await?;
            output::print(format, &view, |view| format!("shadow {} runs beside {}: content {}", view.number, start.campaign, view.hash))
        }
        Shadow::Stop(stop) => {
            let view: ShadowView = stop.remote.client(None)?.delete(&path(&stop.campaign)).await?;
            output::print(format, &view, |view| format!("shadow {} has ended: {}", view.number, counts(view)))
        }
        Shadow::Report(report) => whole_report(report, format).await,
    }
}

fn path(campaign: &str) -> String {
    format!("/v1/campaigns/{}/shadow", segment(campaign))
}

async fn whole_report(asked: &Report, format: Format) -> Result<(), Failure> {
    let client = asked.remote.client(None)?;
    let of = asked.shadow.map_or_else(String::new, |number| format!("&shadow={number}"));
    let page = |(position, line): (i64, i32)| format!("{}?after_position={position}&after_line={line}{of}", path(&asked.campaign));
    let mut report: ShadowReport = client.get(&page((0, 0))).await?;
    while let Some(next) = report.next {
        let more: ShadowReport = client.get(&page(next)).await?;
        report.differences.extend(more.differences);
        report.next = more.next;
    }
    output::print(format, &report, pretty)?;
    if report.differences.is_empty() { Ok(()) } else { Err(Failure::Different) }
}

fn counts(view: &ShadowView) -> String {
    format!("{} decisions, {} of them different", view.decisions, view.differences)
}

fn pretty(report: &ShadowReport) -> String {
    let view = &report.shadow;
    let state = view.ended_at.as_ref().map_or_else(|| "running".to_string(), |at| format!("ended {at}"));
    let mut text = format!("shadow {} by {}, {state}, started {}: {}\n", view.number, view.author, view.started_at, counts(view));
    if view.ended_at.is_none() && view.decided_through < report.position {
        text.push_str(&format!("it has followed to position {} of {}\n", view.decided_through, report.position));
    }
    let row = |d: &crate::flow::views::ShadowDifference| {
        let cause = d.event.as_ref().map_or_else(|| d.subject.clone(), |e| format!("{}: {} {}", d.subject, e.r#type, e.data));
        [cause, told(&d.was), told(&d.would)]
    };
    if !report.differences.is_empty() {
        text.push_str(&table(&["because of", "was", "would be"], report.differences.iter().map(row)));
    }
    text
}

/// `booked: award learning 20 to alice, grant jd-20 1 to alice`
fn told(receipt: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), String::from);
    let effect = |e: &Value| {
        let parts = [&e["effect"], &e["name"], &e["count"], &e["text"]].into_iter().filter(|v| !v.is_null()).map(text);
        let to = if e["member"].is_null() { String::new() } else { format!(" to {}", text(&e["member"])) };
        format!("{}{to}", parts.collect::<Vec<String>>().join(" "))
    };
    let effects: Vec<String> = receipt["effects"].as_array().into_iter().flatten().map(effect).collect();
    match (receipt["outcome"].as_str().unwrap_or(""), effects.is_empty()) {
        ("", true) => "nothing".into(),
        (outcome, true) => format!("{outcome} {}", receipt["reason"].as_str().unwrap_or("")).trim().into(),
        (outcome, false) => format!("{outcome}: {}", effects.join(", ")).trim_start_matches(": ").into(),
    }
}
