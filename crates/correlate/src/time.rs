//! RFC 3339 times as nanoseconds since the Unix epoch, and back.
//!
//! Kubernetes writes times to the second (`metav1.Time`) or to the microsecond
//! (`metav1.MicroTime`); which of them a text was stays known, because a time without a fraction
//! is placed by other evidence. No calendar library: proleptic Gregorian days are a few divisions.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Nanoseconds since the Unix epoch.
pub type Nanos = i64;

/// Nanoseconds of a second.
pub const SECOND: Nanos = 1_000_000_000;

/// The start of a second from 1970 to 2105, or none, in four bytes: the index holds millions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second(Option<NonZeroU32>);

impl From<Option<Nanos>> for Second {
    fn from(at: Option<Nanos>) -> Self {
        let after = at.and_then(|at| u32::try_from(at.div_euclid(SECOND) + 1).ok());
        Self(after.and_then(NonZeroU32::new))
    }
}

impl From<Second> for Option<Nanos> {
    fn from(Second(after): Second) -> Self {
        after.map(|after| (Nanos::from(after.get()) - 1) * SECOND)
    }
}

/// First year that is out of range: `Nanos` ends in April 2262.
const YEAR_END: i64 = 2262;
/// Its first second.
const SECONDS_END: i64 = days_from_civil(YEAR_END, 1, 1) * 86_400;

/// A time field of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stamp {
    /// Missing, null or empty.
    #[default]
    Absent,
    /// A time from 1970 to the end of 2261.
    At {
        /// The time.
        nanos: Nanos,
        /// Whether the text has a fraction of a second.
        precise: bool,
    },
    /// Not RFC 3339, or out of range.
    Bad,
}

impl Stamp {
    /// Start of the second it lies in.
    pub fn second(self) -> Option<Nanos> {
        match self {
            Self::At { nanos, .. } => Some(nanos - nanos.rem_euclid(SECOND)),
            Self::Absent | Self::Bad => None,
        }
    }
}

/// Reads `2026-11-22T15:31:27Z`, with a fraction of 1 to 9 digits or none, and with any offset.
pub fn parse_rfc3339(text: &[u8]) -> Stamp {
    if text.is_empty() {
        return Stamp::Absent;
    }
    parse(text).unwrap_or(Stamp::Bad)
}

fn parse(text: &[u8]) -> Option<Stamp> {
    let (date_time, rest) = text.split_first_chunk()?;
    at(parse_date_time(date_time)?, rest)
}

/// Seconds since the Unix epoch of `2026-11-22T15:31:27`, as if it were UTC.
fn parse_date_time(text: &[u8; 19]) -> Option<i64> {
    let separators = [text[4], text[7], text[10], text[13], text[16]];
    if !matches!(separators, [b'-', b'-', b'T' | b't', b':', b':']) {
        return None;
    }
    let two = |at: usize| two_digits(text[at], text[at + 1]);
    let year = two(0)? * 100 + two(2)?;
    let month = two(5).filter(|month| (1..=12).contains(month))?;
    let day = two(8).filter(|&day| 1 <= day && day <= month_days(year, month))?;
    let hour = two(11).filter(|&hour| hour < 24)?;
    let minute = two(14).filter(|&minute| minute < 60)?;
    let second = two(17).filter(|&second| second < 60)?;
    Some(days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// A time in this second of an offset that, with the fraction, is what `rest` says.
fn at(seconds: i64, rest: &[u8]) -> Option<Stamp> {
    let (fraction, offset) = parse_fraction(rest)?;
    let seconds = seconds - parse_offset(offset)?;
    if !(0..SECONDS_END).contains(&seconds) {
        return None;
    }
    let nanos = seconds * SECOND + fraction.unwrap_or(0);
    Some(Stamp::At { nanos, precise: fraction.is_some() })
}

/// Reads times as `parse_rfc3339`, one after the other: most are of the same second as the one before.
#[derive(Debug, Default)]
pub struct RecentTime {
    text: [u8; 19],
    seconds: i64,
}

impl RecentTime {
    /// Reads a time.
    pub fn parse(&mut self, text: &[u8]) -> Stamp {
        if text.is_empty() {
            return Stamp::Absent;
        }
        self.read(text).unwrap_or(Stamp::Bad)
    }

    fn read(&mut self, text: &[u8]) -> Option<Stamp> {
        let (date_time, rest) = text.split_first_chunk()?;
        if *date_time != self.text {
            self.seconds = parse_date_time(date_time)?;
            self.text = *date_time;
        }
        at(self.seconds, rest)
    }
}

fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

/// Nanoseconds of `.123456`, where there is a fraction, and what follows it.
fn parse_fraction(rest: &[u8]) -> Option<(Option<Nanos>, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else {
        return Some((None, rest));
    };
    let length = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    if !(1..=9).contains(&length) {
        return None;
    }
    let (digits, rest) = digits.split_at(length);
    Some((Some(number(digits)? * 10_i64.pow(9 - length as u32)), rest))
}

/// Seconds east of UTC: `Z`, `+02:00`.
fn parse_offset(text: &[u8]) -> Option<i64> {
    match text {
        b"Z" | b"z" => Some(0),
        &[sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let hours = two_digits(h1, h2).filter(|&hours| hours < 24)?;
            let minutes = two_digits(m1, m2).filter(|&minutes| minutes < 60)?;
            let seconds = hours * 3600 + minutes * 60;
            Some(if sign == b'+' { seconds } else { -seconds })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
    })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. Years are counted from March, so that the leap day is a year's last.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

/// The inverse of `days_from_civil`, for days from 1970 on.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Writes a time in UTC; zeros at the end of the fraction are cut.
///
/// Times before 1970 (they come from no input) are written as 1970.
pub fn format_rfc3339(nanos: Nanos) -> String {
    let nanos = nanos.max(0);
    let (seconds, fraction) = (nanos / SECOND, nanos % SECOND);
    let (year, month, day) = civil_from_days(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let whole = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if fraction == 0 {
        return whole + "Z";
    }
    let digits = format!("{fraction:09}");
    format!("{whole}.{}Z", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::{SECOND, Stamp, format_rfc3339, parse_rfc3339};

    fn at(text: &str) -> Option<(i64, bool)> {
        match parse_rfc3339(text.as_bytes()) {
            Stamp::At { nanos, precise } => Some((nanos, precise)),
            Stamp::Absent | Stamp::Bad => None,
        }
    }

    #[test]
    fn known_times_are_read() {
        let table = [
            ("1970-01-01T00:00:00Z", 0, false),
            ("2000-02-29T12:00:00Z", 951_825_600 * SECOND, false),
            ("2026-11-22T15:31:27Z", 1_795_361_487 * SECOND, false),
            ("2026-11-22T15:31:27.0Z", 1_795_361_487 * SECOND, true),
            ("2026-11-22T15:31:27.864Z", 1_795_361_487 * SECOND + 864_000_000, true),
            ("2026-11-22t15:31:27.123456789z", 1_795_361_487 * SECOND + 123_456_789, true),
            ("2026-11-22T17:31:27+02:00", 1_795_361_487 * SECOND, false),
            ("2026-11-22T10:01:27.5-05:30", 1_795_361_487 * SECOND + 500_000_000, true),
            ("2261-12-31T23:59:59Z", 9_214_646_399 * SECOND, false),
        ];
        for (text, nanos, precise) in table {
            assert_eq!(at(text), Some((nanos, precise)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_or_out_of_range_is_bad() {
        let table = [
            "yesterday",
            "2026-11-22",
            "2026-11-22 15:31:27Z",
            "2026-11-22T15:31:27",
            "2026-11-22T15:31:27.Z",
            "2026-11-22T15:31:27.1234567890Z",
            "2026-11-22T15:31:27.12",
            "2026-13-22T15:31:27Z",
            "2026-02-29T15:31:27Z",
            "2100-02-29T15:31:27Z",
            "2026-11-31T15:31:27Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T15:31:60Z",
            "2026-11-22T15:31:27+0200",
            "2026-11-22T15:31:27+24:00",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "0001-01-01T00:00:00Z",
            "2262-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ];
        for text in table {
            assert_eq!(parse_rfc3339(text.as_bytes()), Stamp::Bad, "{text}");
        }
        assert_eq!(parse_rfc3339(b""), Stamp::Absent);
    }

    #[test]
    fn every_day_from_1970_to_2261_is_read_as_it_was_written() {
        for day in 0..106_650 {
            let nanos = day * 86_400 * SECOND + 3_723 * SECOND + 120_000_000;
            let text = format_rfc3339(nanos);
            assert_eq!(at(&text), Some((nanos, true)), "{text}");
        }
    }

    #[test]
    fn zeros_at_the_end_of_the_fraction_are_cut() {
        assert_eq!(format_rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(format_rfc3339(SECOND + 120_000_000), "1970-01-01T00:00:01.12Z");
        assert_eq!(format_rfc3339(999_999_999), "1970-01-01T00:00:00.999999999Z");
    }
}
