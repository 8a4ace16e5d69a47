//! What a live source may want to ask its API server about: the kinds of objects that were met in
//! Events and as owners, and the objects of Events that no metadata has told of.
//!
//! A live source watches the kinds that it knows of; the others it learns from here. Out come lines
//! of words, so that no text of an Event can look like another line, or like another path of an
//! API. Promises to hold no more than a limit, and that nothing of it enters a span.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashSet, FxHasher};

use crate::limits::{KINDS_MET_MAX, OBJECTS_MET_MAX};
use crate::object::ObjectRef;
use crate::owners::is_uid;

/// Kinds with their apiVersions.
#[derive(Default)]
pub struct KindsMet {
    known: BTreeSet<u64>,
    untold: String,
}

impl KindsMet {
    /// An object of this kind was met. At the limit no further kind is.
    pub fn meet(&mut self, api_version: &str, kind: &str) {
        let mut hasher = FxHasher::default();
        (api_version, kind).hash(&mut hasher);
        if self.known.len() < KINDS_MET_MAX
            && self.known.insert(hasher.finish())
            && is_word(api_version)
            && is_word(kind)
        {
            self.untold.extend([api_version, " ", kind, "\n"]);
        }
    }

    /// Lines of an apiVersion and a kind, of those that were met since the last time.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.untold)
    }
}

/// Objects without metadata, each once until they are taken.
#[derive(Default)]
pub struct ObjectsMet {
    known: FxHashSet<u128>,
    untold: String,
}

impl ObjectsMet {
    /// An Event was about this object, whose key this is. At the limit no further object is told.
    pub fn meet(&mut self, key: u128, object: &ObjectRef<'_>) {
        if self.known.len() < OBJECTS_MET_MAX && is_told(object) && self.known.insert(key) {
            let ObjectRef { api_version, kind, namespace, name, uid, .. } = object;
            for word in [api_version, kind, namespace, name] {
                self.untold.extend([word, " "]);
            }
            self.untold.extend([uid, "\n"]);
        }
    }

    /// Lines of apiVersion, kind, namespace (which may be empty), name and uid, of those that were
    /// met since the last time.
    pub fn take(&mut self) -> String {
        self.known.clear();
        std::mem::take(&mut self.untold)
    }
}

/// Without a uid nobody could tell it from another object of its name.
fn is_told(object: &ObjectRef<'_>) -> bool {
    let ObjectRef { api_version, kind, namespace, name, uid, .. } = object;
    is_word(api_version)
        && is_word(kind)
        && (namespace.is_empty() || is_segment(namespace))
        && is_segment(name)
        && is_uid(uid)
        && is_segment(uid)
}

fn is_word(text: &str) -> bool {
    let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"./-".contains(&byte);
    !text.is_empty() && text.bytes().all(in_names)
}

/// What can stand between the slashes of a path.
fn is_segment(text: &str) -> bool {
    let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    !matches!(text, "" | "." | "..") && text.bytes().all(in_names)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{KINDS_MET_MAX, KindsMet, OBJECTS_MET_MAX, ObjectRef, ObjectsMet};

    const UID: &str = "00000000-0000-4000-8000-000000000001";

    fn ingress(name: &str) -> ObjectRef<'_> {
        ObjectRef {
            api_version: Cow::Borrowed("networking.k8s.io/v1"),
            kind: Cow::Borrowed("Ingress"),
            namespace: Cow::Borrowed("shop"),
            name: Cow::Borrowed(name),
            uid: Cow::Borrowed(UID),
            ..ObjectRef::default()
        }
    }

    #[test]
    fn a_kind_is_told_once_and_only_if_it_can_be_one() {
        let mut met = KindsMet::default();
        met.meet("apps/v1", "Deployment");
        met.meet("apps/v1", "Deployment");
        met.meet("", "Pod");
        met.meet("v1", "two words");
        assert_eq!(met.take(), "apps/v1 Deployment\n");
        met.meet("apps/v1", "Deployment");
        assert_eq!(met.take(), "");
    }

    #[test]
    fn no_more_kinds_are_held_than_the_limit() {
        let mut met = KindsMet::default();
        for index in 0..=KINDS_MET_MAX {
            met.meet("v1", &format!("Kind{index}"));
        }
        assert_eq!(met.take().lines().count(), KINDS_MET_MAX);
    }

    #[test]
    fn an_object_is_told_once_until_it_is_taken() {
        let mut met = ObjectsMet::default();
        let volume = ObjectRef { namespace: Cow::Borrowed(""), ..ingress("pv-1") };
        met.meet(1, &ingress("web"));
        met.meet(1, &ingress("web"));
        met.meet(2, &volume);
        let lines =
            ["shop web", " pv-1"].map(|of| format!("networking.k8s.io/v1 Ingress {of} {UID}\n"));
        assert_eq!(met.take(), lines.concat());
        assert_eq!(met.take(), "");
        met.meet(1, &ingress("web"));
        assert_eq!(met.take(), lines[0]);
    }

    #[test]
    fn an_object_whose_names_could_be_mistaken_is_not_told() {
        let mut met = ObjectsMet::default();
        for name in ["", ".", "..", "a/b", "a b", "a\nb", "a%2fb", "a?b", "a#b", "ä"] {
            met.meet(1, &ingress(name));
            met.meet(1, &ObjectRef { uid: Cow::Borrowed(name), ..ingress("web") });
            met.meet(1, &ObjectRef { kind: Cow::Owned(format!("{name} ")), ..ingress("web") });
            if !name.is_empty() {
                met.meet(1, &ObjectRef { namespace: Cow::Borrowed(name), ..ingress("web") });
            }
        }
        assert_eq!(met.take(), "");
    }

    #[test]
    fn no_more_objects_are_held_than_the_limit() {
        let mut met = ObjectsMet::default();
        for key in 0..=OBJECTS_MET_MAX as u128 {
            met.meet(key, &ingress("web"));
        }
        assert_eq!(met.take().lines().count(), OBJECTS_MET_MAX);
    }
}
