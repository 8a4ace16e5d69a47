//! What stands between the quotes of a JSON string: where it ends, and what it says.
//!
//! In go bytes, out comes text. Escapes that are none and halves of characters are repaired with
//! U+FFFD.

use std::borrow::Cow;

/// Where a string ends whose content begins at `at`, and whether it holds escapes. A block at a time:
/// most strings are too short for a call of a search to pay.
#[inline]
pub fn string_end(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        at = match bytes.get(at..)?.first_chunk() {
            Some(&block) => match quote_or_backslash(block) {
                None => {
                    at += BLOCK;
                    continue;
                }
                Some(index) => at + index,
            },
            None => at + bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\\'))?,
        };
        if bytes[at] == b'"' {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}

#[cfg(target_arch = "wasm32")]
const BLOCK: usize = 16;
#[cfg(not(target_arch = "wasm32"))]
const BLOCK: usize = 8;

/// Where the first `"` or `\` of a block is.
#[cfg(target_arch = "wasm32")]
#[inline]
fn quote_or_backslash(block: [u8; BLOCK]) -> Option<usize> {
    use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_splat, u64x2, v128_or};
    let (halves, _) = block.as_chunks();
    let half = |index: usize| u64::from_le_bytes(halves[index]);
    let block = u64x2(half(0), half(1));
    let found = |byte| u8x16_eq(block, u8x16_splat(byte));
    let found = u8x16_bitmask(v128_or(found(b'"'), found(b'\\')));
    (found != 0).then(|| found.trailing_zeros() as usize)
}

/// Where the first `"` or `\` of a block is.
#[cfg(not(target_arch = "wasm32"))]
#[inline]
fn quote_or_backslash(block: [u8; BLOCK]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(block);
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    // The high bit of the first that was found, and maybe of some after it.
    let found = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

/// The text of a string; whether it was no Unicode text and had to be repaired.
pub fn text_of(raw: &[u8], escaped: bool) -> (Cow<'_, str>, bool) {
    let text = if escaped { unescape(raw).into() } else { String::from_utf8_lossy(raw) };
    let Cow::Owned(owned) = &text else {
        return (text, false);
    };
    let replaced = owned.matches(char::REPLACEMENT_CHARACTER).count();
    let repaired = replaced > replacements(raw);
    (text, repaired)
}

/// Replacement characters that a string has by itself.
fn replacements(raw: &[u8]) -> usize {
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
