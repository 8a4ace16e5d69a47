//! A pull scanner over one JSON value, on bytes.
//!
//! The caller walks the structure and takes what it wants; the rest is skipped, by its brackets and
//! strings alone: what nobody reads need not be right inside. Strings are borrowed unless they hold
//! escapes or invalid UTF-8, which is repaired with U+FFFD. Keys may come in any order. Nesting is
//! bounded, so that no input can exhaust the stack.

use std::borrow::Cow;

use crate::strings::{replacements, string_end, unescape};

/// Deepest nesting that is read.
pub const DEPTH_MAX: u32 = 64;

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// It ends too early.
    Truncated,
    /// It is no JSON.
    NotJson,
    /// It is nested deeper than `DEPTH_MAX`.
    TooDeep,
}

/// What a value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// A digit or `-`
    Number,
    /// `true`, `false` or `null`
    Word,
}

/// A position in a value.
pub struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
    repaired: bool,
}

impl<'a> Scanner<'a> {
    /// A scanner before the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0, repaired: false }
    }

    /// Where the scanner stands.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// What the next value is.
    ///
    /// # Errors
    /// When no value begins here.
    pub fn peek(&mut self) -> Result<Kind, JsonError> {
        self.skip_space();
        match self.bytes.get(self.at) {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f' | b'n') => Ok(Kind::Word),
            Some(_) => Err(JsonError::NotJson),
            None => Err(JsonError::Truncated),
        }
    }

    /// Walks an object; `field` must take or skip each value.
    ///
    /// # Errors
    /// When there is no object, or it is broken.
    pub fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, &[u8]) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.enter(b'{')?;
        if !self.take(b'}') {
            loop {
                let (key, escaped) = self.raw_string()?;
                self.expect(b':')?;
                if escaped {
                    field(self, unescape(key).as_bytes())?;
                } else {
                    field(self, key)?;
                }
                if !self.comma(b'}')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Walks an array; `item` must take or skip each value.
    ///
    /// # Errors
    /// When there is no array, or it is broken.
    pub fn array(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.enter(b'[')?;
        if !self.take(b']') {
            loop {
                item(self)?;
                if !self.comma(b']')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Takes a string.
    ///
    /// # Errors
    /// When there is no string, or it does not end.
    pub fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let (raw, escaped) = self.raw_string()?;
        let text = if escaped { unescape(raw).into() } else { String::from_utf8_lossy(raw) };
        if let Cow::Owned(text) = &text {
            let replaced = text.matches(char::REPLACEMENT_CHARACTER).count();
            self.repaired |= replaced > replacements(raw);
        }
        Ok(text)
    }

    /// Takes a string that is longer than `max` bytes only where something is wrong: then it is cut.
    ///
    /// # Errors
    /// As `string`.
    pub fn name(&mut self, max: usize) -> Result<Cow<'a, str>, JsonError> {
        let mut text = self.string()?;
        if text.len() > max {
            self.repaired = true;
            let end = text.floor_char_boundary(max);
            match &mut text {
                Cow::Borrowed(text) => *text = &text[..end],
                Cow::Owned(text) => text.truncate(end),
            }
        }
        Ok(text)
    }

    /// Whether a string that was taken was no Unicode text, or too long, and had to be repaired.
    #[must_use]
    pub fn repaired(&self) -> bool {
        self.repaired
    }

    /// Takes a number, `true`, `false` or `null`, as its text.
    ///
    /// # Errors
    /// When there is none.
    pub fn scalar(&mut self) -> Result<&'a str, JsonError> {
        self.skip_space();
        let rest = &self.bytes[self.at..];
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(|byte| inside(byte)).count();
        let text = std::str::from_utf8(&rest[..length]).map_err(|_| JsonError::NotJson)?;
        self.at += length;
        if matches!(text, "true" | "false" | "null") || is_number(text.as_bytes()) {
            return Ok(text);
        }
        let cut = self.at == self.bytes.len();
        Err(if cut { JsonError::Truncated } else { JsonError::NotJson })
    }

    /// Skips a value; returns its bytes.
    ///
    /// # Errors
    /// When there is none, or it is broken.
    pub fn skip(&mut self) -> Result<&'a [u8], JsonError> {
        let kind = self.peek()?;
        let start = self.at;
        match kind {
            Kind::Object | Kind::Array => self.skip_nested()?,
            Kind::String => self.raw_string().map(|_| ())?,
            Kind::Number | Kind::Word => self.scalar().map(|_| ())?,
        }
        Ok(&self.bytes[start..self.at])
    }

    /// Nothing but white space may follow.
    ///
    /// # Errors
    /// When something does.
    pub fn end(&mut self) -> Result<(), JsonError> {
        self.skip_space();
        if self.at == self.bytes.len() { Ok(()) } else { Err(JsonError::NotJson) }
    }

    fn skip_nested(&mut self) -> Result<(), JsonError> {
        let start = self.depth;
        // The kinds of the open brackets, innermost last: `DEPTH_MAX` of them fit.
        let mut kinds = 0_u64;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => {
                    let end = string_end(self.bytes, self.at).ok_or(JsonError::Truncated)?;
                    self.at = end.0 + 1;
                }
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth > DEPTH_MAX {
                        return Err(JsonError::TooDeep);
                    }
                    kinds = kinds << 1 | u64::from(byte == b'[');
                }
                b'}' | b']' => {
                    if kinds & 1 != u64::from(byte == b']') {
                        return Err(JsonError::NotJson);
                    }
                    kinds >>= 1;
                    self.depth -= 1;
                    if self.depth == start {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        Err(JsonError::Truncated)
    }

    /// Takes a string's bytes between its quotes; whether they hold escapes.
    fn raw_string(&mut self) -> Result<(&'a [u8], bool), JsonError> {
        self.expect(b'"')?;
        let start = self.at;
        let (end, escaped) = string_end(self.bytes, start).ok_or(JsonError::Truncated)?;
        self.at = end + 1;
        Ok((&self.bytes[start..end], escaped))
    }

    fn enter(&mut self, open: u8) -> Result<(), JsonError> {
        self.expect(open)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(JsonError::TooDeep) } else { Ok(()) }
    }

    /// Whether another element follows.
    fn comma(&mut self, close: u8) -> Result<bool, JsonError> {
        if self.take(b',') {
            return Ok(true);
        }
        self.expect(close).map(|()| false)
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) {
            return Ok(());
        }
        let cut = self.at == self.bytes.len();
        Err(if cut { JsonError::Truncated } else { JsonError::NotJson })
    }

    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

/// RFC 8259, section 6.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = {
        let text = text.strip_prefix(b"-").unwrap_or(text);
        text.split_at(digits(text))
    };
    let rest = match rest {
        [b'.', rest @ ..] if digits(rest) > 0 => &rest[digits(rest)..],
        rest => rest,
    };
    let rest = match rest {
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] if digits(rest) > 0 => {
            &rest[digits(rest)..]
        }
        rest => rest,
    };
    rest.is_empty() && !whole.is_empty() && (whole.len() == 1 || whole[0] != b'0')
}

#[cfg(test)]
mod tests {
    use super::{JsonError, Kind, Scanner};

    fn text(json: &[u8]) -> String {
        Scanner::new(json).string().expect("a string").into_owned()
    }

    fn whole(json: &[u8]) -> Result<(), JsonError> {
        let mut scanner = Scanner::new(json);
        walk(&mut scanner)?;
        scanner.end()
    }

    fn walk(scanner: &mut Scanner<'_>) -> Result<(), JsonError> {
        match scanner.peek()? {
            Kind::Object => scanner.object(|scanner, _| walk(scanner)),
            Kind::Array => scanner.array(walk),
            Kind::String => scanner.string().map(|_| ()),
            Kind::Number | Kind::Word => scanner.scalar().map(|_| ()),
        }
    }

    #[test]
    fn what_is_skipped_ends_where_it_ends_when_walked() {
        let inside = [
            r#"{"a":[1,{"b":"]}\\"}],"longer than eight":"\\\"{","c":{}}"#,
            r#"["", "\"", "1234567", "12345678", "123456789\\"]"#,
            "[[[]],{}]",
        ];
        for json in inside {
            let input = format!("{json} 7");
            let mut walked = Scanner::new(input.as_bytes());
            let mut skipped = Scanner::new(input.as_bytes());
            assert_eq!(walk(&mut walked), Ok(()), "{json}");
            assert_eq!(skipped.skip(), Ok(json.as_bytes()));
            assert_eq!(skipped.position(), walked.position());
            for cut in 1..json.len() {
                let cut = &json.as_bytes()[..cut];
                assert_eq!(Scanner::new(cut).skip(), Err(JsonError::Truncated), "{json}");
            }
        }
    }

    #[test]
    fn strings_are_unescaped_and_repaired() {
        assert_eq!(text(br#""a\n\"\\\/\u00e9\ud83d\ude00""#), "a\n\"\\/\u{e9}\u{1f600}");
        assert_eq!(text(br#""\ud83d!\ude00""#), "\u{fffd}!\u{fffd}");
        assert_eq!(text(br#""\ud83d\ud83d\ude00""#), "\u{fffd}\u{1f600}");
        assert_eq!(text(b"\"a\xff\xfeb\""), "a\u{fffd}\u{fffd}b");
        assert_eq!(text(br#""\u12""#), "\u{fffd}12");
        for (json, repaired) in [
            (&b"\"a\xff\""[..], true),
            (br#""\ud83d""#, true),
            ("\"\u{fffd}\\n\"".as_bytes(), false),
        ] {
            let mut scanner = Scanner::new(json);
            scanner.string().expect("a string");
            assert_eq!(scanner.repaired(), repaired, "{}", String::from_utf8_lossy(json));
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        for (json, cut) in [("\"abcd\"", "abc"), ("\"\\u0061bcd\"", "abc"), ("\"abä\"", "ab")] {
            let mut scanner = Scanner::new(json.as_bytes());
            assert_eq!(scanner.name(3).as_deref(), Ok(cut));
            assert!(scanner.repaired());
            let mut scanner = Scanner::new(json.as_bytes());
            assert_eq!(scanner.name(4), Scanner::new(json.as_bytes()).string());
            assert!(!scanner.repaired());
        }
    }

    #[test]
    fn a_broken_value_says_how() {
        assert_eq!(whole(br#"{"a":[1,2,{"b":null}],"c":-1.5e3}"#), Ok(()));
        for cut in [&br#"{"a":[1"#[..], br#"{"a"#, br#"{"a":"b\"#, b"tru", b"", b"{", b"[1,"] {
            assert_eq!(whole(cut), Err(JsonError::Truncated), "{}", String::from_utf8_lossy(cut));
        }
        for good in ["0", "-0", "10", "0.5", "-1.25e+10", "1E9", "2e-3"] {
            assert_eq!(whole(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in ["01", "1.2.3", "1-2", ".5", "1.e3", "+1", "1e+-2", "nul", "truee", "0x10"] {
            assert_eq!(whole(format!("[{bad}]").as_bytes()), Err(JsonError::NotJson), "{bad}");
        }
        for bad in [&b"{a:1}"[..], b"[1 2]", b"{} x", b"nope ", b"{\"a\" 1}", b"[1,]", b"}"] {
            assert_eq!(whole(bad), Err(JsonError::NotJson), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = "[".repeat(10_000);
        assert_eq!(whole(deep.as_bytes()), Err(JsonError::TooDeep));
        assert_eq!(Scanner::new(deep.as_bytes()).skip(), Err(JsonError::TooDeep));
        let deepest = "[".repeat(64) + &"]".repeat(64);
        assert_eq!(whole(deepest.as_bytes()), Ok(()));
    }
}
