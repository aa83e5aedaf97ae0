//! Headers on their way through.

use http::header::{HeaderMap, HeaderName, HeaderValue, CONNECTION, HOST, TE, TRANSFER_ENCODING};

use crate::deadline::Deadline;

const SECRET: HeaderName = HeaderName::from_static("x-bopis-secret");
const IDENTITY: HeaderName = HeaderName::from_static("x-bopis-identity");
/// Headers of ours: nobody outside may set them.
const OWN_PREFIX: &str = "x-bopis-";
/// Who calls, as long as only this machine can reach the door.
const LOCAL_IDENTITY: HeaderValue = HeaderValue::from_static("local");

/// The headers of the upstream call.
pub(super) fn upstream(inbound: &HeaderMap, secret: &HeaderValue, deadline: Deadline) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(inbound.len() + 3);
    for (name, value) in inbound {
        if !name.as_str().starts_with(OWN_PREFIX) && !is_of_connection(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    deadline.write(&mut headers);
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(SECRET, secret.clone());
    headers.insert(IDENTITY, LOCAL_IDENTITY);
    headers
}

fn is_of_connection(name: &HeaderName) -> bool {
    [CONNECTION, HOST, TE, TRANSFER_ENCODING].contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "upgrade")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn nobody_outside_sets_identity_or_secret() {
        let mut inbound = HeaderMap::new();
        inbound.insert("x-bopis-identity", HeaderValue::from_static("admin"));
        inbound.insert("x-bopis-other", HeaderValue::from_static("x"));
        inbound.insert("x-request-id", HeaderValue::from_static("r"));
        inbound.append("multi-bin", HeaderValue::from_static("AA"));
        inbound.append("multi-bin", HeaderValue::from_static("BB"));
        let headers = upstream(&inbound, &HeaderValue::from_static("s"), Deadline(None));
        assert_eq!(headers.get("x-bopis-identity").unwrap(), "local");
        assert_eq!(headers.get("x-bopis-secret").unwrap(), "s");
        assert_eq!(headers.get("x-request-id").unwrap(), "r");
        assert_eq!(headers.get_all("multi-bin").iter().count(), 2);
        assert!(headers.get("x-bopis-other").is_none());
    }
}
