//! Writing JSON into a growing text, without a tree in between.

use crate::model::time::Timestamp;

/// A JSON string, quotes included.
pub fn push_text(out: &mut String, text: &str) {
    out.push('"');
    push_inside(out, text);
    out.push('"');
}

/// The same without its quotes.
pub fn push_inside(out: &mut String, text: &str) {
    let mut clean = 0;
    for (at, byte) in text.bytes().enumerate() {
        // Every byte that has to be escaped is ASCII, so the cuts fall between characters.
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[clean..at]);
        clean = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => {
                out.push_str("\\u00");
                out.push(char::from_digit(u32::from(other >> 4), 16).unwrap_or('0'));
                out.push(char::from_digit(u32::from(other & 15), 16).unwrap_or('0'));
            }
        }
    }
    out.push_str(&text[clean..]);
}

/// `"name":"text"`.
pub fn push_member(out: &mut String, name: &str, text: &str) {
    push_text(out, name);
    out.push(':');
    push_text(out, text);
}

/// An instant with its milliseconds, quotes included. A client that asks for `meta.lastModified gt` what it was shown
/// must not meet the same resource again, so nothing may be cut off.
pub fn push_instant(out: &mut String, at: Timestamp) {
    let (days, of_day) = (at.millis().div_euclid(86_400_000), at.millis().rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (hour, minute, second, milli) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60, of_day % 1000);
    let mut text = *b"\"0000-00-00T00:00:00.000Z\"";
    for (number, last, digits) in
        [(year, 4, 4), (month, 7, 2), (day, 10, 2), (hour, 13, 2), (minute, 16, 2), (second, 19, 2), (milli, 23, 3)]
    {
        let mut rest = number.unsigned_abs();
        for place in (0..digits).map(|back| last - back) {
            text[place] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
    out.extend(std::str::from_utf8(&text));
}

/// The last digits of a number, with zeros in front.
fn push_digits(out: &mut String, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(char::from(b"0123456789"[(number / 10_u64.pow(place) % 10) as usize]));
    }
}

pub fn push_number(out: &mut String, number: u64) {
    let digits = number.checked_ilog10().map_or(1, |log| log + 1);
    push_digits(out, number, digits);
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Eras of 400 years of 146,097 days,
/// years that begin in March so that the leap day is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sent: &str) -> String {
        let mut out = String::new();
        push_text(&mut out, sent);
        out
    }

    #[test]
    fn every_text_reads_back_as_it_was() {
        for sent in ["", "plain", "a\"b\\c", "\u{0}\u{1f}\n\r\t", "zoë 🎉 \u{7f}\u{2028}", "\"", "\\\\"] {
            assert_eq!(serde_json::from_str::<String>(&text(sent)).unwrap(), sent);
        }
    }

    #[test]
    fn numbers_have_the_digits_they_need() {
        for number in [0, 7, 10, 100_000, u64::MAX] {
            let mut out = String::new();
            push_number(&mut out, number);
            assert_eq!(out, number.to_string());
        }
    }

    #[test]
    fn instants_keep_their_milliseconds_and_read_back() {
        for millis in
            [0, 1, 951_782_399_999, 951_782_400_000, 1_795_327_200_123, -1, 4_102_444_800_000, 1_709_164_800_000]
        {
            let at = Timestamp::from_millis(millis);
            let mut out = String::new();
            push_instant(&mut out, at);
            assert_eq!(Timestamp::parse(out.trim_matches('"')), Some(at), "{out}");
        }
    }
}
