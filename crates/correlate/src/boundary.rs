//! Follows one JSON value byte by byte to its end, over chunks and lines, without reading it.
//!
//! Tells where the value ends, and where each element of a list's `items` ends. A newline within a
//! string, or a `{` at the beginning of a line while the value is open, means that the value was
//! cut: no JSON writer breaks lines there, but for the items of a list.

use std::ops::Range;

use crate::limits::NAME_MAX;
use crate::record::TypeMeta;

/// What was found. Ranges are of the buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// The buffer ends before the value does.
    Nothing,
    /// An element of `items` ended.
    Item {
        /// Its bytes.
        range: Range<usize>,
        /// Whether it has a member `kind`.
        has_kind: bool,
        /// Whether it is small enough to be used.
        whole: bool,
    },
    /// The value ended.
    Value {
        /// Its bytes.
        range: Range<usize>,
        /// Whether it is a list, whose items have been found already.
        list: bool,
        /// Whether it is small enough to be used.
        whole: bool,
    },
    /// The value is broken; the next may begin here.
    Broken(usize),
}

/// Members of a list that matter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Items,
    Kind,
    ApiVersion,
    Other,
}

/// A position in a value.
pub struct Boundary {
    at: usize,
    /// Start of the value, or of the item; meaningless outside of items.
    start: usize,
    depth: u32,
    string_start: Option<usize>,
    escaped: bool,
    line_start: bool,
    /// It has had `items`.
    is_list: bool,
    in_items: bool,
    last_string: Range<usize>,
    member: Member,
    item_has_kind: bool,
    /// Nothing of the current value was dropped for its size.
    whole: bool,
    kind: TypeMeta,
    bytes_max: usize,
}

impl Boundary {
    /// Before a value that begins at `start` of the buffer; of values and items larger than
    /// `bytes_max` only the end is found.
    pub fn new(start: usize, bytes_max: usize) -> Self {
        Self {
            at: start,
            start,
            depth: 0,
            string_start: None,
            escaped: false,
            line_start: false,
            is_list: false,
            in_items: false,
            last_string: 0..0,
            member: Member::Other,
            item_has_kind: false,
            whole: true,
            kind: TypeMeta::default(),
            bytes_max,
        }
    }

    /// The kind that the list gives its items, as far as it is known.
    pub fn list_kind(&self) -> &TypeMeta {
        &self.kind
    }

    /// The first byte that is still needed.
    pub fn needed_from(&self) -> usize {
        let current = match self.depth {
            _ if self.is_inside() => self.start,
            // A member of the list itself: its key is looked at when its colon comes.
            1 => self.last_string.start,
            _ => self.at,
        };
        self.string_start.map_or(current, |string| string.min(current)).min(self.at)
    }

    /// The buffer lost this many bytes at its beginning.
    pub fn shift(&mut self, by: usize) {
        self.at -= by;
        self.start = self.start.saturating_sub(by);
        self.string_start = self.string_start.map(|string| string.saturating_sub(by));
        self.last_string =
            self.last_string.start.saturating_sub(by)..self.last_string.end.saturating_sub(by);
    }

    /// Goes on to the next end.
    pub fn scan(&mut self, buffer: &[u8]) -> Found {
        while let Some(&byte) = buffer.get(self.at) {
            let at = self.at;
            self.at += 1;
            let found = if self.string_start.is_some() {
                self.in_string(buffer, byte, at)
            } else {
                self.outside(buffer, byte, at)
            };
            if let Some(found) = found {
                return found;
            }
        }
        // Too large to be used: only its end matters now.
        if self.is_inside() && self.at - self.start > self.bytes_max {
            self.whole = false;
            self.start = self.at;
            self.string_start = self.string_start.map(|_| self.at);
        }
        Found::Nothing
    }

    fn is_inside(&self) -> bool {
        !self.is_list || (self.in_items && self.depth > 2)
    }

    fn in_string(&mut self, buffer: &[u8], byte: u8, at: usize) -> Option<Found> {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'\n' => return Some(Found::Broken(at + 1)),
            b'"' => {
                let start = self.string_start.take().unwrap_or(at);
                self.last_string = start..at;
                if self.depth == 1 {
                    self.list_member(&buffer[start..at]);
                }
            }
            _ => {}
        }
        None
    }

    fn outside(&mut self, buffer: &[u8], byte: u8, at: usize) -> Option<Found> {
        let between_items = self.in_items && self.depth == 2;
        if self.line_start && byte == b'{' && !between_items {
            return Some(Found::Broken(at));
        }
        self.line_start = byte == b'\n';
        match byte {
            b'"' => self.string_start = Some(at + 1),
            b'{' | b'[' => {
                self.depth += 1;
                if byte == b'[' && self.depth == 2 && self.member == Member::Items {
                    (self.is_list, self.in_items) = (true, true);
                } else if self.in_items && self.depth == 3 {
                    (self.start, self.whole, self.item_has_kind) = (at, true, false);
                }
            }
            b'}' | b']' => return self.close(at + 1),
            b':' if self.depth == 1 => self.member = member(&buffer[self.last_string.clone()]),
            b':' if self.in_items && self.depth == 3 => {
                let key = buffer.get(self.last_string.clone());
                self.item_has_kind |= key == Some(b"kind");
            }
            b',' if self.depth == 1 => self.member = Member::Other,
            _ => {}
        }
        None
    }

    fn close(&mut self, end: usize) -> Option<Found> {
        self.depth = self.depth.saturating_sub(1);
        let whole = self.whole && end - self.start <= self.bytes_max;
        let range = self.start..end;
        match self.depth {
            0 => Some(Found::Value { range, list: self.is_list, whole }),
            1 => {
                self.in_items = false;
                None
            }
            2 if self.in_items => Some(Found::Item { range, has_kind: self.item_has_kind, whole }),
            _ => None,
        }
    }

    /// A string on the list's own level: the value of the member before it, if that is wanted.
    fn list_member(&mut self, text: &[u8]) {
        let text = &text[..text.len().min(NAME_MAX)];
        let text = || String::from_utf8_lossy(text).into_owned();
        match self.member {
            Member::Kind => {
                let kind = text();
                kind.strip_suffix("List").unwrap_or("").clone_into(&mut self.kind.kind);
            }
            Member::ApiVersion => self.kind.api_version = text(),
            Member::Items | Member::Other => {}
        }
    }
}

fn member(key: &[u8]) -> Member {
    match key {
        b"items" => Member::Items,
        b"kind" => Member::Kind,
        b"apiVersion" => Member::ApiVersion,
        _ => Member::Other,
    }
}
