//! The alphabets of strings.

use super::card::looks_like_card_number;
use crate::v1::ErrorReason;

/// What a string may look like; `FieldRules.Format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "which formats occur is decided by the protos")]
pub(crate) enum Format {
    /// Anything.
    Any,
    /// 1 to 64 printable ASCII characters, no space at either end.
    Id,
    /// A UUID in its canonical form.
    Uuid,
    /// No control characters, no payment card number.
    Text,
    /// Printable ASCII.
    Token,
}

const ID_LENGTH_MAX: usize = 64;

impl Format {
    /// What is wrong with a text, none if it passes.
    pub(crate) fn fault(self, text: &str) -> Option<(ErrorReason, &'static str)> {
        let invalid = |description| Some((ErrorReason::FieldInvalid, description));
        match self {
            Self::Id if !is_id(text) => {
                invalid("must be 1 to 64 printable ASCII characters without a space at either end")
            }
            Self::Uuid if parse_uuid(text).is_none() => {
                invalid("must be a UUID in its canonical form")
            }
            Self::Text if text.chars().any(is_control) => {
                invalid("must not hold control characters")
            }
            Self::Text if looks_like_card_number(text) => Some((
                ErrorReason::CardNumberRefused,
                "looks like a payment card number",
            )),
            Self::Token if !text.bytes().all(is_printable) => invalid("must be printable ASCII"),
            Self::Any | Self::Id | Self::Uuid | Self::Text | Self::Token => None,
        }
    }
}

fn is_id(text: &str) -> bool {
    (1..=ID_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(is_printable)
        && !text.starts_with(' ')
        && !text.ends_with(' ')
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

const fn is_control(character: char) -> bool {
    matches!(character, '\0'..='\x1f' | '\x7f'..='\u{9f}')
}

/// The 128 bits of a UUID in its canonical form of 36 characters.
pub(crate) fn parse_uuid(text: &str) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut value = 0_u128;
    for (index, byte) in text.bytes().enumerate() {
        if matches!(index, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return None,
        };
        value = (value << 4) | u128::from(digit);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_printable_ascii_without_spaces_at_either_end() {
        let longest = "x".repeat(64);
        let too_long = "x".repeat(65);
        let cases = [
            ("a", true),
            ("a b", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("", false),
            (" a", false),
            ("a ", false),
            ("a\0b", false),
            ("a\u{440}", false),
            ("a\n", false),
        ];
        for (text, passes) in cases {
            assert_eq!(Format::Id.fault(text).is_none(), passes, "{text:?}");
        }
    }

    #[test]
    fn uuids_are_read_in_their_canonical_form_only() {
        let text = "01234567-89ab-CDEF-0123-456789abcdef";
        assert_eq!(
            parse_uuid(text),
            Some(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)
        );
        for bad in [
            "",
            "0123456789abcdef0123456789abcdef",
            "{01234567-89ab-cdef-0123-456789abcde",
        ] {
            assert_eq!(parse_uuid(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn text_has_no_control_characters_and_no_card_number() {
        assert!(Format::Text.fault("déjà vu").is_none());
        assert!(Format::Text.fault("a\u{85}").is_some());
        let refused = Format::Text
            .fault("4111111111111111")
            .map(|(reason, _)| reason);
        assert_eq!(refused, Some(ErrorReason::CardNumberRefused));
    }
}
