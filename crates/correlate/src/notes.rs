//! What a `Scanner` can write down while a frame is read the simple way: which bytes were values and
//! what they are. All else of the frame is its shape, and `shapes.rs` knows it again.
//!
//! Notes come in the order of the bytes. Whatever the simple way does by the contents of a value, not
//! by the keys and brackets around it, makes the notes useless: `whole` is false then.

use std::ops::Range;

/// What a value is in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the API")]
pub enum Field {
    /// Nobody reads it.
    #[default]
    Nothing,
    ReceivedAt,
    ResourceGroup,
    ResourceVersionOfKind,
    ResourceKind,
    ApiVersion,
    Kind,
    Namespace,
    Name,
    Uid,
    ResourceVersion,
    Generation,
    Created,
    Reason,
    Action,
    Message,
    Type,
    SourceComponent,
    SourceHost,
    ReportingComponent,
    ReportingInstance,
    EventTime,
    First,
    Last,
    Count,
    SeriesCount,
    SeriesSeen,
    RefKind,
    RefNamespace,
    RefName,
    RefUid,
    RefApiVersion,
    RefResourceVersion,
    RefFieldPath,
    OwnerApiVersion,
    OwnerKind,
    OwnerName,
    OwnerUid,
    EntryManager,
    EntryOperation,
    EntrySubresource,
    EntryTime,
}

impl Field {
    /// Whether it has so few values that each makes a shape of its own.
    fn is_constant(self) -> bool {
        matches!(
            self,
            Self::ResourceGroup
                | Self::ResourceVersionOfKind
                | Self::ResourceKind
                | Self::ApiVersion
                | Self::Kind
                | Self::Type
                | Self::SourceComponent
                | Self::ReportingComponent
                | Self::RefKind
                | Self::RefApiVersion
                | Self::OwnerApiVersion
                | Self::OwnerKind
                | Self::EntryManager
                | Self::EntryOperation
                | Self::EntrySubresource
        )
    }
}

/// Something that the shape alone says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `object` begins, an object.
    Object,
    /// It ends.
    ObjectEnd,
    /// `resource` begins, an object.
    Resource,
    /// `involvedObject` or `regarding` begins.
    Regarding,
    /// `related` begins.
    Related,
    /// A series begins.
    Series,
    /// `null` instead of `involvedObject`, `related` or a series.
    Null(Nullable),
    /// An owner begins.
    Owner,
    /// It is a controller, or is said not to be.
    Controller(bool),
    /// It ends.
    OwnerEnd,
    /// managedFields begin.
    Entries,
    /// An entry of them begins.
    Entry,
    /// It ends.
    EntryEnd,
    /// JSON begins that is kept as it is.
    Json,
    /// It ends, and was these.
    JsonEnd(Kept),
    /// Whether there is a deletionTimestamp.
    Deleting(bool),
    /// The field is null.
    Empty(Field),
    /// The field is the next so many bytes.
    Is(Field, usize),
}

/// What may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the API")]
pub enum Nullable {
    Regarding,
    Related,
    Series,
}

/// JSON that is kept as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the API")]
pub enum Kept {
    Labels,
    Annotations,
    Spec,
    /// fieldsV1 of an entry that owns `f:spec`.
    OwnedFields,
    /// fieldsV1 of another entry.
    OtherFields,
}

/// How far a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// To the quote that ends a string.
    Text,
    /// As far as there are digits.
    Number,
    /// To the next backslash: a uid or a name in a key, `"k:{\"uid\":\"...\"}"`.
    InKey,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A value, at these bytes.
    Value(Range<usize>, Field, Form),
    /// A mark, before this byte.
    Mark(usize, Mark),
}

/// All that was read of a frame.
#[derive(Debug)]
pub struct Notes {
    /// In the order of the bytes.
    pub list: Vec<Note>,
    /// What the next value is.
    pub field: Field,
    /// They say all that the simple way found.
    pub whole: bool,
}

impl Notes {
    /// Notes a value.
    pub fn value(&mut self, range: Range<usize>, form: Form, escaped: bool) {
        let field = std::mem::take(&mut self.field);
        self.list.push(if form == Form::Text && field.is_constant() && !escaped {
            Note::Mark(range.start, Mark::Is(field, range.len()))
        } else {
            Note::Value(range, field, form)
        });
    }
}

impl Default for Notes {
    fn default() -> Self {
        Self { list: Vec::new(), field: Field::Nothing, whole: true }
    }
}
