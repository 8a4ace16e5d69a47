//! The crate from outside: bytes in, what came of them out. Spans are decoded by the
//! `opentelemetry-proto` crate, so that the encoder is not its own judge.

mod bad_input;
#[path = "../../fuzz/src/lib.rs"]
mod checks;
mod cluster;
mod corpus;
mod event;
mod frames;
mod golden;
mod json;
mod large;
mod messages;
mod met;
mod otlp;
mod past;
mod properties;
mod quarantine;
mod random;
mod rules;
mod run;
mod shapes;
mod snapshot;
mod tree;
