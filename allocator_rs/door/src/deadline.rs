//! `grpc-timeout`: read on the way in, rewritten to what remains on the way through.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;
use tonic::Status;

use crate::errors::{deadline_exceeded, malformed};

const GRPC_TIMEOUT: &str = "grpc-timeout";
/// The header carries at most eight digits.
const DIGITS_MAX: usize = 8;
const VALUE_MAX: u128 = 99_999_999;
/// Longer than any call runs; keeps additions to `Instant` in range.
const TIMEOUT_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// When a call's time is over; none: never. Travels in the request's extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Option<Instant>);

impl Deadline {
    /// Reads the header of a call that arrives now.
    ///
    /// # Errors
    /// `MALFORMED_MESSAGE` for a header that is no timeout, `DEADLINE_EXCEEDED` for one of zero.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Status> {
        let Some(value) = headers.get(GRPC_TIMEOUT) else {
            return Ok(Self(None));
        };
        let timeout =
            parse(value).ok_or_else(|| malformed("the grpc-timeout header is no timeout"))?;
        if timeout.is_zero() {
            return Err(deadline_exceeded());
        }
        Ok(Self(Some(Instant::now() + timeout.min(TIMEOUT_MAX))))
    }

    /// # Errors
    /// `DEADLINE_EXCEEDED` when it has passed.
    pub(crate) fn check(self) -> Result<(), Status> {
        match self.0 {
            Some(at) if Instant::now() >= at => Err(deadline_exceeded()),
            _ => Ok(()),
        }
    }

    /// Writes what remains into the headers of an upstream call.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        headers.remove(GRPC_TIMEOUT);
        let Some(at) = self.0 else { return };
        let remaining = at.saturating_duration_since(Instant::now());
        if let Ok(value) = HeaderValue::from_str(&format(remaining)) {
            headers.insert(GRPC_TIMEOUT, value);
        }
    }
}

fn parse(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// The finest unit that fits the digits.
fn format(timeout: Duration) -> String {
    if timeout.as_nanos() <= VALUE_MAX {
        format!("{}n", timeout.as_nanos())
    } else if timeout.as_micros() <= VALUE_MAX {
        format!("{}u", timeout.as_micros())
    } else if timeout.as_millis() <= VALUE_MAX {
        format!("{}m", timeout.as_millis())
    } else {
        format!("{}S", timeout.as_secs())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn every_unit_is_read() {
        let cases = [
            ("2H", Some(7_200_000)),
            ("3M", Some(180_000)),
            ("4S", Some(4000)),
            ("99999999m", Some(99_999_999)),
            ("5000u", Some(5)),
            ("7000000n", Some(7)),
            ("", None),
            ("S", None),
            ("-1S", None),
            ("+1S", None),
            ("1", None),
            ("100000000S", None),
            ("1.5S", None),
            ("1s", None),
        ];
        for (text, expected) in cases {
            let parsed = parse(&HeaderValue::from_str(text).unwrap());
            assert_eq!(parsed, expected.map(Duration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_within_its_unit() {
        for millis in [0, 1, 99, 60_000, 3_600_000, 400 * 24 * 3_600_000_u64] {
            let timeout = Duration::from_millis(millis);
            let parsed = parse(&HeaderValue::from_str(&format(timeout)).unwrap()).unwrap();
            assert!(timeout - parsed < Duration::from_secs(1), "{millis}");
        }
    }

    #[test]
    fn a_timeout_of_zero_has_passed() {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_static("0n"));
        assert_eq!(
            Deadline::read(&headers).unwrap_err().code(),
            tonic::Code::DeadlineExceeded
        );
    }
}
