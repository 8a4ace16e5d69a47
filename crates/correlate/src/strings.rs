//! What stands between the quotes of a JSON string: where it ends, and what it says.
//!
//! In go bytes, out comes text. Escapes that are none and halves of characters are repaired with
//! U+FFFD.

/// Where a string ends whose content begins at `at`, and whether it holds escapes. Eight bytes at
/// a time: most strings are too short for a vector search to pay.
pub fn string_end(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        at = match bytes[at..].first_chunk() {
            Some(word) => {
                let found = quotes_and_backslashes(u64::from_le_bytes(*word));
                if found == 0 {
                    at += 8;
                    continue;
                }
                at + found.trailing_zeros() as usize / 8
            }
            None => at + bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\\'))?,
        };
        if bytes[at] == b'"' {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
        if at > bytes.len() {
            return None;
        }
    }
}

/// The high bit of the first byte that is `"` or `\`, and maybe of some after it.
fn quotes_and_backslashes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')))
}

/// Replacement characters that a string has by itself.
pub fn replacements(raw: &[u8]) -> usize {
    let forms = [&b"\xef\xbf\xbd"[..], b"\\ufffd", b"\\uFFFD"];
    forms.iter().map(|form| memchr::memmem::find_iter(raw, form).count()).sum()
}

/// The text of a string with escapes; what is wrong with it is replaced.
pub fn unescape(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(escape) = memchr::memchr(b'\\', rest) {
        text.push_str(&String::from_utf8_lossy(&rest[..escape]));
        let (character, length) = escape_at(&rest[escape + 1..]);
        text.push(character);
        rest = rest.get(escape + 1 + length..).unwrap_or(&[]);
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

/// The character of an escape, and how many bytes it takes after the backslash.
fn escape_at(rest: &[u8]) -> (char, usize) {
    let character = match rest.first() {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode(&rest[1..]),
        Some(&byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
        _ => char::REPLACEMENT_CHARACTER,
    };
    (character, 1)
}

/// `\uXXXX`, or two of them for a character beyond the basic plane; a lone half is replaced.
fn unicode(rest: &[u8]) -> (char, usize) {
    let Some(first) = hex(rest) else {
        return (char::REPLACEMENT_CHARACTER, 1);
    };
    if let Some(character) = char::from_u32(first) {
        return (character, 5);
    }
    let second = rest.get(4..).and_then(|rest| rest.strip_prefix(b"\\u")).and_then(hex);
    match second {
        Some(second @ 0xdc00..=0xdfff) if first < 0xdc00 => {
            let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 11)
        }
        _ => (char::REPLACEMENT_CHARACTER, 5),
    }
}

fn hex(rest: &[u8]) -> Option<u32> {
    let digits = rest.get(..4)?;
    digits.iter().try_fold(0, |code, &byte| Some(code << 4 | char::from(byte).to_digit(16)?))
}
