//! Ids by a hash of what they stand for: hash tables that do not grow all at once.
//!
//! In go ids and 64-bit hashes, out come the ids of a hash. A table that doubles is half empty for
//! long, and leaves what it was copied from, which WebAssembly cannot give back. Here many small
//! ones share the ids, some more of them than others, so that they double one after the other, and
//! what one leaves another takes.

use hashbrown::HashTable;

use crate::slots::ObjectId;

const PARTS: u16 = 64;

/// Ids, each with a hash.
pub struct Ids {
    parts: Box<[HashTable<ObjectId>]>,
    held: usize,
}

impl Default for Ids {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| HashTable::new()).collect(), held: 0 }
    }
}

impl Ids {
    /// The id with this hash that is the one.
    pub fn find(&self, hash: u64, is_it: impl FnMut(&ObjectId) -> bool) -> Option<ObjectId> {
        self.parts[part(hash)].find(hash, is_it).copied()
    }

    /// All ids of this hash, and some of others.
    pub fn like(&self, hash: u64) -> impl Iterator<Item = ObjectId> + '_ {
        self.parts[part(hash)].iter_hash(hash).copied()
    }

    /// Adds an id; `rehash`: the hash of one that was added.
    pub fn insert(&mut self, hash: u64, id: ObjectId, rehash: impl Fn(&ObjectId) -> u64) {
        self.parts[part(hash)].insert_unique(hash, id, rehash);
        self.held += 1;
    }

    /// Takes an id out.
    pub fn remove(&mut self, hash: u64, id: ObjectId) {
        if let Ok(entry) = self.parts[part(hash)].find_entry(hash, |&other| other == id) {
            entry.remove();
            self.held -= 1;
        }
    }

    /// Ids held.
    pub fn held(&self) -> usize {
        self.held
    }
}

/// The last part has twice as many ids as the first. By bits that no part itself looks at.
fn part(hash: u64) -> usize {
    let even = f64::from((hash >> 32) as u16) / f64::from(1 << 16);
    (((1.0 + 3.0 * even).sqrt() - 1.0) * f64::from(PARTS)) as usize
}

#[cfg(test)]
mod tests {
    use super::{PARTS, part};

    #[test]
    fn the_last_part_has_twice_as_many_as_the_first() {
        let mut sizes = [0_u32; PARTS as usize];
        for step in 0..1_u64 << 16 {
            sizes[part(step << 32)] += 1;
        }
        let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
        assert!(sizes.is_sorted_by(|one, next| *one <= next + 1), "{sizes:?}");
        assert!((19..=21).contains(&(10 * last / first)), "{first} and {last}");
    }
}
