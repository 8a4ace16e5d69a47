//! A pull scanner over one JSON value, on bytes.
//!
//! The caller walks the structure and takes what it wants; the rest is skipped, by its brackets and
//! strings alone: what nobody reads need not be right inside. Strings are borrowed unless they hold
//! escapes or invalid UTF-8, which is repaired with U+FFFD. Keys may come in any order. Nesting is
//! bounded, so that no input can exhaust the stack.

use std::borrow::Cow;
use std::ops::Range;

use crate::notes::{Field, Form, Mark, Note, Notes};
use crate::strings::{string_end, text_of, unescape};

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
    notes: Option<Notes>,
}

impl<'a> Scanner<'a> {
    /// A scanner before the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0, repaired: false, notes: None }
    }

    /// One that takes notes.
    #[must_use]
    pub fn noting(bytes: &'a [u8]) -> Self {
        Self { notes: Some(Notes::default()), ..Self::new(bytes) }
    }

    /// The notes, where it took some.
    pub fn take_notes(&mut self) -> Option<Notes> {
        self.notes.take()
    }

    /// What the next value is, for the notes.
    pub fn on(&mut self, field: Field) -> &mut Self {
        if let Some(notes) = &mut self.notes {
            notes.field = field;
        }
        self
    }

    /// Notes what the shape says here.
    pub fn mark(&mut self, mark: Mark) {
        if let Some(notes) = &mut self.notes {
            notes.list.push(Note::Mark(self.at, mark));
        }
    }

    /// Notes that what the next value is, is null.
    pub fn mark_empty(&mut self) {
        if let Some(notes) = &mut self.notes {
            let field = std::mem::take(&mut notes.field);
            notes.list.push(Note::Mark(self.at, Mark::Empty(field)));
        }
    }

    /// Something else counts than keys and brackets.
    pub fn spoil_notes(&mut self) {
        if let Some(notes) = &mut self.notes {
            notes.whole = false;
        }
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
        self.note(self.at - 1 - raw.len()..self.at - 1, Form::Text, escaped);
        let (text, repaired) = text_of(raw, escaped);
        self.repaired |= repaired;
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
        if self.notes.is_some() {
            self.note_skipped(start..self.at);
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

    fn note(&mut self, range: Range<usize>, form: Form, escaped: bool) {
        if let Some(notes) = &mut self.notes {
            notes.value(range, form, escaped);
        }
    }

    /// Notes all values in what was skipped.
    fn note_skipped(&mut self, range: Range<usize>) {
        let (bytes, mut at) = (self.bytes, range.start);
        while at < range.end {
            match bytes[at] {
                b'"' => {
                    let Some((end, escaped)) = string_end(bytes, at + 1) else { return };
                    let is_key = bytes[end + 1..range.end].trim_ascii_start().starts_with(b":");
                    if !is_key {
                        self.note(at + 1..end, Form::Text, escaped);
                    } else if let Some(id) = id_in_key(&bytes[at + 1..end]) {
                        self.note(at + 1 + id.start..at + 1 + id.end, Form::InKey, true);
                    }
                    at = end + 1;
                }
                b'0'..=b'9' => {
                    let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit());
                    let end = at + digits.count();
                    self.note(at..end, Form::Number, false);
                    at = end;
                }
                b'-' | b'.' | b'E' => {
                    self.spoil_notes();
                    at += 1;
                }
                b'e' if bytes[at - 1].is_ascii_digit() => {
                    self.spoil_notes();
                    at += 1;
                }
                _ => at += 1,
            }
        }
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

/// Where the uid or the name is in the key of a managedFields item, `k:{\"uid\":\"...\"}`: of owners,
/// containers, volumes and more, which differ from object to object.
fn id_in_key(key: &[u8]) -> Option<Range<usize>> {
    const BEFORE: [&[u8]; 2] = [br#"k:{\"uid\":\""#, br#"k:{\"name\":\""#];
    let before = BEFORE.into_iter().find(|before| key.starts_with(before))?;
    let length = memchr::memchr2(b'\\', b'"', &key[before.len()..])?;
    Some(before.len()..before.len() + length)
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
