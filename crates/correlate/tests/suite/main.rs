//! The crate from outside: bytes in, what came of them out. Spans are decoded by the
//! `opentelemetry-proto` crate, so that the encoder is not its own judge.

mod bad_input;
mod cluster;
mod event;
mod frames;
mod golden;
mod messages;
mod otlp;
mod properties;
mod random;
mod run;
mod tree;
