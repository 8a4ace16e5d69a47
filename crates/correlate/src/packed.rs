//! Versions of objects in few bytes: what a Correlator reads of them, and nothing twice.
//!
//! In go the metadata of objects of one root and their marks, one after the other; out come bytes to
//! append to those of the root's objects before, and from all of them the metadata again. What an
//! object has in common with the one before it is left out: its namespace, how its name begins;
//! owners are told by their number, kinds and managers by that of their texts. Promises that a
//! Correlator cannot tell what comes out from what went in.

use serde::{Deserialize, Serialize};

use crate::ids::{uuid_bits, uuid_text};
use crate::marks::{Marks, mirrored};
use crate::meta::{ObjectMeta, SpecEntry};
use crate::object::OwnerRef;
use crate::shared::Texts;
use crate::time::{SECOND, Stamp};

/// What those after it refer to.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    uid: [u8; 16],
    /// `None`: that of the one before.
    namespace: Option<&'a str>,
    /// Bytes of its name that the one before has, too.
    common: u16,
    /// The rest of its name.
    name: &'a str,
    kind: u16,
    /// Seconds after the one before.
    created: i64,
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    owners: Vec<Owner<'a>>,
    generation: i64,
    resource_version: u64,
    deleting: bool,
    /// `None`: it has no managedFields.
    writers: Option<Vec<Writer>>,
    marks: Option<Marks>,
}

#[derive(Serialize, Deserialize)]
enum Owner<'a> {
    /// The controller, by its number.
    Controller(u32),
    /// Another one, by its number.
    Plain(u32),
    /// One that is not among those before.
    Told { controller: bool, api_version: &'a str, kind: &'a str, name: &'a str, uid: &'a str },
}

/// As `SpecEntry`.
#[derive(Serialize, Deserialize)]
struct Writer {
    who: u16,
    /// Seconds after the object was created.
    at: i64,
    fields: [u8; 4],
}

/// What is known of the objects before.
#[derive(Default)]
struct Before {
    /// Their uids and kinds.
    all: Vec<([u8; 16], u16)>,
    /// Of the last one.
    namespace: String,
    name: String,
    created: i64,
}

impl Before {
    /// Of all that these bytes tell.
    fn of(mut bytes: &[u8]) -> Self {
        let mut before = Self::default();
        while let Some((head, _, rest)) = split(bytes)
            && before.pass(&head).is_some()
        {
            bytes = rest;
        }
        before
    }

    fn pass(&mut self, head: &Head<'_>) -> Option<()> {
        if let Some(namespace) = head.namespace {
            namespace.clone_into(&mut self.namespace);
        }
        let common = usize::from(head.common);
        if !self.name.is_char_boundary(common) {
            return None;
        }
        self.name.truncate(common);
        self.name.push_str(head.name);
        self.created = self.created.wrapping_add(head.created);
        self.all.push((head.uid, head.kind));
        Some(())
    }

    fn number_of(&self, uid: &str, kind: u16) -> Option<u32> {
        let sought = (uuid_bits(uid)?.to_be_bytes(), kind);
        Some(self.all.iter().position(|&known| known == sought)? as u32)
    }
}

/// The bytes that tell of this version after those before. `None`: they would not tell all of it, or
/// something of this object is told already.
pub fn pack(
    texts: &mut Texts,
    before: &[u8],
    meta: &ObjectMeta<'_>,
    marks: &Marks,
) -> Option<Vec<u8>> {
    let uid = uuid_bits(&meta.uid)?.to_be_bytes();
    let before = Before::of(before);
    if meta.api_version.is_empty()
        || mirrored(meta).is_some()
        || before.all.iter().any(|&(known, _)| known == uid)
    {
        return None;
    }
    let common = common(&before.name, &meta.name);
    let created = seconds(meta.created);
    let head = Head {
        uid,
        namespace: Some(&*meta.namespace).filter(|&namespace| namespace != before.namespace),
        common: u16::try_from(common).ok()?,
        name: &meta.name[common..],
        kind: texts.number(&[&meta.api_version, &meta.kind])?,
        created: created - before.created,
    };
    let owners = meta.owners.iter().map(|owner| pack_owner(texts, &before, owner)).collect();
    let mut writer = |entry: &SpecEntry<'_>| {
        let who = texts.number(&[&entry.manager, &entry.operation, &entry.subresource])?;
        let fields = entry.fields_folded().to_le_bytes();
        Some(Writer { who, at: seconds(entry.time) - created, fields })
    };
    let writers: Option<Vec<_>> = meta.spec_entries.iter().map(&mut writer).collect();
    let body = Body {
        owners,
        generation: meta.generation,
        resource_version: meta.resource_version,
        deleting: meta.deleting,
        writers: Some(writers?).filter(|_| meta.has_managed_fields),
        marks: Some(marks.clone()).filter(|marks| *marks != Marks::default()),
    };
    postcard::to_allocvec(&(head, body)).ok()
}

/// An owner that is told already needs no more than its number: only its kind is looked at.
fn pack_owner<'m>(texts: &mut Texts, before: &Before, owner: &'m OwnerRef<'_>) -> Owner<'m> {
    let kind = texts.number(&[&owner.api_version, &owner.kind]);
    let number = kind.and_then(|kind| before.number_of(&owner.uid, kind));
    match (number, owner) {
        (Some(number), OwnerRef { controller: true, .. }) => Owner::Controller(number),
        (Some(number), _) => Owner::Plain(number),
        (None, OwnerRef { api_version, kind, name, uid, controller }) => {
            Owner::Told { controller: *controller, api_version, kind, name, uid }
        }
    }
}

/// Reads what `pack` wrote, all of it, in its order.
pub fn unpack<'a>(
    texts: &'a Texts,
    mut bytes: &'a [u8],
) -> impl Iterator<Item = (ObjectMeta<'a>, Marks)> {
    let mut before = Before::default();
    std::iter::from_fn(move || {
        let (head, body, rest) = split(bytes)?;
        bytes = rest;
        before.pass(&head)?;
        let (body, _) = postcard::take_from_bytes::<Body<'_>>(body).ok()?;
        let kind = texts.get(head.kind)?;
        let entry = |&Writer { who, at, fields }: &Writer| {
            let who = texts.get(who)?;
            Some(SpecEntry {
                manager: who[0].into(),
                operation: who[1].into(),
                subresource: who[2].into(),
                time: stamp(before.created.wrapping_add(at)),
                fields: u32::from_le_bytes(fields).into(),
            })
        };
        let owners = body.owners.iter().map(|owner| unpack_owner(texts, &before, owner));
        let meta = ObjectMeta {
            api_version: kind[0].into(),
            kind: kind[1].into(),
            namespace: before.namespace.clone().into(),
            name: before.name.clone().into(),
            uid: uuid_text(u128::from_be_bytes(head.uid)).into(),
            resource_version: body.resource_version,
            generation: body.generation,
            created: stamp(before.created),
            deleting: body.deleting,
            owners: owners.collect::<Option<_>>()?,
            has_managed_fields: body.writers.is_some(),
            spec_entries: body.writers.iter().flatten().map(entry).collect::<Option<_>>()?,
            labels: b"",
            annotations: b"",
            scale_target: None,
        };
        Some((meta, body.marks.unwrap_or_default()))
    })
}

fn unpack_owner<'a>(texts: &'a Texts, before: &Before, owner: &Owner<'a>) -> Option<OwnerRef<'a>> {
    let (number, controller) = match *owner {
        Owner::Controller(number) => (number, true),
        Owner::Plain(number) => (number, false),
        Owner::Told { controller, api_version, kind, name, uid } => {
            let (api_version, kind) = (api_version.into(), kind.into());
            let (name, uid) = (name.into(), uid.into());
            return Some(OwnerRef { api_version, kind, name, uid, controller });
        }
    };
    let &(uid, kind) = before.all.get(number as usize)?;
    let kind = texts.get(kind)?;
    Some(OwnerRef {
        api_version: kind[0].into(),
        kind: kind[1].into(),
        name: "".into(),
        uid: uuid_text(u128::from_be_bytes(uid)).into(),
        controller,
    })
}

/// Appends what `pack` wrote to what was packed before.
pub fn append(log: &mut Vec<u8>, packed: &[u8]) {
    let mut length = [0; 5];
    let length = postcard::to_slice(&(packed.len() as u32), &mut length).expect("it has room");
    log.reserve_exact(length.len() + packed.len());
    log.extend_from_slice(length);
    log.extend_from_slice(packed);
}

/// The first head, the body that belongs to it, and what follows.
fn split(bytes: &[u8]) -> Option<(Head<'_>, &[u8], &[u8])> {
    let (length, rest) = postcard::take_from_bytes::<u32>(bytes).ok()?;
    let (first, rest) = rest.split_at_checked(length as usize)?;
    let (head, body) = postcard::take_from_bytes(first).ok()?;
    Some((head, body, rest))
}

/// Bytes that the begins of two texts have in common.
fn common(one: &str, other: &str) -> usize {
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other);
    other.floor_char_boundary(same.count())
}

/// -1: none.
fn seconds(stamp: Stamp) -> i64 {
    stamp.second().map_or(-1, |at| at / SECOND)
}

fn stamp(seconds: i64) -> Stamp {
    match seconds.checked_mul(SECOND) {
        Some(nanos) if nanos >= 0 => Stamp::At { nanos, precise: false },
        _ => Stamp::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::{Texts, append, common, pack, unpack};
    use crate::marks::{Marks, TraceparentKeys, read};
    use crate::meta::{ObjectMeta, SpecEntry, parse_meta};

    const OWNERS: &str = r#""ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"00000000-0000-4000-8000-000000000001","controller":true}]"#;

    fn uid(number: u32) -> String {
        format!(r#""uid":"00000000-0000-4000-8000-{number:012}""#)
    }

    /// All that a Correlator reads; of owners that are told already, no names.
    fn read_of(meta: &ObjectMeta<'_>, marks: &Marks) -> String {
        let owners: Vec<_> =
            meta.owners.iter().map(|owner| (&owner.uid, &owner.kind, owner.controller)).collect();
        let written = |entry: &SpecEntry<'_>| {
            let who =
                [&entry.manager, &entry.operation, &entry.subresource].map(ToString::to_string);
            (who, entry.time.second(), entry.fields_folded())
        };
        let entries: Vec<_> = meta.spec_entries.iter().map(written).collect();
        let identity = (&meta.api_version, &meta.kind, &meta.namespace, &meta.name, &meta.uid);
        let version = (meta.generation, meta.resource_version, meta.created.second());
        let flags = (meta.deleting, meta.has_managed_fields);
        format!("{identity:?} {version:?} {flags:?} {owners:?} {entries:?} {marks:?}")
    }

    #[test]
    fn what_comes_out_is_what_went_in() {
        let objects = [
            (
                "Deployment",
                format!(
                    r#"{{"name":"web","namespace":"shop",{},"generation":3,"resourceVersion":"70","creationTimestamp":"2026-01-01T00:00:00Z","annotations":{{"meta.helm.sh/release-name":"web","meta.helm.sh/release-namespace":"shop"}},"managedFields":[{{"manager":"helm","operation":"Update","time":"2026-01-02T00:00:00Z","fieldsV1":{{"f:spec":{{"f:replicas":{{}}}}}}}},{{"manager":"hpa","operation":"Update","subresource":"scale","fieldsV1":{{"f:spec":{{}}}}}}]}}"#,
                    uid(1)
                ),
            ),
            (
                "ReplicaSet",
                format!(
                    r#"{{"name":"web-77","namespace":"shop",{},"creationTimestamp":"2025-01-01T00:00:00Z",{OWNERS}}}"#,
                    uid(2)
                ),
            ),
            (
                "Pod",
                format!(
                    r#"{{"name":"web-7ä","namespace":"shop",{},"deletionTimestamp":"2026-01-01T00:00:00Z",{}}}"#,
                    uid(3),
                    OWNERS.replace("00001", "00009")
                ),
            ),
            (
                "Pod",
                format!(r#"{{"name":"web-7ö","namespace":"other",{},"managedFields":[]}}"#, uid(4)),
            ),
        ];
        let (mut texts, mut log, mut expected) = (Texts::default(), Vec::new(), Vec::new());
        for (kind, json) in &objects {
            let meta = parse_meta(json.as_bytes(), ("apps/v1", kind)).expect("it is JSON");
            let marks = read(&meta, &TraceparentKeys::default());
            let packed = pack(&mut texts, &log, &meta, &marks).expect("it is told once");
            append(&mut log, &packed);
            assert!(pack(&mut texts, &log, &meta, &marks).is_none(), "it is told twice");
            expected.push(read_of(&meta, &marks));
        }
        let back = unpack(&texts, &log).map(|(meta, marks)| read_of(&meta, &marks));
        assert_eq!(back.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_would_not_come_out_is_not_packed() {
        let refused = [
            ("v1", r#"{"name":"web","namespace":"shop"}"#.to_owned()),
            ("v1", r#"{"name":"web","uid":"web"}"#.to_owned()),
            ("", format!(r#"{{"name":"web",{}}}"#, uid(1))),
            (
                "v1",
                format!(r#"{{{},"annotations":{{"kubernetes.io/config.mirror":"0"}}}}"#, uid(1)),
            ),
        ];
        for (api_version, json) in refused {
            let meta = parse_meta(json.as_bytes(), (api_version, "Pod")).expect("it is JSON");
            assert!(pack(&mut Texts::default(), b"", &meta, &Marks::default()).is_none(), "{json}");
        }
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!([common("web-1", "web-2"), common("ä", "ö"), common("", "a")], [4, 0, 0]);
    }
}
