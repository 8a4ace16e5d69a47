//! Texts that many objects have in common, held once.
//!
//! In go a few texts that belong together, such as an apiVersion, a kind and a namespace; out comes
//! one pointer to them, the same for the same texts in all of a thread. What nobody points to any
//! more is let go before the pool grows. Whether texts were held already shows in nothing but memory.

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::ops::Index;
use std::rc::Rc;

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::TEXTS_MAX;
use crate::stored;

/// Some texts that others point to as well. A thin pointer: a slice would make it twice as large.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shared(Rc<Box<[Box<str>]>>);

impl Shared {
    /// These texts.
    pub fn new(texts: &[&str]) -> Self {
        POOL.with_borrow_mut(|pool| pool.share(texts))
    }
}

impl Index<usize> for Shared {
    type Output = str;
    fn index(&self, index: usize) -> &str {
        &self.0[index]
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        stored::mention(self, &self.0, |met| &mut met.texts, to)
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        stored::recall(|texts: Vec<&str>| Self::new(&texts), |met| &mut met.texts, from)
    }
}

/// Texts by number, in the order in which they were met. They are such as are few, for
/// none is ever taken out.
#[derive(Default)]
pub struct Texts {
    all: Vec<Shared>,
    numbers: FxHashMap<Shared, u16>,
}

impl Texts {
    /// The number of these texts. `None`: there is no more room.
    pub fn number(&mut self, texts: &[&str]) -> Option<u16> {
        let shared = Shared::new(texts);
        if let Some(&known) = self.numbers.get(&shared) {
            return Some(known);
        }
        let next = u16::try_from(self.all.len()).ok().filter(|_| self.all.len() < TEXTS_MAX)?;
        self.all.push(shared.clone());
        self.numbers.insert(shared, next);
        Some(next)
    }

    /// The texts with this number.
    pub fn get(&self, number: u16) -> Option<&Shared> {
        self.all.get(usize::from(number))
    }
}

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.all.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let all = Vec::<Shared>::deserialize(from)?;
        let numbers = all.iter().cloned().zip(0..).collect();
        Ok(Self { all, numbers })
    }
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

#[derive(Default)]
struct Pool {
    held: HashTable<Shared>,
    /// Texts that were held after the last sweep.
    swept: usize,
}

impl Pool {
    const SWEEP_AT_LEAST: usize = 256;

    fn share(&mut self, texts: &[&str]) -> Shared {
        let hash = hash_of(texts.iter().copied());
        let is_same = |held: &Shared| held.0.iter().map(|text| &**text).eq(texts.iter().copied());
        if let Some(held) = self.held.find(hash, is_same) {
            return held.clone();
        }
        if self.held.len() >= Self::SWEEP_AT_LEAST.max(2 * self.swept) {
            self.held.retain(|held| Rc::strong_count(&held.0) > 1);
            self.swept = self.held.len();
        }
        let made = Shared(Rc::new(texts.iter().map(|&text| text.into()).collect()));
        let rehash = |held: &Shared| hash_of(held.0.iter().map(|text| &**text));
        self.held.insert_unique(hash, made.clone(), rehash);
        made
    }
}

fn hash_of<'a>(texts: impl Iterator<Item = &'a str>) -> u64 {
    texts.fold(0, |hash, text| FxBuildHasher.hash_one((hash, text)))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::Pool;

    #[test]
    fn the_same_texts_are_held_once_and_only_while_somebody_has_them() {
        let mut pool = Pool::default();
        let kept = pool.share(&["apps/v1", "Deployment"]);
        for index in 0..10_000 {
            pool.share(&["v1", &index.to_string()]);
        }
        assert!(Rc::ptr_eq(&kept.0, &pool.share(&["apps/v1", "Deployment"]).0));
        assert!(pool.held.len() <= Pool::SWEEP_AT_LEAST, "{} held", pool.held.len());
    }
}
