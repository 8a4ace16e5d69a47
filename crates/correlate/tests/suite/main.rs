//! The crate from outside: bytes in, what came of them out. Spans are decoded by the
//! `opentelemetry-proto` crate, so that the encoder is not its own judge.

mod bad_input;
mod event;
mod frames;
mod golden;
mod otlp;
mod run;
mod tree;
