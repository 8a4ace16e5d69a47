//! Metadata of roots at rest: what a Correlator was told, and nobody has asked for yet.
//!
//! Most of a cluster has no Events for days. What is told of its objects is kept packed, by root, and
//! taken in when something else than a version comes for that root. Nothing reads what is known under
//! a root that has no occurrences, so when that is shows in nothing but memory.

use hashbrown::HashTable;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::Bytes;

use crate::limits::RESTING_BYTES_MAX;
use crate::marks::Marks;
use crate::meta::ObjectMeta;
use crate::owners::Scope;
use crate::packed;
use crate::shared::Texts;
use crate::slots::key_hash;

/// The packed versions of roots at rest.
#[derive(Default, Serialize, Deserialize)]
pub struct Resting {
    texts: Texts,
    logs: Logs,
}

/// The key of a root, then what was told under it.
type Log = Box<[u8]>;

#[derive(Default)]
struct Logs(HashTable<Log>);

const KEY: usize = size_of::<Scope>();

impl Resting {
    /// Keeps a version for later. False: what is kept of this root is to be taken in, then this.
    pub fn keep(&mut self, scope: Scope, meta: &ObjectMeta<'_>, marks: &Marks) -> bool {
        let known = self.logs.find(scope).map_or(&[][..], |log| &log[KEY..]);
        if known.len() > RESTING_BYTES_MAX {
            return false;
        }
        let Some(packed) = packed::pack(&mut self.texts, known, meta, marks) else {
            return false;
        };
        match self.logs.find_mut(scope) {
            None => self.logs.insert(new_log(scope, &packed)),
            Some(known) => {
                let mut log = std::mem::take(known).into_vec();
                packed::append(&mut log, &packed);
                *known = log.into_boxed_slice();
            }
        }
        true
    }

    /// Hands out what is kept of a root, in the order in which it was told.
    pub fn wake(&mut self, scope: Scope, mut take_in: impl FnMut(&ObjectMeta<'_>, Marks)) {
        let Some(log) = self.logs.remove(scope) else { return };
        for (meta, marks) in packed::unpack(&self.texts, &log[KEY..]) {
            take_in(&meta, marks);
        }
    }

    /// The roots of which something is kept.
    pub fn roots(&self) -> Vec<Scope> {
        self.logs.sorted().into_iter().map(|log| key_of(log)).collect()
    }
}

impl Logs {
    fn find(&self, scope: Scope) -> Option<&Log> {
        self.0.find(key_hash(scope), |log| key_of(log) == scope)
    }

    fn find_mut(&mut self, scope: Scope) -> Option<&mut Log> {
        self.0.find_mut(key_hash(scope), |log| key_of(log) == scope)
    }

    fn insert(&mut self, log: Log) {
        self.0.insert_unique(key_hash(key_of(&log)), log, |log| key_hash(key_of(log)));
    }

    fn remove(&mut self, scope: Scope) -> Option<Log> {
        let entry = self.0.find_entry(key_hash(scope), |log| key_of(log) == scope);
        entry.ok().map(|entry| entry.remove().0)
    }

    fn sorted(&self) -> Vec<&Log> {
        let mut logs: Vec<_> = self.0.iter().collect();
        logs.sort_unstable_by_key(|log| key_of(log));
        logs
    }
}

impl Serialize for Logs {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.sorted().into_iter().map(|log| Bytes::new(log)))
    }
}

impl<'de> Deserialize<'de> for Logs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut logs = Self(HashTable::new());
        for log in Vec::<&Bytes>::deserialize(from)? {
            if log.len() < KEY {
                return Err(D::Error::custom("a log begins with a key"));
            }
            logs.insert(Log::from(&**log));
        }
        Ok(logs)
    }
}

fn new_log(scope: Scope, packed: &[u8]) -> Log {
    let mut log = Vec::with_capacity(KEY + packed.len() + 1);
    log.extend_from_slice(&scope.to_le_bytes());
    packed::append(&mut log, packed);
    log.into()
}

fn key_of(log: &[u8]) -> Scope {
    log.first_chunk().map_or(0, |key| Scope::from_le_bytes(*key))
}

#[cfg(test)]
mod tests {
    use super::{RESTING_BYTES_MAX, Resting};
    use crate::ids::uuid_text;
    use crate::marks::Marks;
    use crate::meta::parse_meta;

    fn keep(resting: &mut Resting, scope: u128, uid: u128) -> bool {
        let json = format!(r#"{{"name":"web-{uid}","uid":"{}"}}"#, uuid_text(uid));
        let meta = parse_meta(json.as_bytes(), ("v1", "Pod")).expect("it is JSON");
        resting.keep(scope, &meta, &Marks::default())
    }

    fn woken(resting: &mut Resting, scope: u128) -> Vec<String> {
        let mut names = Vec::new();
        resting.wake(scope, |meta, _| names.push(meta.name.to_string()));
        names
    }

    #[test]
    fn what_is_kept_of_a_root_comes_out_once_in_its_order() {
        let mut resting = Resting::default();
        for (scope, uid) in [(7, 3), (8, 1), (7, 2)] {
            assert!(keep(&mut resting, scope, uid));
        }
        assert!(!keep(&mut resting, 7, 3), "a second version");
        assert_eq!(resting.roots(), [7, 8]);
        assert_eq!(woken(&mut resting, 7), ["web-3", "web-2"]);
        assert_eq!(woken(&mut resting, 7), [""; 0]);
        assert_eq!(resting.roots(), [8]);
    }

    #[test]
    fn no_more_is_kept_of_a_root_than_the_limit() {
        let mut resting = Resting::default();
        let kept =
            (0..RESTING_BYTES_MAX as u128).take_while(|&uid| keep(&mut resting, 7, uid)).count();
        assert!((RESTING_BYTES_MAX / 100..RESTING_BYTES_MAX).contains(&kept), "{kept}");
        assert_eq!(woken(&mut resting, 7).len(), kept);
    }
}
