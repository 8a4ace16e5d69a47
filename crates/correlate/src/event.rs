//! Events, core/v1 and events.k8s.io/v1 alike: what an occurrence is and when it happened.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::json::Scanner;
use crate::limits::{MESSAGE_MAX, SECOND_END};
use crate::object::{ObjectRef, RawObject};
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
#[derive(Debug, Serialize, Deserialize)]
pub struct KubeEvent<'a> {
    /// metadata.uid
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
    /// metadata.name
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// metadata.resourceVersion: comparable among Events.
    pub resource_version: u64,
    /// metadata.creationTimestamp, by the API server's clock.
    pub created: Stamp,
    /// involvedObject, or regarding.
    #[serde(borrow)]
    pub regarding: ObjectRef<'a>,
    /// related
    #[serde(borrow)]
    pub related: Option<ObjectRef<'a>>,
    /// reason
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
    /// action
    #[serde(borrow)]
    pub action: Cow<'a, str>,
    /// message, or note; cut at 32 KiB.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
    /// type
    #[serde(borrow)]
    pub event_type: Cow<'a, str>,
    /// source.component, else the reporting component.
    #[serde(borrow)]
    pub component: Cow<'a, str>,
    /// source.host, else the reporting instance.
    #[serde(borrow)]
    pub instance: Cow<'a, str>,
    /// source.host
    #[serde(borrow)]
    pub host: Cow<'a, str>,
    /// Annotated `topLevelSpan: "true"`.
    pub top_level: bool,
    /// series.count; of a series without one, count.
    pub series: Option<u64>,
    /// count
    pub plain_count: Option<u64>,
    /// When this occurrence happened; `None`: it has no usable time.
    pub time: Option<EventTime>,
    /// Whether the message was cut.
    #[serde(skip)]
    pub cut: bool,
    #[serde(skip)]
    bad_type: bool,
}

/// When an occurrence happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl<'a> From<RawObject<'a>> for KubeEvent<'a> {
    fn from(raw: RawObject<'a>) -> Self {
        let or = |first: &Cow<'a, str>, second: Cow<'a, str>| {
            if first.is_empty() { second } else { first.clone() }
        };
        let time = time_of(&raw);
        Self {
            uid: raw.uid,
            name: raw.name,
            resource_version: raw.resource_version,
            created: raw.created,
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
            time,
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

    /// When this occurrence happened.
    ///
    /// # Errors
    /// Why it cannot become a span.
    pub fn usable_time(&self) -> Result<EventTime, DropReason> {
        if self.bad_type {
            Err(DropReason::BadType)
        } else if self.uid.is_empty() {
            Err(DropReason::NoEventUid)
        } else if self.regarding.kind.is_empty() && self.regarding.name.is_empty() {
            Err(DropReason::NoInvolvedObject)
        } else {
            self.time.ok_or(DropReason::BadTime)
        }
    }
}

/// When the occurrence that this state of an Event tells of happened: never after the second in which
/// the API server wrote it, by its clock.
fn time_of(raw: &RawObject<'_>) -> Option<EventTime> {
    let is_first = raw.series.is_none() && raw.count.unwrap_or(0) <= 1;
    let own = if is_first {
        first_time(raw)
    } else {
        let observed = raw.series.map_or(Stamp::Absent, |(_, observed)| precise(observed));
        pick([observed, raw.last, raw.first, raw.created])
    };
    let Stamp::At { nanos, precise } = own else {
        return None;
    };
    let entries = raw.managed_fields.iter().flatten();
    let written = entries.filter_map(|entry| entry.time.second()).max();
    let second = written.or_else(|| raw.created.second().filter(|_| is_first));
    let bound = second.filter(|second| nanos > second.saturating_add(SECOND_END));
    let (nanos, precise) = bound.map_or((nanos, precise), |second| (second, false));
    let at = if precise { nanos } else { nanos - nanos.rem_euclid(SECOND) };
    Some(EventTime { at, precise })
}

/// Recorders end an Event's name in the nanoseconds at which they made it, in hexadecimal
/// (client-go tools/record/event.go).
fn first_time(raw: &RawObject<'_>) -> Stamp {
    if raw.event_time != Stamp::Absent {
        return precise(raw.event_time);
    }
    let Stamp::At { nanos: first, .. } = raw.first else {
        return pick([raw.first, raw.created, Stamp::Absent, Stamp::Absent]);
    };
    let suffix = raw.name.rsplit('.').next().filter(|suffix| suffix.len() == 16);
    match suffix.and_then(|suffix| Nanos::from_str_radix(suffix, 16).ok()) {
        Some(nanos) if nanos.abs_diff(first) <= 2 * SECOND.unsigned_abs() => {
            Stamp::At { nanos, precise: true }
        }
        _ => raw.first,
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
