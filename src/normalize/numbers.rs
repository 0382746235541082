//! Parses numbers from their digits as written, by JSON's grammar and without loss. It knows nothing of columns.

/// The integer that the digits mean: `12`, `-3`, and `1.0`, whose fraction is zero. An exponent is refused.
pub(super) fn integer(digits: &str) -> Option<i64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if !is_number(digits) || !fraction.bytes().all(|byte| byte == b'0') {
        return None;
    }
    whole.parse().ok()
}

/// The double nearest to the digits. Zero has no sign, since SQL and the hash treat both zeros as equal. `None` if the
/// digits are not a JSON number or exceed the largest double.
pub(super) fn double(digits: &str) -> Option<f64> {
    if !is_number(digits) {
        return None;
    }
    digits.parse().ok().filter(|value: &f64| value.is_finite()).map(|value| value + 0.0)
}

/// A JSON number in the one form that all writings of its value share: whole digits without zeros at either end, and the
/// power of ten that they count. A number with an exponent beyond 18 digits stays as written.
pub(super) fn by_value(digits: &str) -> String {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let Some(exponent) = Some(exponent.trim_start_matches('+')).filter(|text| text.len() <= 18) else {
        return digits.to_owned();
    };
    let sign = if whole.starts_with('-') { "-" } else { "" };
    let all = format!("{}{fraction}", whole.trim_start_matches('-'));
    let kept = all.trim_start_matches('0').trim_end_matches('0');
    let Some(exponent) = exponent.parse::<i64>().ok().filter(|_| !kept.is_empty()) else {
        return "0".to_owned();
    };
    let trailing = all.len() - all.trim_end_matches('0').len();
    let power = exponent - fraction.len() as i64 + trailing as i64;
    format!("{sign}{kept}e{power}")
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let whole_fits = is_digits(whole) && (whole == "0" || !whole.starts_with('0'));
    let exponent = exponent.map(|digits| digits.strip_prefix(['+', '-']).unwrap_or(digits));
    whole_fits && fraction.is_none_or(is_digits) && exponent.is_none_or(is_digits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_integer_may_have_a_fraction_of_zero_and_nothing_else() {
        assert_eq!(integer("12"), Some(12));
        assert_eq!(integer("-1"), Some(-1));
        assert_eq!(integer("-0"), Some(0));
        assert_eq!(integer("1.0"), Some(1));
        assert_eq!(integer("9223372036854775807.00"), Some(i64::MAX));
        for digits in [
            "",
            "-",
            "1.5",
            "1e3",
            "9223372036854775808",
            "+1",
            "01",
            "1.",
            ".5",
            " 1",
            "1_0",
            "NaN",
            "0x1",
            "1.0000000000000000001",
        ] {
            assert_eq!(integer(digits), None, "{digits:?}");
        }
    }

    #[test]
    fn a_double_is_a_finite_json_number() {
        assert_eq!(double("1.50"), Some(1.5));
        for zero in ["0", "-0", "-0.0", "-0e5", "-1e-999"] {
            assert_eq!(double(zero).map(f64::to_bits), Some(0), "{zero}");
        }
        assert_eq!(double("1E+3"), Some(1000.0));
        for digits in ["", "NaN", "inf", "infinity", "1e999", "+1", "1e", "00.5"] {
            assert_eq!(double(digits), None, "{digits:?}");
        }
    }

    #[test]
    fn writings_of_one_value_share_a_form() {
        for same in [&["1", "1.0", "10e-1", "0.1E+1", "1e0"][..], &["0", "-0", "0.00", "0e9"], &["-1500", "-1.5e3"]] {
            let forms: Vec<String> = same.iter().map(|digits| by_value(digits)).collect();
            assert!(forms.windows(2).all(|pair| pair[0] == pair[1]), "{forms:?}");
        }
        let differ = ["1", "-1", "10", "100", "1.01", "9007199254740993", "9007199254740992", "1e400", "1e401"];
        let forms: std::collections::HashSet<String> = differ.iter().map(|digits| by_value(digits)).collect();
        assert_eq!(forms.len(), differ.len());
        assert_eq!(by_value("1e9999999999999999999"), "1e9999999999999999999");
    }

    proptest! {
        #[test]
        fn the_form_of_a_value_is_that_value(value in any::<i32>(), power in -20i32..20, zeros in 0usize..4) {
            let digits = format!("{value}e{power}");
            let longer = format!("{value}{}e{}", "0".repeat(zeros), power - zeros as i32);
            prop_assert_eq!(by_value(&digits), by_value(&longer));
            prop_assert_eq!(by_value(&digits).parse::<f64>().ok(), digits.parse::<f64>().ok().map(|v| v + 0.0));
        }

        #[test]
        fn what_counts_as_a_number_is_what_json_says(text in "-?[0-9.eE+-]{0,8}") {
            let by_serde = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            prop_assert_eq!(is_number(&text), by_serde, "{}", text);
        }
    }
}
