//! Events over HTTP: CloudEvents 1.0 in structured, batched and binary mode
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>), and lines of
//! structured events ([`super::stream`]). Promises: one answer for each event, in order; one that is broken does
//! not touch the others. Must not know: what becomes of an event.

use super::error::Problem;
use super::input::{Path, Query, media_type, text};
use super::limits::read_whole;
use super::{Api, State, stream};
use crate::flow::FlowError;
use crate::flow::views::{CaseView, EventResult, EventView};
use axum::Json;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use guerdon_rules::event::Event;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

const ACCEPTED: &str = "application/cloudevents+json, application/cloudevents-batch+json, application/x-ndjson, \
     or application/json with ce- headers";

/// What was sent in the place of an event, and is none.
#[derive(Clone, Debug)]
pub struct Invalid {
    /// As far as they could be read.
    source: String,
    id: String,
    reason: String,
}

#[derive(Serialize)]
pub struct Results {
    results: Vec<EventResult>,
}

/// `POST /v1/campaigns/{campaign}/events`
pub async fn receive(api: State, Path(campaign): Path<String>, request: Request) -> Result<Response, Problem> {
    // Fails for a campaign that is not there before anything is read.
    api.host.campaign(&campaign)?;
    let (parts, body) = request.into_parts();
    let kind = media_type(&parts.headers);
    if kind == "application/x-ndjson" {
        return Ok(stream::answer(&api, campaign, body));
    }
    let is_binary = parts.headers.contains_key("ce-specversion");
    if !is_binary && !kind.starts_with("application/cloudevents") {
        return Err(Problem::media_type(ACCEPTED));
    }
    let body = read_whole(body, api.limits.body_bytes, api.limits.body_idle).await?;
    let text = text(&body)?;
    match kind.as_str() {
        "application/cloudevents-batch+json" => batch(&api, &campaign, text).await,
        "application/cloudevents+json" => one(&api, &campaign, Event::from_json(text).map_err(Problem::invalid_event)?).await,
        _ if is_binary => one(&api, &campaign, binary(&parts.headers, &kind, text).map_err(Problem::invalid_event)?).await,
        _ => Err(Problem::media_type(ACCEPTED)),
    }
}

async fn batch(api: &Api, campaign: &str, text: &str) -> Result<Response, Problem> {
    let members: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|e| Problem::invalid_event(format!("a batch is an array of CloudEvents: {e}")))?;
    let events = members.into_iter().map(|member| read(member.get())).collect();
    let results = submit_all(api, campaign, events).await?;
    Ok(Json(Results { results }).into_response())
}

/// One event, answered with its result. A conflict is a problem, because the sender has to look at it.
pub async fn one(api: &Api, campaign: &str, event: Event) -> Result<Response, Problem> {
    let result = submit_one(api, campaign, event).await?;
    if result.outcome == "conflict" {
        let detail = result.reason.unwrap_or_else(|| "this source and id were sent before with another body".into());
        return Err(Problem::conflict(detail).with("source", result.source).with("id", result.id));
    }
    Ok(Json(result).into_response())
}

pub async fn submit_one(api: &Api, campaign: &str, event: Event) -> Result<EventResult, Problem> {
    let mut results = api.host.submit(campaign, vec![event]).await?;
    results.pop().ok_or_else(|| Problem::internal("an event was not answered"))
}

/// One event in structured mode, with what can be said about it when it is none.
pub fn read(text: &str) -> Result<Event, Invalid> {
    #[derive(Default, Deserialize)]
    struct Names<'a> {
        #[serde(borrow, default)]
        source: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        id: Option<Cow<'a, str>>,
    }
    Event::from_json(text).map_err(|reason| {
        let names: Names = serde_json::from_str(text).unwrap_or_default();
        Invalid { source: names.source.unwrap_or_default().into(), id: names.id.unwrap_or_default().into(), reason }
    })
}

impl Invalid {
    pub fn because(reason: String) -> Invalid {
        Invalid { source: String::new(), id: String::new(), reason }
    }

    fn into_result(self) -> EventResult {
        EventResult { source: self.source, id: self.id, outcome: "invalid".into(), reason: Some(self.reason), repeated: false }
    }
}

/// Submits what are events and answers all, in order.
pub async fn submit_all(api: &Api, campaign: &str, events: Vec<Result<Event, Invalid>>) -> Result<Vec<EventResult>, FlowError> {
    let mut good = Vec::with_capacity(events.len());
    // None: the next result of the flow belongs here.
    let mut places: Vec<Option<EventResult>> = Vec::with_capacity(events.len());
    for event in events {
        match event {
            Ok(event) => {
                good.push(event);
                places.push(None);
            }
            Err(invalid) => places.push(Some(invalid.into_result())),
        }
    }
    let expected = good.len();
    let answered = if good.is_empty() { Vec::new() } else { api.host.submit(campaign, good).await? };
    if answered.len() != expected {
        return Err(FlowError::Internal(format!("{expected} events got {} answers", answered.len())));
    }
    let mut answered = answered.into_iter();
    Ok(places.into_iter().filter_map(|place| place.or_else(|| answered.next())).collect())
}

/// Binary mode: attributes in `ce-` headers, the body is the data.
fn binary(headers: &HeaderMap, content_type: &str, data: &str) -> Result<Event, String> {
    if !data.is_empty() {
        if content_type != "application/json" && !content_type.ends_with("+json") {
            return Err(format!("Content-Type is \"{content_type}\": only JSON data is accepted"));
        }
        serde_json::from_str::<&RawValue>(data).map_err(|e| format!("the data is no JSON: {e}"))?;
    }
    let required = |name: &str| attribute(headers, name)?.ok_or_else(|| format!("the header ce-{name} is missing"));
    let version = required("specversion")?;
    if version != "1.0" {
        return Err(format!("specversion is \"{version}\": this host understands \"1.0\""));
    }
    let (subject, time) = (attribute(headers, "subject")?, attribute(headers, "time")?);
    Event::new(&required("source")?, &required("id")?, &required("type")?, subject.as_deref(), time.as_deref(), data.trim())
}

/// An attribute from its header, percent-decoded as section 3.1.3.2 of the binding says; quotes were once allowed.
fn attribute(headers: &HeaderMap, name: &str) -> Result<Option<String>, String> {
    let header = format!("ce-{name}");
    let Some(value) = headers.get(&header) else { return Ok(None) };
    let text = value.to_str().map_err(|_| format!("the header {header} holds what is no visible ASCII"))?;
    let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).map_or(Cow::Borrowed(text), unescape);
    let decoded = percent_encoding::percent_decode_str(&text).decode_utf8();
    decoded.map(|text| Some(text.into_owned())).map_err(|_| format!("the header {header} is no percent-encoded UTF-8"))
}

/// A quoted string of RFC 9110, section 5.6.4, without its quotes: a backslash stands before what is meant literally.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    Cow::Owned(plain)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    source: String,
    id: String,
}

/// `GET /v1/campaigns/{campaign}/events/lookup?source=&id=`
pub async fn lookup(api: State, Path(campaign): Path<String>, Query(of): Query<Identity>) -> Result<Json<EventView>, Problem> {
    Ok(Json(api.host.event(&campaign, &of.source, &of.id).await?))
}

/// `GET /v1/campaigns/{campaign}/events/case?source=&id=`
pub async fn case(api: State, Path(campaign): Path<String>, Query(of): Query<Identity>) -> Result<Json<CaseView>, Problem> {
    Ok(Json(api.host.case_of_event(&campaign, &of.source, &of.id).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn binary_mode_reads_what_the_binding_writes() {
        let list = [("ce-specversion", "1.0"), ("ce-source", "crm"), ("ce-type", "t"), ("ce-time", "2020-09-22T10:00:00Z")];
        let with = |id: &'static str| binary(&headers(&[&list[..], &[("ce-id", id)]].concat()), "application/json", "{\"a\":1}");
        // The example of the binding: "Euro € 😀".
        assert_eq!(&*with("Euro%20%E2%82%AC%20%F0%9F%98%80").unwrap().id, "Euro € 😀");
        assert_eq!(&*with("\"a \\\"b\\\"\"").unwrap().id, "a \"b\"");
        assert!(with("%ff").unwrap_err().contains("no percent-encoded UTF-8"));
        assert!(binary(&headers(&list), "application/json", "").unwrap_err().contains("ce-id is missing"));
        assert!(binary(&headers(&list), "text/xml", "<a/>").unwrap_err().contains("only JSON"));
        assert!(binary(&headers(&list), "application/json", "{").unwrap_err().contains("no JSON"));
    }

    #[test]
    fn what_is_no_event_is_named_as_far_as_it_can_be() {
        let invalid = read(r#"{"specversion":"0.3","source":"crm","id":"7","type":"t"}"#).unwrap_err().into_result();
        assert_eq!((&*invalid.source, &*invalid.id, &*invalid.outcome), ("crm", "7", "invalid"));
        assert!(read("7").unwrap_err().reason.contains("no CloudEvent"));
    }
}
