//! One pass over a Kubernetes object: every field that an Event or an owner can need.
//!
//! Which of the two it is shows only by its kind, which may come last; so both are read, and what
//! neither needs (specs, statuses, most of managedFields) is skipped. Fields that must be strings
//! and are not are noted in `bad_type`, and read as absent. Names and owners are bounded: what
//! comes again on every span of an object must not be as large as a frame.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::fields::{
    add_owner, count, elements, fields_entry, kept, members, number, owner, reference, series,
    stamp, text, text_up_to,
};
use crate::json::{JsonError, Kind, Scanner};
use crate::notes::{Field, Kept, Mark, Nullable};
use crate::time::Stamp;

/// A reference to an object in an Event. Absent fields are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "core/v1 ObjectReference documents them")]
pub struct ObjectRef<'a> {
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub namespace: Cow<'a, str>,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
    #[serde(borrow)]
    pub api_version: Cow<'a, str>,
    #[serde(borrow)]
    pub resource_version: Cow<'a, str>,
    #[serde(borrow)]
    pub field_path: Cow<'a, str>,
}

/// An entry of metadata.ownerReferences.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "meta/v1 OwnerReference documents them")]
pub struct OwnerRef<'a> {
    #[serde(borrow)]
    pub api_version: Cow<'a, str>,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
    pub controller: bool,
}

/// An entry of metadata.managedFields.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "meta/v1 ManagedFieldsEntry documents them")]
pub struct FieldsEntry<'a> {
    pub manager: Cow<'a, str>,
    pub operation: Cow<'a, str>,
    pub subresource: Cow<'a, str>,
    pub time: Stamp,
    /// Hash of fieldsV1 when it owns `f:spec`.
    pub spec: Option<u64>,
}

/// All that was read of an object. Absent fields are empty.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as in the API")]
pub struct RawObject<'a> {
    pub api_version: Cow<'a, str>,
    pub kind: Cow<'a, str>,
    pub namespace: Cow<'a, str>,
    pub name: Cow<'a, str>,
    pub uid: Cow<'a, str>,
    pub resource_version: u64,
    pub generation: i64,
    pub created: Stamp,
    pub deleting: bool,
    pub owners: Vec<OwnerRef<'a>>,
    pub managed_fields: Option<Vec<FieldsEntry<'a>>>,
    pub top_level: bool,
    /// metadata.labels as JSON; empty when absent.
    pub labels: &'a [u8],
    /// metadata.annotations as JSON; empty when absent.
    pub annotations: &'a [u8],
    /// spec as JSON; empty when absent.
    pub spec: &'a [u8],
    pub regarding: Option<ObjectRef<'a>>,
    pub related: Option<ObjectRef<'a>>,
    pub reason: Cow<'a, str>,
    pub action: Cow<'a, str>,
    pub message: Cow<'a, str>,
    pub event_type: Cow<'a, str>,
    pub source_component: Cow<'a, str>,
    pub source_host: Cow<'a, str>,
    pub reporting_component: Cow<'a, str>,
    pub reporting_instance: Cow<'a, str>,
    pub event_time: Stamp,
    pub first: Stamp,
    pub last: Stamp,
    pub series: Option<(Option<u64>, Stamp)>,
    pub count: Option<u64>,
    pub bad_type: bool,
    /// It has `items`: a list, not an object.
    pub is_list: bool,
}

impl Default for RawObject<'_> {
    fn default() -> Self {
        let none = || Cow::Borrowed("");
        Self {
            api_version: none(),
            kind: none(),
            namespace: none(),
            name: none(),
            uid: none(),
            resource_version: 0,
            generation: 0,
            created: Stamp::Absent,
            deleting: false,
            owners: Vec::new(),
            managed_fields: None,
            top_level: false,
            labels: b"",
            annotations: b"",
            spec: b"",
            regarding: None,
            related: None,
            reason: none(),
            action: none(),
            message: none(),
            event_type: none(),
            source_component: none(),
            source_host: none(),
            reporting_component: none(),
            reporting_instance: none(),
            event_time: Stamp::Absent,
            first: Stamp::Absent,
            last: Stamp::Absent,
            series: None,
            count: None,
            bad_type: false,
            is_list: false,
        }
    }
}

impl<'a> RawObject<'a> {
    /// Reads an object.
    ///
    /// # Errors
    /// When it is no JSON object, or broken.
    pub fn read(scanner: &mut Scanner<'a>) -> Result<Self, JsonError> {
        let mut object = Self::default();
        scanner.object(|scanner, key| object.field(scanner, key))?;
        Ok(object)
    }

    /// Reads one field of an object; a bare object shares its level with a frame's fields.
    ///
    /// # Errors
    /// When its value is broken.
    pub fn field(&mut self, s: &mut Scanner<'a>, key: &[u8]) -> Result<(), JsonError> {
        let bad = &mut self.bad_type;
        match key {
            b"kind" => self.kind = text(s.on(Field::Kind), bad)?,
            b"apiVersion" => self.api_version = text(s.on(Field::ApiVersion), bad)?,
            b"metadata" => return self.read_metadata(s),
            b"involvedObject" | b"regarding" => {
                self.regarding = reference(s, Nullable::Regarding, bad)?;
            }
            b"related" => self.related = reference(s, Nullable::Related, bad)?,
            b"reason" => self.reason = text(s.on(Field::Reason), bad)?,
            b"action" => self.action = text(s.on(Field::Action), bad)?,
            b"message" | b"note" => {
                self.message = text_up_to(usize::MAX, s.on(Field::Message), bad)?;
            }
            b"type" => self.event_type = text(s.on(Field::Type), bad)?,
            b"source" | b"deprecatedSource" => {
                members(s, |s, key| match key {
                    b"component" => text(s.on(Field::SourceComponent), bad)
                        .map(|value| self.source_component = value),
                    b"host" => {
                        text(s.on(Field::SourceHost), bad).map(|value| self.source_host = value)
                    }
                    _ => s.skip().map(|_| ()),
                })?;
            }
            b"reportingComponent" | b"reportingController" => {
                self.reporting_component = text(s.on(Field::ReportingComponent), bad)?;
            }
            b"reportingInstance" => {
                self.reporting_instance = text(s.on(Field::ReportingInstance), bad)?;
            }
            b"eventTime" => self.event_time = stamp(s.on(Field::EventTime), bad)?,
            b"firstTimestamp" | b"deprecatedFirstTimestamp" => {
                self.first = stamp(s.on(Field::First), bad)?;
            }
            b"lastTimestamp" | b"deprecatedLastTimestamp" => {
                self.last = stamp(s.on(Field::Last), bad)?;
            }
            b"count" | b"deprecatedCount" => self.count = count(s.on(Field::Count), bad)?,
            b"series" => self.series = series(s, bad)?,
            b"spec" => self.spec = kept(s, Kept::Spec)?,
            b"items" => {
                self.is_list = s.peek()? == Kind::Array;
                s.skip()?;
                s.spoil_notes();
            }
            _ => {
                s.skip()?;
            }
        }
        Ok(())
    }

    /// Reads the value of `metadata`.
    ///
    /// # Errors
    /// When it is broken.
    pub fn read_metadata(&mut self, s: &mut Scanner<'a>) -> Result<(), JsonError> {
        let bad = &mut self.bad_type;
        members(s, |s, key| {
            match key {
                b"namespace" => self.namespace = text(s.on(Field::Namespace), bad)?,
                b"name" => self.name = text(s.on(Field::Name), bad)?,
                b"uid" => self.uid = text(s.on(Field::Uid), bad)?,
                b"resourceVersion" => {
                    let version = text(s.on(Field::ResourceVersion), bad)?;
                    self.resource_version = version.parse().unwrap_or(0);
                }
                b"generation" => self.generation = number(s.on(Field::Generation))?.unwrap_or(0),
                b"creationTimestamp" => self.created = stamp(s.on(Field::Created), bad)?,
                b"deletionTimestamp" => {
                    self.deleting = s.skip()? != b"null";
                    s.mark(Mark::Deleting(self.deleting));
                }
                b"ownerReferences" => {
                    elements(s, |s| owner(s).map(|owner| add_owner(&mut self.owners, owner)))?;
                }
                b"managedFields" => {
                    s.mark(Mark::Entries);
                    let mut entries = Vec::new();
                    elements(s, |s| fields_entry(s).map(|entry| entries.push(entry)))?;
                    self.managed_fields = (!entries.is_empty()).then_some(entries);
                }
                b"labels" => self.labels = kept(s, Kept::Labels)?,
                b"annotations" => {
                    self.annotations = kept(s, Kept::Annotations)?;
                    self.top_level = is_top_level(self.annotations, bad)?;
                }
                _ => {
                    s.skip()?;
                }
            }
            Ok(())
        })
    }
}

/// Whether annotations make an Event the root of its trace.
pub(crate) fn is_top_level(annotations: &[u8], bad: &mut bool) -> Result<bool, JsonError> {
    let mut top_level = false;
    if memchr::memmem::find(annotations, b"\"topLevelSpan\"").is_some() {
        members(&mut Scanner::new(annotations), |s, key| match key {
            b"topLevelSpan" => text(s, bad).map(|value| top_level = value == "true"),
            _ => s.skip().map(|_| ()),
        })?;
    }
    Ok(top_level)
}

/// Kind and name of what the spec of a `HorizontalPodAutoscaler` scales (autoscaling/v2
/// `CrossVersionObjectReference`).
pub fn scale_target(spec: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let mut target = None;
    members(&mut Scanner::new(spec), |s, key| match key {
        b"scaleTargetRef" => {
            reference(s, Nullable::Related, &mut false).map(|reference| target = reference)
        }
        _ => s.skip().map(|_| ()),
    })
    .ok()?;
    target.map(|target| (target.kind, target.name))
}
