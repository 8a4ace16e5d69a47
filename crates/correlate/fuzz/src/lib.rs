//! What must hold for any input: the one place for the fuzz targets and for the test that replays
//! their corpus (`tests/suite/corpus.rs` of the crate). Each function panics when it does not hold.
//!
//! Beside the crate's promises, what comes out is bounded by a multiple of what went in; that no
//! input takes too long or too much memory is for libFuzzer to see.

use correlate::batch;
use correlate::correlator::Correlator;
use correlate::counts::{CorrelatorCounts, RouterCounts};
use correlate::event::DropReason;
use correlate::frame::SkipReason;
use correlate::json::{JsonError, Kind, Scanner};
use correlate::limits::Settings;
use correlate::record::Record;
use correlate::router::{Router, UntimedLimit};
use correlate::rules::{Link, Named, Query, RuleTable};
use correlate::time::{Nanos, SECOND};

/// Longest input.
pub const INPUT_MAX: usize = 1 << 20;
/// What comes out of the Router and of the Correlators may be this many times as large as what
/// went in, beyond `OUTPUT_BASE`.
const OUTPUT_FACTOR: usize = 64;
const OUTPUT_BASE: usize = 64 << 10;

/// Scanner, frames and Router: a stream gives the same records and counts however it is cut.
pub fn frames(input: &[u8]) {
    let Some((settings, parts)) = stream(input) else { return };
    skipped_as_walked(&parts.concat());
    let whole = Told::of(&[&parts.concat()], &settings);
    if let Some(told) = &whole {
        told.check(parts.concat().len());
    }
    assert!(Told::of(&parts, &settings) == whole, "cut in {} parts", parts.len());
}

/// Router and Correlators: the account is even, and neither cuts nor shards change a span.
pub fn correlate(input: &[u8]) {
    let Some((settings, parts)) = stream(input) else { return };
    let one = Settings { shards: 1, ..settings.clone() };
    let whole = [&*parts.concat()];
    let Some(outcome) = Outcome::of(&whole, &one) else { return };
    outcome.check(whole[0].len());
    assert!(Outcome::of(&whole, &one).as_ref() == Some(&outcome), "the same twice");
    let other = Outcome::of(&parts, &settings).expect("the same frames");
    assert_eq!(other.router, outcome.router);
    assert!(other.spans() == outcome.spans(), "{} parts", parts.len());
}

/// Rules: `component \0 kind \0 reason \0 message`.
pub fn message(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(4, '\0');
    let mut next = || parts.next().unwrap_or("");
    let (component, kind, reason, message) = (next(), next(), next(), next());
    let query = Query {
        component: Some(component),
        kind: Some(kind),
        reason: Some(reason),
        name: "x",
        message,
        ..Query::default()
    };
    let table = RuleTable::builtin();
    let found = table.find_query(&query);
    let rule = found.rule;
    let first = table.fitting(&query).next().map_or("generic", |first| first.rule.id);
    assert_eq!(rule.id, first);
    assert_eq!(found.names().count(), rule.names.len(), "{}: a match has all names", rule.id);
    for (named, (kind, _, name)) in rule.names.iter().zip(found.names()) {
        match named {
            Named::Regarding => assert_eq!((kind, name), (query.kind.unwrap_or(""), "x")),
            Named::Object(_) => assert!(message.contains(name) && !name.is_empty()),
        }
        assert!(table.nameable(kind));
    }
    for link in found.linked() {
        let told = matches!(link, Link::Named(_, _, name) if message.contains(name));
        assert!(told || !matches!(link, Link::Named(..)), "{}: {link:?}", rule.id);
    }
    let year = 366 * 24 * 3600 * SECOND;
    assert!(found.stated_duration().is_none_or(|duration| (0..=2 * year).contains(&duration)));
}

/// Rows as a user writes them: they are taken, or refused with a reason. The table lives on, so that
/// memory grows with every input.
pub fn rows(input: &[u8]) {
    match RuleTable::with_rows(&String::from_utf8_lossy(input)) {
        Ok(table) => assert!(table.rows().count() >= RuleTable::builtin().rows().count()),
        Err(what) => assert!(what.starts_with("row") || what.starts_with("a row "), "{what}"),
    }
}

/// An input's first byte chooses limits, so that small inputs meet them, too; the next two choose
/// where the rest is cut.
fn stream(input: &[u8]) -> Option<(Settings, Vec<&[u8]>)> {
    let (&[choice, first, second], stream) = input.split_first_chunk()?;
    let usual = Settings::default();
    let limit =
        |bit: u8, small: usize, usual: usize| if choice >> bit & 1 == 1 { small } else { usual };
    let settings = Settings {
        shards: u32::from(choice & 3) + 1,
        objects_max: limit(2, 3, usual.objects_max),
        event_uids_max: limit(3, 3, usual.event_uids_max),
        parked_bytes_max: limit(4, 500, usual.parked_bytes_max),
        untimed_bytes_max: limit(5, 500, usual.untimed_bytes_max),
        frame_bytes_max: limit(6, 400, usual.frame_bytes_max),
        ..usual
    };
    let cut = |at: u8| stream.len() * usize::from(at) / 256;
    let (first, second) = (cut(first.min(second)), cut(first.max(second)));
    let (head, tail) = stream.split_at(second);
    let (head, middle) = head.split_at(first);
    Some((settings, vec![head, middle, tail]))
}

/// What is skipped ends where it ends when walked.
fn skipped_as_walked(json: &[u8]) {
    let (mut walked, mut skipped) = (Scanner::new(json), Scanner::new(json));
    if walk(&mut walked).is_ok() {
        assert_eq!(skipped.skip().map(|_| skipped.position()), Ok(walked.position()));
    } else {
        _ = skipped.skip();
    }
}

/// Reads a whole value.
///
/// # Errors
/// As the scanner.
pub fn walk(scanner: &mut Scanner<'_>) -> Result<(), JsonError> {
    match scanner.peek()? {
        Kind::Object => scanner.object(|scanner, _| walk(scanner)),
        Kind::Array => scanner.array(walk),
        Kind::String => scanner.string().map(|_| ()),
        Kind::Number | Kind::Word => scanner.scalar().map(|_| ()),
    }
}

/// What the Router told its shards.
#[derive(PartialEq)]
struct Told {
    /// By shard, without the watermarks at the ends of batches.
    records: Vec<Vec<u8>>,
    counts: RouterCounts,
}

impl Told {
    /// `None`: more Events without `receivedAt` than may be held.
    fn of(parts: &[&[u8]], settings: &Settings) -> Option<Self> {
        let mut records = vec![Vec::new(); settings.shards as usize];
        let take = |router: &mut Router| {
            for (shard, records) in records.iter_mut().enumerate() {
                let batch = router.take(shard, true);
                for item in batch::read(&batch) {
                    let (watermark, record) = item.expect("a Router wrote it");
                    if record != Record::Watermark {
                        batch::write(records, watermark, &record);
                    }
                }
            }
        };
        let counts = route(parts, settings, take).ok()?;
        Some(Self { records, counts })
    }

    fn check(&self, length: usize) {
        let records = self.records.iter().flat_map(|records| batch::read(records));
        let is_event = |item: &Result<_, _>| matches!(item, Ok((_, Record::Event { .. })));
        let events = records.filter(is_event).count();
        check_router(&self.counts, events as u64);
        let told: usize = self.records.iter().map(Vec::len).sum();
        let shards = self.records.len();
        let bound = OUTPUT_BASE + OUTPUT_FACTOR * shards * length;
        assert!(told <= bound, "{told} bytes told of {length}");
    }
}

/// Hands the parts to a Router; `take` is called after each. Its counts at the end.
fn route(
    parts: &[&[u8]],
    settings: &Settings,
    mut take: impl FnMut(&mut Router),
) -> Result<RouterCounts, UntimedLimit> {
    let mut router = Router::new(settings.clone());
    for part in parts {
        router.push(part)?;
        take(&mut router);
    }
    while !router.finish()? {
        take(&mut router);
    }
    take(&mut router);
    Ok(router.counts())
}

/// Every frame and every Event is counted once; `events` went on to the Correlators.
fn check_router(counts: &RouterCounts, events: u64) {
    let skipped: u64 = SkipReason::ALL.iter().map(|&reason| counts.skipped(reason)).sum();
    let dropped: u64 = DropReason::ALL.iter().map(|&reason| counts.dropped(reason)).sum();
    let frames = counts.received + counts.metadata + counts.ignored + skipped;
    assert_eq!(counts.frames, frames, "{}", counts.to_json());
    assert_eq!(counts.parked, 0, "{}", counts.to_json());
    let received = events + counts.duplicates + dropped;
    assert_eq!(counts.received, received, "{}", counts.to_json());
}

/// What came of a stream.
#[derive(PartialEq)]
struct Outcome {
    router: RouterCounts,
    correlators: Vec<CorrelatorCounts>,
    otlp: Vec<u8>,
}

impl Outcome {
    fn of(parts: &[&[u8]], settings: &Settings) -> Option<Self> {
        let mut correlators: Vec<_> =
            (0..settings.shards).map(|_| Correlator::new(settings.clone())).collect();
        let mut otlp = Vec::new();
        let exchange = |router: &mut Router| {
            for (shard, correlator) in correlators.iter_mut().enumerate() {
                correlator.push(&router.take(shard, true)).expect("a Router wrote it");
                otlp.extend(correlator.drain(0));
            }
        };
        let router = route(parts, settings, exchange).ok()?;
        let correlators = correlators.iter().map(|correlator| correlator.counts().clone());
        Some(Self { router, correlators: correlators.collect(), otlp })
    }

    fn check(&self, length: usize) {
        let sum = |count: fn(&CorrelatorCounts) -> u64| self.correlators.iter().map(count).sum();
        let (exported, synthetic): (u64, u64) =
            (sum(|counts| counts.exported), sum(|counts| counts.synthetic));
        assert_eq!(sum(|counts| counts.held), 0);
        check_router(&self.router, exported);
        assert_eq!(self.spans().len() as u64, exported + synthetic);
        let bound = OUTPUT_BASE + OUTPUT_FACTOR * length;
        assert!(self.otlp.len() <= bound, "{} bytes of {length}", self.otlp.len());
    }

    /// Resource and span, in an order that no shard and no cut decides.
    fn spans(&self) -> Vec<(&[u8], &[u8])> {
        let mut spans = Vec::new();
        for group in fields(&self.otlp).map(|(_, group)| group) {
            let resource = fields(group).find(|(number, _)| *number == 1).expect("a resource").1;
            let scopes = fields(group).filter(|(number, _)| *number == 2);
            for (_, span) in
                scopes.flat_map(|(_, scope)| fields(scope)).filter(|field| field.0 == 2)
            {
                let time = |wanted| {
                    let time = fields(span).find(|(number, _)| *number == wanted);
                    Nanos::from_le_bytes(time.expect("a time").1.try_into().expect("8 bytes"))
                };
                assert!(0 <= time(7) && time(7) <= time(8), "from {} to {}", time(7), time(8));
                spans.push((resource, span));
            }
        }
        spans.sort_unstable();
        spans
    }
}

/// The fields of a protobuf message: number and value.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let head = varint(&mut rest);
        let length = match head & 7 {
            0 => rest.iter().take_while(|&&byte| byte >= 0x80).count() + 1,
            1 => 8,
            2 => varint(&mut rest) as usize,
            kind => panic!("a field of kind {kind}"),
        };
        let (value, after) = rest.split_at(length);
        rest = after;
        Some((head >> 3, value))
    })
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = rest.split_off_first().expect("a number ends");
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
    }
    value
}
