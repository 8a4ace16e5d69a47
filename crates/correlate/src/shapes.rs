//! The fast way to read frames: most have the shape of one that was read before.
//!
//! A shape is what stands between the values of a frame: keys, brackets, all that an API server writes
//! alike for all Events of one reporter. Shapes that begin alike share their beginning, so they are a
//! tree: the bytes before a value are an edge, and behind the value the tree goes on. A frame is
//! compared with it edge by edge; where it fits none, the simple way reads it and its notes become
//! new edges. Promises what the simple way gives, whatever was read before.

use crate::fill::Fill;
use crate::frame::Read;
use crate::json::{JsonError, Scanner};
use crate::limits::{SHAPE_EDGES_MAX, SHAPED_BYTES_MAX, SHAPES_BYTES_MAX};
use crate::notes::{Field, Form, Mark, Note, Notes};
use crate::strings::string_end;
use crate::time::RecentTime;

/// What an edge takes beside its bytes, about.
const EDGE_BYTES: usize = 128;

/// The shapes of what was read.
#[derive(Default)]
pub struct Shapes {
    /// The first is where frames begin.
    nodes: Vec<Node>,
    bytes: usize,
    times: RecentTime,
}

/// The edges behind one value; those that fit often come first.
#[derive(Default)]
struct Node {
    edges: Vec<Edge>,
}

struct Edge {
    /// Up to the value.
    literal: Box<[u8]>,
    /// Where the literal differs from one of its siblings: looked at first, for they may differ late.
    telling: usize,
    /// Before which byte of the literal each stands.
    marks: Box<[(usize, Mark)]>,
    /// None: the frame ends.
    value: Option<(Field, Form)>,
    next: usize,
}

/// The value behind an edge.
struct Value {
    start: usize,
    end: usize,
    escaped: bool,
}

impl Shapes {
    /// Reads what `simple` reads, by a shape where one fits.
    ///
    /// # Errors
    /// Those of `simple`.
    pub(crate) fn read<'a>(
        &mut self,
        bytes: &'a [u8],
        simple: impl FnOnce(&mut Scanner<'a>, &mut Read<'a>) -> Result<(), JsonError>,
    ) -> Result<Read<'a>, JsonError> {
        if bytes.len() > SHAPED_BYTES_MAX {
            let mut scanner = Scanner::new(bytes);
            return read_by(&mut scanner, simple);
        }
        if let Some(read) = self.follow(bytes) {
            return Ok(read);
        }
        let mut scanner = Scanner::noting(bytes);
        let read = read_by(&mut scanner, simple)?;
        if let Some(notes) = scanner.take_notes().filter(|notes| notes.whole) {
            self.learn(bytes, &notes);
        }
        Ok(read)
    }

    fn follow<'a>(&mut self, bytes: &'a [u8]) -> Option<Read<'a>> {
        let text = simdutf8::basic::from_utf8(bytes).ok()?;
        let mut fill = Fill::new(text, &mut self.times);
        let (mut at, mut node) = (0, 0);
        loop {
            let edges = &mut self.nodes.get_mut(node)?.edges;
            let fits = |(number, edge): (usize, &Edge)| Some((number, edge.value_at(bytes, at)?));
            let (number, value) = edges.iter().enumerate().find_map(fits)?;
            let edge = &edges[number];
            for &(offset, mark) in &edge.marks {
                fill.mark(at + offset, mark)?;
            }
            let Some((field, _)) = edge.value else {
                return Some(fill.read);
            };
            fill.value(field, &text[value.start..value.end], value.escaped)?;
            (at, node) = (value.end, edge.next);
            if number > 0 {
                edges.swap(number - 1, number);
            }
        }
    }

    fn learn(&mut self, bytes: &[u8], notes: &Notes) {
        if self.bytes > SHAPES_BYTES_MAX {
            *self = Self::default();
        }
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let (mut at, mut node) = (0, 0);
        let mut marks = Vec::new();
        for note in &notes.list {
            match note {
                Note::Mark(before, mark) => marks.push((before - at, *mark)),
                Note::Value(range, field, form) => {
                    let edge = (&bytes[at..range.start], std::mem::take(&mut marks));
                    node = self.edge(node, edge, Some((*field, *form)));
                    at = range.end;
                }
            }
        }
        self.edge(node, (&bytes[at..], marks), None);
    }

    /// The node behind an edge.
    fn edge(
        &mut self,
        node: usize,
        (literal, marks): (&[u8], Vec<(usize, Mark)>),
        value: Option<(Field, Form)>,
    ) -> usize {
        let edges = &mut self.nodes[node].edges;
        let same = |edge: &&Edge| *edge.literal == *literal && edge.value == value;
        if let Some(edge) = edges.iter().find(same) {
            return edge.next;
        }
        // Those that fit least often come last.
        edges.truncate(SHAPE_EDGES_MAX - 1);
        self.bytes += literal.len() + EDGE_BYTES;
        let next = self.nodes.len();
        self.nodes.push(Node::default());
        let (literal, marks): (Box<[u8]>, _) = (literal.into(), marks.into());
        let edges = &mut self.nodes[node].edges;
        let mut telling = 0;
        for edge in &mut *edges {
            edge.telling = difference(&edge.literal, &literal);
            telling = telling.max(edge.telling);
        }
        edges.push(Edge { literal, telling, marks, value, next });
        next
    }
}

impl Edge {
    /// The value, when the bytes before it are this edge's.
    fn value_at(&self, bytes: &[u8], at: usize) -> Option<Value> {
        let start = at + self.literal.len();
        let found = bytes.get(at..start)?;
        let tells = found.get(self.telling) == self.literal.get(self.telling);
        if !tells || !is_same(&self.literal, found) {
            return None;
        }
        let (end, escaped) = match self.value {
            None => (Some(start).filter(|&start| start == bytes.len())?, false),
            Some((_, Form::Text)) => string_end(bytes, start)?,
            Some((_, Form::InKey)) => {
                (start + memchr::memchr2(b'\\', b'"', &bytes[start..])?, false)
            }
            Some((_, Form::Number)) => {
                let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit());
                (start + Some(digits.count()).filter(|&count| count > 0)?, false)
            }
        };
        Some(Value { start, end, escaped })
    }
}

fn read_by<'a>(
    scanner: &mut Scanner<'a>,
    simple: impl FnOnce(&mut Scanner<'a>, &mut Read<'a>) -> Result<(), JsonError>,
) -> Result<Read<'a>, JsonError> {
    let mut read = Read::default();
    simple(scanner, &mut read)?;
    read.repaired = scanner.repaired();
    Ok(read)
}

/// Whether two of one length are equal. Most are short: a call of `memcmp` would cost more.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (blocks, rest) = one.as_chunks::<16>();
    let (other_blocks, other_rest) = other.as_chunks::<16>();
    let blocks = blocks.iter().zip(other_blocks);
    for (one, other) in blocks {
        if u128::from_le_bytes(*one) != u128::from_le_bytes(*other) {
            return false;
        }
    }
    let (words, rest) = rest.as_chunks::<4>();
    let (other_words, other_rest) = other_rest.as_chunks::<4>();
    let mut differing = 0;
    for (one, other) in words.iter().zip(other_words) {
        differing |= u32::from_le_bytes(*one) ^ u32::from_le_bytes(*other);
    }
    for (one, other) in rest.iter().zip(other_rest) {
        differing |= u32::from(one ^ other);
    }
    differing == 0
}

/// Where two differ first, or the shorter one ends.
fn difference(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}
