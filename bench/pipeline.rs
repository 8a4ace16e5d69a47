//! `cargo bench --bench pipeline -- FILE [route]`: a recording through one Router and one Correlator
//! natively, or through the Router alone. Prints what an Event takes in each. Under callgrind it
//! counts instructions, which a noisy machine does not change (bench/README.md).
#![expect(clippy::disallowed_types, reason = "a benchmark reads the clock")]

use std::time::{Duration, Instant};
use std::{env, fs};

use correlate::correlator::Correlator;
use correlate::limits::Settings;
use correlate::router::Router;

const CHUNK_BYTES: usize = 512 << 10;

fn main() {
    let args: Vec<_> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    // `cargo test --benches` and `cargo bench` without a file have nothing to do here.
    let Some(file) = args.first() else { return };
    let bytes = fs::read(file).expect("a recording");
    let with_correlator = args.get(1).is_none_or(|rows| rows != "route");
    let settings = Settings { shards: 1, ..Settings::default() };
    let mut router = Router::new(settings.clone());
    let mut correlator = Correlator::new(settings);
    let (mut routing, mut correlating, mut spans) = (Duration::ZERO, Duration::ZERO, 0);
    let mut correlate = |batch: &[u8]| {
        let begun = Instant::now();
        if with_correlator {
            correlator.push(batch).expect("a Router wrote it");
            spans += u64::from(correlator.spans(0));
            correlator.drain(0);
        }
        correlating += begun.elapsed();
    };
    for chunk in bytes.chunks(CHUNK_BYTES) {
        let begun = Instant::now();
        router.push(chunk).expect("frames tell the time");
        let batch = router.take(0, false);
        routing += begun.elapsed();
        correlate(&batch);
    }
    while !router.finish().expect("frames tell the time") {
        correlate(&router.take(0, true));
    }
    correlate(&router.take(0, true));
    let events = router.counts().received;
    let each = |all: Duration| (all / events as u32).as_secs_f64() * 1e6;
    println!("{events} Events, {spans} spans");
    println!("Router {:.2} us, Correlator {:.2} us an Event", each(routing), each(correlating));
}
