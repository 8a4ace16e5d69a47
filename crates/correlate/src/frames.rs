//! A stream of bytes, cut anywhere, into JSON values.
//!
//! One line, one value is the fast way, and a guess: whoever finds that a line is not one whole
//! frame says `rescan`, and the value is then followed byte by byte, over lines if need be. The
//! elements of a list's `items` are values of their own, so that a list may be of any size. After
//! a broken value the stream goes on at the next line that can begin one.

use std::collections::VecDeque;
use std::ops::Range;

use crate::boundary::{Boundary, Found};
use crate::frame::SkipReason;
use crate::record::TypeMeta;

/// A value, or what is taken for one.
#[derive(Debug)]
pub struct Piece<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The kind that its list gives it.
    pub list: Option<&'a TypeMeta>,
    /// Whether its end was followed byte by byte; if not, `rescan` may find another.
    pub certain: bool,
}

/// Cuts a stream into values.
pub struct Frames {
    buffer: Vec<u8>,
    /// Start of what has not been given out.
    at: usize,
    /// No newline between `at` and this, but for the one at the end of `line`.
    searched: usize,
    /// End of the last line that was found, behind its newline. Kept, because a line may hold any
    /// number of values.
    line: usize,
    /// Start of the last guess: kept until the next call, for `rescan`.
    guessed: usize,
    boundary: Option<Boundary>,
    list: TypeMeta,
    /// Items that came before their list told its kind, in order.
    kindless: VecDeque<Vec<u8>>,
    /// Of these, no more than one frame may have; what goes beyond stays without a kind.
    kindless_bytes: usize,
    item: Vec<u8>,
    /// After something broken: lines that only continue it are passed over.
    recovering: bool,
    /// The rest of the current line is passed over.
    line_lost: bool,
    ended: bool,
    frame_bytes_max: usize,
}

enum Next {
    Guess(Range<usize>),
    Value(Range<usize>),
    Item(Range<usize>),
    KeptItem,
    Skip(SkipReason),
    More,
}

impl Frames {
    /// A stream before its first byte; a value larger than `frame_bytes_max` is skipped.
    #[must_use]
    pub fn new(frame_bytes_max: usize) -> Self {
        Self {
            buffer: Vec::new(),
            at: 0,
            searched: 0,
            line: 0,
            guessed: 0,
            boundary: None,
            list: TypeMeta::default(),
            kindless: VecDeque::new(),
            kindless_bytes: 0,
            item: Vec::new(),
            recovering: false,
            line_lost: false,
            ended: false,
            frame_bytes_max,
        }
    }

    /// Adds bytes. All pieces found so far have been taken.
    pub fn push(&mut self, chunk: &[u8]) {
        let drop = self.boundary.as_ref().map_or(self.at, Boundary::needed_from);
        self.buffer.drain(..drop);
        self.at -= self.at.min(drop);
        self.searched -= self.searched.min(drop);
        self.line -= self.line.min(drop);
        if let Some(boundary) = &mut self.boundary {
            boundary.shift(drop);
        }
        self.buffer.extend_from_slice(chunk);
    }

    /// No more bytes will come.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// The last piece, a guess, was not one whole frame: follow it byte by byte.
    pub fn rescan(&mut self) {
        self.at = self.guessed;
        self.boundary = Some(Boundary::new(self.at, self.frame_bytes_max));
    }

    /// The last piece, no item of a list, is no JSON: nothing of its line can be trusted.
    pub fn lose_line(&mut self) {
        self.line_lost = true;
        self.recovering = true;
    }

    /// The next value, or why there is none; `None`: more bytes are needed.
    pub fn next_piece(&mut self) -> Option<Result<Piece<'_>, SkipReason>> {
        let next = self.find_next();
        let piece = |range: Range<usize>, list, certain| {
            Some(Ok(Piece { bytes: &self.buffer[range], list, certain }))
        };
        match next {
            Next::More => None,
            Next::Skip(reason) => Some(Err(reason)),
            Next::Guess(range) => piece(range, None, false),
            Next::Value(range) => piece(range, None, true),
            Next::Item(range) => piece(range, Some(&self.list), true),
            Next::KeptItem => {
                Some(Ok(Piece { bytes: &self.item, list: Some(&self.list), certain: true }))
            }
        }
    }

    fn find_next(&mut self) -> Next {
        loop {
            if let Some(boundary) = self.boundary.take() {
                match self.follow(boundary) {
                    Some(next) => return next,
                    None => continue,
                }
            }
            if let Some(item) = self.kindless.pop_front() {
                self.kindless_bytes -= item.len();
                self.item = item;
                return Next::KeptItem;
            }
            if self.recovering && !self.pass_continuations() {
                return Next::More;
            }
            while self.buffer.get(self.at).is_some_and(u8::is_ascii_whitespace) {
                self.at += 1;
            }
            match self.buffer.get(self.at) {
                None => return Next::More,
                Some(b'{') => match self.guess() {
                    Some(next) => return next,
                    None => self.boundary = Some(Boundary::new(self.at, self.frame_bytes_max)),
                },
                Some(_) => {
                    self.lose_line();
                    return Next::Skip(SkipReason::NotJson);
                }
            }
        }
    }

    /// A line that begins and ends like an object is taken for one.
    fn guess(&mut self) -> Option<Next> {
        let Some(end) = self.line_end() else {
            return (self.buffer.len() - self.at <= self.frame_bytes_max).then_some(Next::More);
        };
        let length = self.buffer[self.at..end].trim_ascii_end().len();
        let range = self.at..self.at + length;
        if self.buffer[range.end - 1] != b'}' || length > self.frame_bytes_max {
            return None;
        }
        self.guessed = self.at;
        self.at = end;
        Some(Next::Guess(range))
    }

    /// Follows a value; `None`: it ended without anything to give out.
    fn follow(&mut self, mut boundary: Boundary) -> Option<Next> {
        let next = match boundary.scan(&self.buffer) {
            Found::Nothing if self.ended => {
                self.at = self.buffer.len();
                return Some(Next::Skip(SkipReason::Truncated));
            }
            Found::Nothing => Some(Next::More),
            Found::Item { whole: false, .. } => Some(Next::Skip(SkipReason::FrameTooLarge)),
            Found::Item { range, has_kind, .. } => {
                self.list = boundary.list_kind().clone();
                if has_kind || !self.list.kind.is_empty() {
                    Some(Next::Item(range))
                } else if self.kindless_bytes + range.len() > self.frame_bytes_max {
                    Some(Next::Skip(SkipReason::NoObject))
                } else {
                    self.kindless_bytes += range.len();
                    self.kindless.push_back(self.buffer[range].to_vec());
                    None
                }
            }
            Found::Value { range, list, whole } => {
                self.list = boundary.list_kind().clone();
                self.at = range.end;
                return match (list, whole) {
                    (true, _) => None,
                    (false, true) => Some(Next::Value(range)),
                    (false, false) => Some(Next::Skip(SkipReason::FrameTooLarge)),
                };
            }
            Found::Broken(resume) => {
                self.at = resume;
                self.recovering = true;
                return Some(Next::Skip(SkipReason::Truncated));
            }
        };
        self.boundary = Some(boundary);
        next
    }

    /// Passes over a lost line, and over lines that begin with white space or a closing bracket: the
    /// rest of something broken. False when more bytes are needed to tell. A lost line may be of
    /// any length, so it is not kept until it ends.
    fn pass_continuations(&mut self) -> bool {
        loop {
            if self.line_lost {
                let end = self.line_end();
                self.line_lost = end.is_none();
                self.at = end.unwrap_or(self.buffer.len());
            }
            match self.buffer.get(self.at) {
                None => return false,
                Some(byte) if byte.is_ascii_whitespace() || matches!(byte, b'}' | b']') => {
                    self.line_lost = true;
                }
                Some(_) => {
                    self.recovering = false;
                    return true;
                }
            }
        }
    }

    /// The end of the current line, behind its newline; the last line may have none.
    fn line_end(&mut self) -> Option<usize> {
        if self.at < self.line {
            return Some(self.line);
        }
        let from = self.searched.max(self.at);
        let found = memchr::memchr(b'\n', &self.buffer[from..]).map(|index| from + index + 1);
        self.searched = found.unwrap_or(self.buffer.len());
        self.line = found.unwrap_or(self.line);
        found.or_else(|| self.ended.then_some(self.buffer.len()))
    }
}
