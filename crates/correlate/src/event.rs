//! Events, core/v1 and events.k8s.io/v1 alike: what an occurrence is and when it happened.

use std::borrow::Cow;

use crate::frame::Read;
use crate::json::Scanner;
use crate::limits::{MESSAGE_MAX, SECOND_END};
use crate::object::{ObjectRef, RawObject};
use crate::shapes::Shapes;
use crate::time::{Nanos, SECOND, Stamp};

/// Why an occurrence cannot become a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The Event has no uid.
    NoEventUid,
    /// It is about nothing.
    NoInvolvedObject,
    /// A field has another JSON type than the API gives it.
    BadType,
    /// It has no time, or one outside 1970 to 2262.
    BadTime,
}

impl DropReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 4] =
        [Self::NoEventUid, Self::NoInvolvedObject, Self::BadType, Self::BadTime];

    /// The reason as users see it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoEventUid => "no_event_uid",
            Self::NoInvolvedObject => "no_involved_object",
            Self::BadType => "bad_type",
            Self::BadTime => "bad_time",
        }
    }
}

/// One state of an Event. Absent fields are empty.
#[derive(Debug)]
pub struct KubeEvent<'a> {
    /// metadata.uid
    pub uid: Cow<'a, str>,
    /// metadata.name
    pub name: Cow<'a, str>,
    /// metadata.resourceVersion: comparable among Events.
    pub resource_version: u64,
    /// metadata.creationTimestamp, by the API server's clock.
    pub created: Stamp,
    /// Newest time in managedFields, by the API server's clock.
    pub written: Stamp,
    /// involvedObject, or regarding.
    pub regarding: ObjectRef<'a>,
    /// related
    pub related: Option<ObjectRef<'a>>,
    /// reason
    pub reason: Cow<'a, str>,
    /// action
    pub action: Cow<'a, str>,
    /// message, or note; cut at 32 KiB.
    pub message: Cow<'a, str>,
    /// Whether the message was cut.
    pub cut: bool,
    /// type
    pub event_type: Cow<'a, str>,
    /// source.component, else the reporting component.
    pub component: Cow<'a, str>,
    /// source.host, else the reporting instance.
    pub instance: Cow<'a, str>,
    /// source.host
    pub host: Cow<'a, str>,
    /// Annotated `topLevelSpan: "true"`.
    pub top_level: bool,
    /// series.count; of a series without one, count.
    pub series: Option<u64>,
    /// count
    pub plain_count: Option<u64>,
    event_time: Stamp,
    first: Stamp,
    last: Stamp,
    last_observed: Stamp,
    bad_type: bool,
}

/// When an occurrence happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// The time, or the start of its second when nothing more is known.
    pub at: Nanos,
    /// Whether it is known better than to the second.
    pub precise: bool,
}

impl EventTime {
    /// The time itself, or the end of its second.
    #[must_use]
    pub fn latest(self) -> Nanos {
        if self.precise { self.at } else { self.at.saturating_add(SECOND_END) }
    }
}

/// Reads an Event.
#[must_use]
pub fn parse_event(object: &[u8]) -> Option<KubeEvent<'_>> {
    RawObject::read(&mut Scanner::new(object)).ok().map(KubeEvent::from)
}

/// As `parse_event`, by the shapes of the Events before.
pub fn parse_shaped<'a>(shapes: &mut Shapes, object: &'a [u8]) -> Option<KubeEvent<'a>> {
    let simple = |scanner: &mut Scanner<'a>, read: &mut Read<'a>| {
        read.bare = RawObject::read(scanner)?;
        Ok(())
    };
    shapes.read(object, simple).ok().map(|read| read.bare.into())
}

impl<'a> From<RawObject<'a>> for KubeEvent<'a> {
    fn from(raw: RawObject<'a>) -> Self {
        let or = |first: &Cow<'a, str>, second: Cow<'a, str>| {
            if first.is_empty() { second } else { first.clone() }
        };
        let entries = raw.managed_fields.iter().flatten();
        let written = entries.map(|entry| entry.time).max_by_key(|time| time.second());
        Self {
            uid: raw.uid,
            name: raw.name,
            resource_version: raw.resource_version,
            created: raw.created,
            written: written.unwrap_or(Stamp::Absent),
            regarding: raw.regarding.unwrap_or_default(),
            related: raw.related,
            reason: raw.reason,
            action: raw.action,
            cut: raw.message.len() > MESSAGE_MAX,
            message: cut(raw.message),
            event_type: raw.event_type,
            component: or(&raw.source_component, raw.reporting_component),
            instance: or(&raw.source_host, raw.reporting_instance),
            host: raw.source_host,
            top_level: raw.top_level,
            series: raw.series.map(|(count, _)| count.or(raw.count).unwrap_or(0)),
            plain_count: raw.count,
            event_time: precise(raw.event_time),
            first: raw.first,
            last: raw.last,
            last_observed: raw.series.map_or(Stamp::Absent, |(_, observed)| precise(observed)),
            bad_type: raw.bad_type,
        }
    }
}

impl KubeEvent<'_> {
    /// How often it happened: series.count, else count, else 0.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.series.or(self.plain_count).unwrap_or(0)
    }

    /// Whether this is its first occurrence.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.series.is_none() && self.count() <= 1
    }

    /// Why it cannot become a span, if so; its time is another question.
    #[must_use]
    pub fn drop_reason(&self) -> Option<DropReason> {
        if self.bad_type {
            Some(DropReason::BadType)
        } else if self.uid.is_empty() {
            Some(DropReason::NoEventUid)
        } else if self.regarding.kind.is_empty() && self.regarding.name.is_empty() {
            Some(DropReason::NoInvolvedObject)
        } else {
            None
        }
    }

    /// When this occurrence happened.
    ///
    /// # Errors
    /// `BadTime` when it has no usable time.
    pub fn time(&self) -> Result<EventTime, DropReason> {
        let own = if self.is_first() {
            self.first_time()
        } else {
            pick([self.last_observed, self.last, self.first, self.created])
        };
        let Stamp::At { nanos, precise } = own else {
            return Err(DropReason::BadTime);
        };
        let bound = self.server_second().filter(|second| nanos > second.saturating_add(SECOND_END));
        let (nanos, precise) = bound.map_or((nanos, precise), |second| (second, false));
        let at = if precise { nanos } else { nanos - nanos.rem_euclid(SECOND) };
        Ok(EventTime { at, precise })
    }

    /// Recorders end an Event's name in the nanoseconds at which they made it, in hexadecimal
    /// (client-go tools/record/event.go).
    fn first_time(&self) -> Stamp {
        if self.event_time != Stamp::Absent {
            return self.event_time;
        }
        let Stamp::At { nanos: first, .. } = self.first else {
            return pick([self.first, self.created, Stamp::Absent, Stamp::Absent]);
        };
        let suffix = self.name.rsplit('.').next().filter(|suffix| suffix.len() == 16);
        match suffix.and_then(|suffix| Nanos::from_str_radix(suffix, 16).ok()) {
            Some(nanos) if nanos.abs_diff(first) <= 2 * SECOND.unsigned_abs() => {
                Stamp::At { nanos, precise: true }
            }
            _ => self.first,
        }
    }

    /// The second in which the API server wrote this state, by its clock.
    fn server_second(&self) -> Option<Nanos> {
        self.written.second().or_else(|| self.created.second().filter(|_| self.is_first()))
    }
}

/// A `MicroTime` is exact even when its fraction was left out.
fn precise(stamp: Stamp) -> Stamp {
    match stamp {
        Stamp::At { nanos, .. } => Stamp::At { nanos, precise: true },
        Stamp::Absent | Stamp::Bad => stamp,
    }
}

fn pick(stamps: [Stamp; 4]) -> Stamp {
    stamps.into_iter().find(|stamp| *stamp != Stamp::Absent).unwrap_or(Stamp::Absent)
}

fn cut(message: Cow<'_, str>) -> Cow<'_, str> {
    if message.len() <= MESSAGE_MAX {
        return message;
    }
    let end = message.floor_char_boundary(MESSAGE_MAX);
    match message {
        Cow::Borrowed(message) => Cow::Borrowed(&message[..end]),
        Cow::Owned(mut message) => {
            message.truncate(end);
            Cow::Owned(message)
        }
    }
}
