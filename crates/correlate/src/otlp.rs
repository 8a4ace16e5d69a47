//! OTLP protobuf, written by hand: `opentelemetry.proto.trace.v1` as of OTLP 1.x.
//!
//! A span's body is written when its place is known; its start and end follow when it leaves.
//! `Encoder` collects finished spans by resource; what it gives out are `resource_spans` fields of
//! an `ExportTraceServiceRequest`, which may be joined with others as they are.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::limits::SPARE_BUFFERS_MAX;
use crate::links::SpanContext;
use crate::time::Nanos;

const RESOURCE_SPANS: u32 = 1;
mod resource_spans {
    pub const RESOURCE: u32 = 1;
    pub const SCOPE_SPANS: u32 = 2;
}
mod scope_spans {
    pub const SCOPE: u32 = 1;
    pub const SPANS: u32 = 2;
}
mod span {
    pub const TRACE_ID: u32 = 1;
    pub const SPAN_ID: u32 = 2;
    pub const PARENT_SPAN_ID: u32 = 4;
    pub const NAME: u32 = 5;
    pub const KIND: u32 = 6;
    pub const START: u32 = 7;
    pub const END: u32 = 8;
    pub const ATTRIBUTES: u32 = 9;
    pub const LINKS: u32 = 13;
    pub const STATUS: u32 = 15;
    pub const KIND_INTERNAL: u64 = 1;
}
mod link {
    pub const TRACE_ID: u32 = 1;
    pub const SPAN_ID: u32 = 2;
    pub const ATTRIBUTES: u32 = 4;
}
mod status {
    pub const MESSAGE: u32 = 2;
    pub const CODE: u32 = 3;
    pub const CODE_ERROR: u64 = 2;
}
mod any_value {
    pub const STRING: u32 = 1;
    pub const BOOL: u32 = 2;
    pub const INT: u32 = 3;
}
/// `KeyValue.key`, `Resource.attributes` and `InstrumentationScope.name` share a number.
const FIRST: u32 = 1;
const VALUE: u32 = 2;

const SCOPE_NAME: &str = "kspan";

/// Writes the fields of a `Span` but its start and end, in any order.
#[derive(Default)]
pub struct SpanWriter(Vec<u8>);

impl SpanWriter {
    /// A span without fields, with room for so many bytes.
    #[must_use]
    pub fn with_room(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Which trace it is in.
    pub fn trace_id(&mut self, id: &[u8; 16]) {
        bytes(&mut self.0, span::TRACE_ID, id);
        number(&mut self.0, span::KIND, span::KIND_INTERNAL);
    }

    /// Its id.
    pub fn span_id(&mut self, id: &[u8; 8]) {
        bytes(&mut self.0, span::SPAN_ID, id);
    }

    /// The span it hangs under.
    pub fn parent(&mut self, id: &[u8; 8]) {
        bytes(&mut self.0, span::PARENT_SPAN_ID, id);
    }

    /// Its name.
    pub fn name(&mut self, name: &str) {
        bytes(&mut self.0, span::NAME, name.as_bytes());
    }

    /// Status ERROR.
    pub fn status_error(&mut self, message: &str) {
        let mut status = Vec::with_capacity(message.len() + 8);
        bytes(&mut status, status::MESSAGE, message.as_bytes());
        number(&mut status, status::CODE, status::CODE_ERROR);
        bytes(&mut self.0, span::STATUS, &status);
    }

    /// A string attribute.
    pub fn attr_str(&mut self, key: &str, value: &str) {
        string_attribute(&mut self.0, span::ATTRIBUTES, key, value);
    }

    /// An integer attribute.
    pub fn attr_int(&mut self, key: &str, value: i64) {
        number_attribute(&mut self.0, key, any_value::INT, value.cast_unsigned());
    }

    /// A boolean attribute.
    pub fn attr_bool(&mut self, key: &str, value: bool) {
        number_attribute(&mut self.0, key, any_value::BOOL, u64::from(value));
    }

    /// A link to another span, with string attributes; empty ones are left out.
    pub fn link(&mut self, to: SpanContext, attributes: &[(&str, &str)]) {
        let mut link = Vec::with_capacity(64);
        bytes(&mut link, link::TRACE_ID, &to.trace);
        bytes(&mut link, link::SPAN_ID, &to.span);
        for (key, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            string_attribute(&mut link, link::ATTRIBUTES, key, value);
        }
        bytes(&mut self.0, span::LINKS, &link);
    }

    /// Fields that another has written.
    pub fn append(&mut self, fields: &[u8]) {
        self.0.extend_from_slice(fields);
    }

    /// The fields written.
    #[must_use]
    pub fn into_bytes(self) -> Box<[u8]> {
        self.0.into()
    }
}

/// Encodes a `Resource`.
#[must_use]
pub fn resource_bytes(attributes: &[(&str, &str)]) -> Rc<[u8]> {
    let mut out = Vec::new();
    for (key, value) in attributes {
        string_attribute(&mut out, FIRST, key, value);
    }
    out.into()
}

/// Collects finished spans of one destination.
#[derive(Default)]
pub struct Encoder {
    by_resource: FxHashMap<Rc<[u8]>, usize>,
    /// By address, for most come as the very same: the resource, and its number in `groups`.
    by_address: FxHashMap<usize, (Rc<[u8]>, usize)>,
    /// Resource, and its spans as `ScopeSpans.spans` fields; in order of first use.
    groups: Vec<(Rc<[u8]>, Vec<u8>)>,
    /// Buffers of groups that have gone: memory that the next ones need again.
    spare: Vec<Vec<u8>>,
    spans: u32,
}

impl Encoder {
    /// Adds a span: its body, completed by what is known only when it leaves.
    pub fn push(
        &mut self,
        resource: &Rc<[u8]>,
        body: &[u8],
        start: Nanos,
        end: Nanos,
        incomplete: bool,
    ) {
        const TIMES: usize = 2 * 9;
        let incomplete_bytes = if incomplete { INCOMPLETE.len() } else { 0 };
        let group = self.group(resource);
        let out = &mut self.groups[group].1;
        header(out, scope_spans::SPANS, body.len() + TIMES + incomplete_bytes);
        out.extend_from_slice(body);
        fixed64(out, span::START, start.cast_unsigned());
        fixed64(out, span::END, end.cast_unsigned());
        out.extend_from_slice(&INCOMPLETE[..incomplete_bytes]);
        self.spans += 1;
    }

    fn group(&mut self, resource: &Rc<[u8]>) -> usize {
        let address = resource.as_ptr().addr();
        if let Some(&(_, group)) = self.by_address.get(&address) {
            return group;
        }
        let group = *self.by_resource.entry(Rc::clone(resource)).or_insert_with(|| {
            self.groups.push((Rc::clone(resource), self.spare.pop().unwrap_or_default()));
            self.groups.len() - 1
        });
        self.by_address.insert(address, (Rc::clone(resource), group));
        group
    }

    /// Spans that wait to be drained.
    #[must_use]
    pub fn spans(&self) -> u32 {
        self.spans
    }

    /// Takes all spans, as `resource_spans` fields.
    pub fn drain(&mut self) -> Vec<u8> {
        // A scope whose one field is its name.
        const SCOPE: usize = 2 + SCOPE_NAME.len();
        const HEADERS: usize = 32 + SCOPE;
        self.by_resource.clear();
        self.by_address.clear();
        self.spans = 0;
        let size = |(resource, spans): &(Rc<[u8]>, Vec<u8>)| resource.len() + spans.len() + HEADERS;
        let mut out = Vec::with_capacity(self.groups.iter().map(size).sum());
        for (resource, mut spans) in self.groups.drain(..) {
            let scope_spans = field_length(SCOPE) + spans.len();
            header(
                &mut out,
                RESOURCE_SPANS,
                field_length(resource.len()) + field_length(scope_spans),
            );
            bytes(&mut out, resource_spans::RESOURCE, &resource);
            header(&mut out, resource_spans::SCOPE_SPANS, scope_spans);
            header(&mut out, scope_spans::SCOPE, SCOPE);
            bytes(&mut out, FIRST, SCOPE_NAME.as_bytes());
            out.extend_from_slice(&spans);
            spans.clear();
            self.spare.push(spans);
        }
        self.spare.truncate(SPARE_BUFFERS_MAX);
        out
    }
}

/// The attribute of a span that was cut off: `kspan.incomplete`, true.
const INCOMPLETE: [u8; 24] = *b"\x4a\x16\x0a\x10kspan.incomplete\x12\x02\x10\x01";

/// A string attribute of a span, found in the fields that a `SpanWriter` wrote.
#[must_use]
pub fn text_attribute<'a>(mut span: &'a [u8], key: &str) -> Option<&'a str> {
    while let Some((number, mut pair)) = next_field(&mut span) {
        if number == span::ATTRIBUTES && next_field(&mut pair)?.1 == key.as_bytes() {
            let (_, mut value) = next_field(&mut pair)?;
            return std::str::from_utf8(next_field(&mut value)?.1).ok();
        }
    }
    None
}

/// Number and content of the first field, which is taken off; of a number there is no content.
fn next_field<'a>(from: &mut &'a [u8]) -> Option<(u32, &'a [u8])> {
    let tag = next_varint(from)?;
    let length = match tag & 7 {
        0 => next_varint(from).map(|_| 0)?,
        1 => 8,
        2 => next_varint(from)?,
        _ => return None,
    };
    let (content, rest) = from.split_at_checked(usize::try_from(length).ok()?)?;
    *from = rest;
    Some(((tag >> 3) as u32, content))
}

fn next_varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn string_attribute(out: &mut Vec<u8>, field: u32, key: &str, value: &str) {
    const TAG: u32 = 2;
    // All lengths take one byte, as those of most attributes: the pair's, the longest, does.
    let pair = key.len() + value.len() + 6;
    if pair < 0x80 && field < 16 {
        let value_length = value.len() as u8;
        out.reserve(pair + 2);
        out.extend_from_slice(&[
            (field << 3 | TAG) as u8,
            pair as u8,
            (FIRST << 3 | TAG) as u8,
            key.len() as u8,
        ]);
        out.extend_from_slice(key.as_bytes());
        let string = (any_value::STRING << 3 | TAG) as u8;
        out.extend_from_slice(&[(VALUE << 3 | TAG) as u8, value_length + 2, string, value_length]);
        return out.extend_from_slice(value.as_bytes());
    }
    let value_length = field_length(value.len());
    header(out, field, field_length(key.len()) + field_length(value_length));
    bytes(out, FIRST, key.as_bytes());
    header(out, VALUE, value_length);
    bytes(out, any_value::STRING, value.as_bytes());
}

fn number_attribute(out: &mut Vec<u8>, key: &str, kind: u32, value: u64) {
    let any = 1 + varint_length(value);
    header(out, span::ATTRIBUTES, field_length(key.len()) + field_length(any));
    bytes(out, FIRST, key.as_bytes());
    header(out, VALUE, any);
    number(out, kind, value);
}

fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    header(out, field, value.len());
    out.extend_from_slice(value);
}

fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    varint(out, u64::from(field << 3));
    varint(out, value);
}

fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    varint(out, u64::from(field << 3 | 1));
    out.extend_from_slice(&value.to_le_bytes());
}

fn header(out: &mut Vec<u8>, field: u32, length: usize) {
    varint(out, u64::from(field << 3 | 2));
    varint(out, length as u64);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint_length(value: u64) -> usize {
    let bits = u64::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// Length of a length-delimited field whose number is below 16.
fn field_length(length: usize) -> usize {
    1 + varint_length(length as u64) + length
}
