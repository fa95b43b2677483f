//! An event as it arrives: CloudEvents 1.0 (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>),
//! with the data still as JSON text, because only the campaign's contract knows its types.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// The first 16 bytes of a SHA-256: identities, business keys, causes, bodies.
pub type Key = [u8; 16];
pub type KeyMap<T> = HashMap<Key, T, BuildHasherDefault<KeyHasher>>;
pub type KeySet = HashSet<Key, BuildHasherDefault<KeyHasher>>;

/// A key is a hash already: half of it places it in a map.
#[derive(Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(half) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*half);
        }
    }
    /// The length of a key, which is always the same.
    fn write_usize(&mut self, _: usize) {}
    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub source: SmolStr,
    pub id: SmolStr,
    /// The CloudEvents `type`.
    pub kind: SmolStr,
    pub subject: Option<SmolStr>,
    /// Milliseconds since 1970-01-01T00:00Z, or why there is no such instant.
    pub at_ms: Result<i64, String>,
    /// The JSON text of `data`; empty when there is none.
    pub data: Arc<str>,
}

/// Longest `source`, `id`, `type` and `subject`, in bytes.
pub const NAME_BYTES: usize = 256;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    datacontenttype: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data_base64: Option<&'a RawValue>,
}

impl Event {
    /// One event in structured mode. Extension attributes are allowed and not kept. Fails when the envelope itself
    /// is broken; a missing or wrong `time` is kept in `at_ms`, so that the event can be quarantined with it.
    pub fn from_json(text: &str) -> Result<Event, String> {
        let envelope: Envelope = serde_json::from_str(text).map_err(|e| format!("this is no CloudEvent: {e}"))?;
        if envelope.specversion != "1.0" {
            return Err(format!("specversion is \"{}\": this host understands \"1.0\"", envelope.specversion));
        }
        if envelope.data_base64.is_some() {
            return Err("data_base64 is not accepted: send the data as JSON in `data`".into());
        }
        if let Some(kind) = envelope.datacontenttype.as_deref().filter(|t| !is_json(t)) {
            return Err(format!("datacontenttype is \"{kind}\": only JSON data is accepted"));
        }
        Event::new(
            &envelope.source,
            &envelope.id,
            &envelope.kind,
            envelope.subject.as_deref(),
            envelope.time.as_deref(),
            envelope.data.map_or("", RawValue::get),
        )
    }

    /// The event in structured mode, as [`Event::from_json`] reads it.
    pub fn to_json(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut json =
            format!(r#"{{"specversion":"1.0","source":{},"id":{},"type":{}"#, quoted(&self.source), quoted(&self.id), quoted(&self.kind));
        if let Some(subject) = &self.subject {
            json.push_str(&format!(r#","subject":{}"#, quoted(subject)));
        }
        if let Some(time) = self.at_ms.as_ref().ok().and_then(|at_ms| jiff::Timestamp::from_millisecond(*at_ms).ok()) {
            json.push_str(&format!(r#","time":"{time}""#));
        }
        if !self.data.is_empty() {
            json.push_str(&format!(r#","data":{}"#, self.data));
        }
        json.push('}');
        json
    }

    /// An event from its attributes, as binary mode carries them in headers. `time` is RFC 3339.
    pub fn new(source: &str, id: &str, kind: &str, subject: Option<&str>, time: Option<&str>, data: &str) -> Result<Event, String> {
        for (name, text) in [("source", Some(source)), ("id", Some(id)), ("type", Some(kind)), ("subject", subject)] {
            check_name(name, text)?;
        }
        let at_ms = match time {
            None => Err("field time is missing".to_string()),
            Some(text) => text
                .parse::<jiff::Timestamp>()
                .map(|t| t.as_millisecond())
                .map_err(|_| format!("time \"{text}\" is no RFC 3339 instant, as in 2020-09-22T10:00:00+08:00")),
        };
        Ok(Event { source: source.into(), id: id.into(), kind: kind.into(), subject: subject.map(Into::into), at_ms, data: data.into() })
    }

    /// What makes two deliveries the same event: source and id.
    pub fn identity(&self) -> Key {
        key_of(&[&self.source, &self.id])
    }

    /// What makes two bodies the same: type, subject, time and data, whatever the order of the data's fields.
    pub fn body_hash(&self) -> Key {
        let time = match &self.at_ms {
            Ok(ms) => ms.to_string(),
            Err(reason) => reason.clone(),
        };
        let mut parts: Vec<&str> = vec![&self.kind, self.subject.as_deref().unwrap_or("\0"), &time];
        // Names without escapes, which is all of them as a rule, need no copy.
        if let Ok(Flat(mut fields)) = serde_json::from_str(&self.data) {
            fields.sort_by_key(|(name, _)| *name);
            parts.extend(fields.into_iter().flat_map(|(name, value)| [name, value.get()]));
            return key_of(&parts);
        }
        let fields = serde_json::from_str::<BTreeMap<String, &RawValue>>(&self.data);
        match &fields {
            Ok(fields) => parts.extend(fields.iter().flat_map(|(name, value)| [name.as_str(), value.get()])),
            Err(_) => parts.push(&self.data),
        }
        key_of(&parts)
    }
}

/// The fields of flat data as they come, without a copy; fails where a name is written with escapes.
struct Flat<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de> Deserialize<'de> for Flat<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Flat<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Flat<'de>, M::Error> {
                let mut fields = Vec::with_capacity(4);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Flat(fields))
            }
        }
        json.deserialize_map(Fields)
    }
}

/// The key of a list of texts; lengths are hashed too, so that no two lists read alike.
pub fn key_of(parts: &[&str]) -> Key {
    let mut key = KeyMaker::default();
    parts.iter().for_each(|part| key.add(part));
    key.finish()
}

/// [`key_of`], part by part.
#[derive(Default)]
pub struct KeyMaker(Sha256);

impl KeyMaker {
    pub fn add(&mut self, part: &str) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part.as_bytes());
    }
    pub fn finish(self) -> Key {
        let mut key = Key::default();
        key.copy_from_slice(&self.0.finalize()[..16]);
        key
    }
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json") || essence.to_ascii_lowercase().ends_with("+json")
}

fn check_name(name: &str, text: Option<&str>) -> Result<(), String> {
    match text {
        None => Ok(()),
        Some("") => Err(format!("{name} is empty")),
        Some(t) if t.len() > NAME_BYTES => Err(format!("{name} is longer than {NAME_BYTES} bytes")),
        Some(t) if t.chars().any(char::is_control) => Err(format!("{name} holds a control character")),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_envelope_must_be() {
        let good = r#"{"specversion":"1.0","source":"crm","id":"1","type":"account.opened","time":"2020-09-22T10:00:00+08:00","data":{"a":1},"ext":"x"}"#;
        let event = Event::from_json(good).unwrap();
        assert_eq!((event.at_ms, &*event.data), (Ok(1_600_740_000_000), r#"{"a":1}"#));
        for (text, wanted) in [
            ("[]", "this is no CloudEvent"),
            (r#"{"specversion":"0.3","source":"a","id":"1","type":"t"}"#, "this host understands \"1.0\""),
            (r#"{"specversion":"1.0","source":"a","id":"","type":"t"}"#, "id is empty"),
            (r#"{"specversion":"1.0","source":"a","id":"1\n","type":"t"}"#, "id holds a control character"),
            (r#"{"specversion":"1.0","source":"a","id":"1","type":"t","data_base64":"AA"}"#, "data_base64 is not accepted"),
            (r#"{"specversion":"1.0","source":"a","id":"1","type":"t","datacontenttype":"text/xml"}"#, "only JSON data is accepted"),
        ] {
            let error = Event::from_json(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            r#"{"specversion":"1.0","source":"crm","id":"1","type":"account.opened","time":"2020-09-22T02:00:00Z","data":{"a":1}}"#,
            r#"{"specversion":"1.0","source":"\"c\\","id":"学","type":"t","subject":"bob","time":"2020-09-22T02:00:00.5Z"}"#,
        ] {
            let event = Event::from_json(text).unwrap();
            assert_eq!((event.to_json().as_str(), Event::from_json(&event.to_json())), (text, Ok(event)));
        }
    }

    #[test]
    fn a_body_is_the_same_whatever_the_order_of_its_fields() {
        let with = |data: &str| Event::new("a", "1", "t", None, Some("2020-09-22T10:00:00Z"), data).unwrap().body_hash();
        assert_eq!(with(r#"{"a":1,"b":"x"}"#), with(r#"{ "b" : "x", "a": 1 }"#));
        assert_ne!(with(r#"{"a":1}"#), with(r#"{"a":2}"#));
        assert_ne!(with(r#"{"a":1}"#), with(""));
    }
}
