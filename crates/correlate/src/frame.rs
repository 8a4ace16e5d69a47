//! Frames: one JSON value of the input, told apart into Events, metadata and what is neither.

use std::borrow::Cow;

use crate::event::KubeEvent;
use crate::fields::text;
use crate::json::{JsonError, Kind, Scanner};
use crate::meta::ObjectMeta;
use crate::notes::{Field, Mark};
use crate::object::RawObject;
use crate::record::TypeMeta;
use crate::shapes::Shapes;
use crate::time::{Nanos, Stamp, parse_rfc3339};

/// What happened to the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// It is there.
    Present,
    /// It is gone.
    Deleted,
}

/// Why a frame cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It ends too early.
    Truncated,
    /// It is no JSON.
    NotJson,
    /// It is nested too deeply.
    TooDeep,
    /// It has no object, or one without a kind.
    NoObject,
    /// An ERROR of the watch.
    ErrorFrame,
    /// It is larger than a frame may be.
    FrameTooLarge,
}

impl SkipReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Truncated,
        Self::NotJson,
        Self::TooDeep,
        Self::NoObject,
        Self::ErrorFrame,
        Self::FrameTooLarge,
    ];

    /// The reason as users see it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::NoObject => "no_object",
            Self::ErrorFrame => "error_frame",
            Self::FrameTooLarge => "frame_too_large",
        }
    }
}

impl From<JsonError> for SkipReason {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Truncated => Self::Truncated,
            JsonError::NotJson => Self::NotJson,
            JsonError::TooDeep => Self::TooDeep,
        }
    }
}

/// What a frame says of its object.
#[derive(Debug)]
pub struct Frame {
    /// What happened to it.
    pub frame_type: FrameType,
    /// When the frame was received, where that is known.
    pub received_at: Option<Nanos>,
    /// Whether a string in it was no Unicode text, or too long, and had to be repaired.
    pub repaired: bool,
}

/// A frame, told apart.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made and taken apart on the stack, one at a time")]
pub enum Parsed<'a> {
    /// An Event.
    Event(Frame, KubeEvent<'a>),
    /// A version of any other object.
    Meta(Frame, ObjectMeta<'a>),
    /// A bookmark or the expiry of an Event, and when it was received.
    Ignored(Option<Nanos>),
    /// Not a frame but a list of objects.
    List,
}

/// Reads one whole JSON value. `list`: the kind that its list gives it.
///
/// # Errors
/// The reason to skip it.
pub fn parse_frame<'a>(
    bytes: &'a [u8],
    list: Option<&'a TypeMeta>,
) -> Result<Parsed<'a>, SkipReason> {
    let mut scanner = Scanner::new(bytes);
    let mut read = Read::default();
    read_frame(&mut scanner, &mut read)?;
    read.repaired = scanner.repaired();
    read.sort_out(list)
}

/// As `parse_frame`, by the shapes of the frames before.
///
/// # Errors
/// The reason to skip it.
pub fn parse_shaped<'a>(
    shapes: &mut Shapes,
    bytes: &'a [u8],
    list: Option<&'a TypeMeta>,
) -> Result<Parsed<'a>, SkipReason> {
    shapes.read(bytes, read_frame)?.sort_out(list)
}

fn read_frame<'a>(scanner: &mut Scanner<'a>, read: &mut Read<'a>) -> Result<(), JsonError> {
    if scanner.peek()? != Kind::Object {
        return Err(JsonError::NotJson);
    }
    scanner.object(|scanner, key| read.field(scanner, key))?;
    scanner.end()
}

/// What was read of a frame, or of an object alone.
#[derive(Default)]
pub(crate) struct Read<'a> {
    /// Fields on the frame's own level: a bare object, or the frame's `type`.
    pub bare: RawObject<'a>,
    pub object: Option<RawObject<'a>>,
    pub has_object: bool,
    pub repaired: bool,
    pub received_at: Option<Nanos>,
    pub resource: Option<(Cow<'a, str>, Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Read<'a> {
    fn field(&mut self, scanner: &mut Scanner<'a>, key: &[u8]) -> Result<(), JsonError> {
        match key {
            b"object" => {
                self.has_object = true;
                if scanner.peek()? == Kind::Object {
                    scanner.mark(Mark::Object);
                    self.object = Some(RawObject::read(scanner)?);
                    scanner.mark(Mark::ObjectEnd);
                } else {
                    scanner.skip()?;
                    scanner.spoil_notes();
                }
            }
            b"receivedAt" => {
                if scanner.peek()? == Kind::String {
                    self.received_at =
                        match parse_rfc3339(scanner.on(Field::ReceivedAt).string()?.as_bytes()) {
                            Stamp::At { nanos, .. } => Some(nanos),
                            Stamp::Absent | Stamp::Bad => None,
                        };
                } else {
                    scanner.skip()?;
                }
            }
            b"resource" => self.resource(scanner)?,
            _ => self.bare.field(scanner, key)?,
        }
        Ok(())
    }

    fn resource(&mut self, scanner: &mut Scanner<'a>) -> Result<(), JsonError> {
        if scanner.peek()? != Kind::Object {
            return scanner.skip().map(|_| ());
        }
        scanner.mark(Mark::Resource);
        let mut resource = (Cow::Borrowed(""), Cow::Borrowed(""), Cow::Borrowed(""));
        scanner.object(|scanner, key| {
            let (field, to) = match key {
                b"group" => (Field::ResourceGroup, &mut resource.0),
                b"version" => (Field::ResourceVersionOfKind, &mut resource.1),
                b"kind" => (Field::ResourceKind, &mut resource.2),
                _ => return scanner.skip().map(|_| ()),
            };
            *to = text(scanner.on(field), &mut false)?;
            Ok(())
        })?;
        self.resource = Some(resource);
        Ok(())
    }

    fn sort_out(self, list: Option<&'a TypeMeta>) -> Result<Parsed<'a>, SkipReason> {
        let frame_type = match (&*self.bare.event_type, self.has_object) {
            ("ERROR", _) => return Err(SkipReason::ErrorFrame),
            ("BOOKMARK", _) => return Ok(Parsed::Ignored(self.received_at)),
            ("DELETED", true) => FrameType::Deleted,
            _ => FrameType::Present,
        };
        let mut object = match self.object {
            Some(object) => object,
            None if self.has_object => return Err(SkipReason::NoObject),
            None if self.bare.is_list => return Ok(Parsed::List),
            None => self.bare,
        };
        let partial = object.kind == "PartialObjectMetadata";
        if partial || object.kind.is_empty() {
            if let Some((group, version, kind)) = self.resource {
                let slash = if group.is_empty() { "" } else { "/" };
                object.api_version = format!("{group}{slash}{version}").into();
                object.kind = kind;
            } else if let Some(list) = list.filter(|_| !partial) {
                object.api_version = Cow::Borrowed(&list.api_version);
                object.kind = Cow::Borrowed(&list.kind);
            }
        }
        if matches!(&*object.kind, "" | "PartialObjectMetadata") {
            return Err(SkipReason::NoObject);
        }
        let (received_at, repaired) = (self.received_at, self.repaired);
        // Other groups (knative, argo) have kinds of this name, too.
        let of_events = matches!(&*object.api_version, "" | "v1")
            || object.api_version.starts_with("events.k8s.io/");
        let frame = Frame { frame_type, received_at, repaired };
        Ok(match (object.kind == "Event" && of_events, frame_type) {
            (true, FrameType::Deleted) => Parsed::Ignored(received_at),
            (true, FrameType::Present) => Parsed::Event(frame, object.into()),
            (false, _) => Parsed::Meta(frame, object.into()),
        })
    }
}
