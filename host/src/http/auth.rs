//! The gate before every route that needs a key: `Authorization: Bearer KEY` (RFC 6750).
//! Must not know: what lies behind it.

use super::Access;
use super::error::Problem;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};

/// Who calls: the name of the key that opened the gate. Without keys, whoever they say they are.
#[derive(Clone)]
pub struct Caller(pub String);

/// On a host that asks for no key: who calls, for what is recorded with a name.
const AS: &str = "x-guerdon-as";

/// A problem for whoever may not call.
pub fn caller(access: &Access, headers: &HeaderMap) -> Result<Caller, Problem> {
    let said = headers.get(AS).and_then(|name| name.to_str().ok()).map(str::trim).filter(|name| !name.is_empty());
    let caller = match access {
        Access::ThisMachine => from_this_machine(headers).map(|()| said.unwrap_or("this machine")),
        access => bearer(headers).and_then(|key| access.key_named(key)),
    };
    let caller = caller.ok_or_else(Problem::unauthorized)?;
    if said.is_some_and(|said| said != caller) {
        return Err(Problem::invalid("X-Guerdon-As is for hosts that ask for no key: here you are the name of your key"));
    }
    Ok(Caller(caller.into()))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

/// A page of a stranger, opened in a browser on this machine, can send requests here too; it shows in `Origin`, or,
/// with a name that its owner points to 127.0.0.1, in `Host`.
fn from_this_machine(headers: &HeaderMap) -> Option<()> {
    let local = |name: HeaderName| headers.get(name).is_none_or(|value| value.to_str().is_ok_and(is_local));
    (local(HOST) && local(ORIGIN)).then_some(())
}

/// `localhost:8080`, `http://127.0.0.1`, `[::1]:80`.
fn is_local(authority: &str) -> bool {
    let authority = authority.split_once("://").map_or(authority, |(_, rest)| rest);
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => authority.split(':').next().unwrap_or(""),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn names_of_this_machine() {
        for yes in ["localhost", "localhost:80", "http://127.0.0.1:8080", "[::1]:80", "http://[::1]"] {
            assert!(is_local(yes), "{yes}");
        }
        for no in ["evil.example", "http://127.0.0.1.evil.example", "null", "192.168.1.2:80", ""] {
            assert!(!is_local(no), "{no}");
        }
    }
}
