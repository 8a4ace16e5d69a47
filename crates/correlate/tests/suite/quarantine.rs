//! What was left out can be read again: its frame tells what the record told.

use std::fs;

use correlate::batch::read;
use correlate::event::KubeEvent;
use correlate::frame::{Frame, Parsed, parse_frame};
use correlate::limits::Settings;
use correlate::meta::ObjectMeta;
use correlate::quarantine::take_out;
use correlate::record::Record;
use correlate::router::Router;
use correlate::wire;

use crate::shapes::scenarios;

/// All that a Correlator looks at; which fields of a spec were written is in no frame.
fn meta_told(meta: &mut ObjectMeta<'_>) -> String {
    for entry in &mut meta.spec_entries {
        entry.fields = 0;
    }
    format!("{meta:?}")
}

fn told(record: &Record<'_>) -> Option<(String, Option<i64>)> {
    match record {
        Record::Event { event, .. } => {
            let event: KubeEvent<'_> = wire::read(event).expect("an Event");
            Some((format!("{event:?}"), None))
        }
        Record::Meta { version, .. } => {
            let mut meta = wire::read(version.metadata).expect("metadata");
            Some((meta_told(&mut meta), version.received_at.map(|at| at / 1_000_000_000)))
        }
        _ => None,
    }
}

fn read_again(frame: &[u8]) -> (String, Option<i64>) {
    let shown = String::from_utf8_lossy(frame);
    match parse_frame(frame, None).expect(&shown) {
        Parsed::Event(_, event) => (format!("{event:?}"), None),
        Parsed::Meta(Frame { received_at, .. }, mut meta) => {
            (meta_told(&mut meta), received_at.map(|at| at / 1_000_000_000))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_frame_of_a_record_that_was_taken_out_tells_what_the_record_told() {
    let mut compared = 0;
    for file in scenarios() {
        let mut router = Router::new(Settings::default());
        let text = fs::read(&file).expect("a recording");
        router.push(&text).expect("the input is within its limits");
        while !router.finish().expect("the input is within its limits") {}
        let batch = router.take(0, true);
        for (number, item) in read(&batch).enumerate() {
            let Some(told) = told(&item.expect("a Router wrote it").1) else { continue };
            let taken = take_out(&batch, number).expect("it is a record");
            assert_eq!(read_again(&taken.frame), told, "{}", file.display());
            compared += 1;
        }
    }
    assert!(compared > 1000, "{compared} records");
}
