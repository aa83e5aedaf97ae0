//! Guards free text against payment card numbers.

const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;

/// Whether `text` holds what could be a payment card number: one group of digits, or several with
/// single spaces or hyphens between them, which together have 13 to 19 digits, begin with 2 to 6
/// (the issuers of payment cards in ISO/IEC 7812-1) and satisfy its Luhn check. Parts of a group
/// do not count: one order number in two would be refused.
pub(crate) fn looks_like_card_number(text: &str) -> bool {
    runs(text).iter().any(|groups| {
        (0..groups.len()).any(|first| starts_card(groups.get(first..).unwrap_or_default()))
    })
}

/// Groups of digits, those joined by one space or hyphen together.
fn runs(text: &str) -> Vec<Vec<&str>> {
    let mut runs: Vec<Vec<&str>> = Vec::new();
    let mut end_of_last = None;
    let mut start = None;
    let bytes = text.as_bytes();
    for (index, byte) in bytes.iter().copied().chain(*b".").enumerate() {
        match (byte.is_ascii_digit(), start) {
            (true, None) => start = Some(index),
            (false, Some(from)) => {
                let group = text.get(from..index).unwrap_or_default();
                let joined = end_of_last.is_some_and(|end| {
                    end + 1 == from && matches!(bytes.get(end), Some(b' ' | b'-'))
                });
                match runs.last_mut() {
                    Some(run) if joined => run.push(group),
                    _ => runs.push(vec![group]),
                }
                end_of_last = Some(index);
                start = None;
            }
            _ => {}
        }
    }
    runs
}

fn starts_card(groups: &[&str]) -> bool {
    let mut digits = String::new();
    for group in groups {
        digits.push_str(group);
        if digits.len() > DIGITS_MAX {
            return false;
        }
        let issued = digits.starts_with(['2', '3', '4', '5', '6']);
        if digits.len() >= DIGITS_MIN && issued && luhn(&digits) {
            return true;
        }
    }
    false
}

fn luhn(digits: &str) -> bool {
    let total: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, byte)| {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            let doubled = if index % 2 == 1 { digit * 2 } else { digit };
            if doubled > 9 {
                doubled - 9
            } else {
                doubled
            }
        })
        .sum();
    total.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::looks_like_card_number;

    #[test]
    fn only_what_could_be_a_card_is_refused() {
        let cases = [
            ("4111111111111111", true),
            ("pay with 4111-1111-1111-1111 please", true),
            ("4111 1111 1111 1111", true),
            ("12 4111 1111 1111 1111", true),
            ("378282246310005", true),
            ("4111  1111 1111 1111", false),
            ("4111111111111112", false),
            ("9111111111111111", false),
            ("41111111111111110000000", false),
            ("", false),
            ("order 12345", false),
            ("émile 4111111111111111 ü", true),
        ];
        for (text, expected) in cases {
            assert_eq!(looks_like_card_number(text), expected, "{text:?}");
        }
    }
}
