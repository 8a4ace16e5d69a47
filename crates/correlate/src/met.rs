//! The kinds of objects that were met in Events and as owners, each told once.
//!
//! A live source watches the kinds that it knows of; the others it learns from here. Promises to
//! hold no more than a limit, and that nothing of it enters a span.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};

use crate::limits::KINDS_MET_MAX;

/// Kinds with their apiVersions.
#[derive(Default, Serialize, Deserialize)]
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

fn is_word(text: &str) -> bool {
    let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"./-".contains(&byte);
    !text.is_empty() && text.bytes().all(in_names)
}

#[cfg(test)]
mod tests {
    use super::{KINDS_MET_MAX, KindsMet};

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
}
