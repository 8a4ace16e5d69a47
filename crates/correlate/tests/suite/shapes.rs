//! What is read by shapes is what is read the simple way, of any input and whatever came before.

use std::fs;
use std::path::{Path, PathBuf};

use correlate::frame::{self, parse_frame};
use correlate::shapes::Shapes;

use crate::random::Random;

pub fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/scenarios");
    let entries = fs::read_dir(folder).expect("the scenarios").map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.map(|path| path.join("events.ndjson")).collect();
    files.retain(|file| file.exists());
    files.sort();
    assert!(files.len() > 100, "{} scenarios", files.len());
    files
}

/// Readers that remember the shapes of what they read.
#[derive(Default)]
struct Readers {
    frames: Shapes,
}

impl Readers {
    /// Reads a line as a frame.
    fn compare(&mut self, line: &[u8]) {
        let shown = String::from_utf8_lossy(line);
        let simple = format!("{:?}", parse_frame(line, None));
        let shaped = format!("{:?}", frame::parse_shaped(&mut self.frames, line, None));
        assert_eq!(shaped, simple, "{shown}");
    }
}

#[test]
fn a_frame_is_read_by_its_shape_as_it_is_read_the_simple_way() {
    let mut readers = Readers::default();
    for file in scenarios() {
        let text = fs::read(&file).expect("a recording");
        // The second time every shape is known.
        for line in
            text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).cycle().take(200)
        {
            readers.compare(line);
        }
    }
}

/// What values may turn into: other values, other types, what is broken.
const VALUES: [&[u8]; 22] = [
    b"\"\"",
    b"null",
    b"true",
    b"false",
    b"0",
    b"7",
    b"-7",
    b"1.5",
    b"2e9",
    b"{}",
    b"[]",
    b"[1]",
    b"18446744073709551616",
    b"\"a \\\"quoted\\\" text\"",
    b"\"\\ud800 \\u00e4\"",
    b"\"\xff\"",
    b"\"2026-01-01T00:00:00.5Z\"",
    b"\"f:spec\"",
    b"\"",
    b"{\"uid\":\"u\"}",
    b"[{\"uid\":\"u\"}]",
    b"\"k:{\\\"uid\\\":\\\"",
];

/// Whether there is something left between quotes.
fn changeable(line: &[u8]) -> bool {
    line.iter().filter(|&&byte| byte == b'"').nth(2).is_some()
}

/// Changes a line at one place: a value becomes another, a key another, or a byte is lost.
fn changed(line: &[u8], random: &mut Random) -> Vec<u8> {
    let below = |random: &mut Random, limit: usize| random.below(limit as u64) as usize;
    let quotes: Vec<_> = (0..line.len()).filter(|&at| line[at] == b'"').collect();
    let pick = below(random, quotes.len() - 1);
    let (start, end) = (quotes[pick], quotes[pick + 1] + 1);
    let long = format!("\"{}\"", "x".repeat(600));
    let with: &[u8] = match below(random, 26) {
        index if index < VALUES.len() => VALUES[index],
        22 => long.as_bytes(),
        23 => &line[start + 1..end],
        24 => &line[quotes[below(random, pick + 1)]..end],
        _ => &[],
    };
    [&line[..start], with, &line[end..]].concat()
}

#[test]
fn a_changed_frame_is_read_by_shapes_as_it_is_read_the_simple_way() {
    let files = scenarios();
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut readers = Readers::default();
        let text =
            fs::read(&files[random.below(files.len() as u64) as usize]).expect("a recording");
        let lines: Vec<_> =
            text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
        for _ in 0..500 {
            let line = lines[random.below(lines.len() as u64) as usize];
            readers.compare(line);
            let once = changed(line, &mut random);
            readers.compare(&once);
            readers.compare(&once);
            if changeable(&once) {
                readers.compare(&changed(&once, &mut random));
            }
        }
    }
}
