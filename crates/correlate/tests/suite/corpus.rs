//! What the fuzzer found interesting: every input of its corpus goes through what it checks.

use std::fs;
use std::path::Path;

use crate::checks;

/// The inputs that the fuzzer keeps for a target: each behind its length (`scripts/fuzz.mjs`).
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let bytes = fs::read(path).expect("the corpus is there");
    let mut rest = &bytes[..];
    let inputs = std::iter::from_fn(|| {
        let (length, after) = rest.split_first_chunk()?;
        let (input, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        rest = after;
        Some(input.to_vec())
    });
    inputs.collect()
}

fn replay(target: &str, check: fn(&[u8])) {
    for (index, input) in corpus(target).iter().enumerate() {
        let held = std::panic::catch_unwind(|| check(input));
        assert!(held.is_ok(), "input {index}: {:?}", String::from_utf8_lossy(input));
    }
}

#[test]
fn streams_give_the_same_frames_however_they_are_cut() {
    replay("frames", checks::frames);
}

#[test]
fn streams_give_the_same_spans_on_any_number_of_shards() {
    replay("correlate", checks::correlate);
}

#[test]
fn messages_have_what_their_rule_says() {
    replay("message", checks::message);
}

#[test]
fn rows_are_taken_or_refused_with_a_reason() {
    replay("rows", checks::rows);
}
