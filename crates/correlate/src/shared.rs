//! Texts that many objects have in common, held once.
//!
//! In go a few texts that belong together, such as an apiVersion, a kind and a namespace; out comes
//! one pointer to them, the same for the same texts. What nobody points to any more is let go when
//! the pool would grow.

use std::hash::BuildHasher;
use std::ops::Index;
use std::rc::Rc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// Some texts that others point to as well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shared<const N: usize>(Rc<[Box<str>; N]>);

impl<const N: usize> Index<usize> for Shared<N> {
    type Output = str;
    fn index(&self, index: usize) -> &str {
        &self.0[index]
    }
}

/// All that is shared.
pub struct Pool<const N: usize> {
    held: HashTable<Shared<N>>,
    sweep_at: usize,
}

impl<const N: usize> Default for Pool<N> {
    fn default() -> Self {
        Self { held: HashTable::new(), sweep_at: Self::SWEEP_AT_LEAST }
    }
}

impl<const N: usize> Pool<N> {
    const SWEEP_AT_LEAST: usize = 256;

    /// The one that holds these texts.
    pub fn share(&mut self, texts: [&str; N]) -> Shared<N> {
        let hash = FxBuildHasher.hash_one(texts);
        let is_same = |held: &Shared<N>| held.texts() == texts;
        if let Some(held) = self.held.find(hash, is_same) {
            return held.clone();
        }
        if self.held.len() >= self.sweep_at {
            self.held.retain(|held| Rc::strong_count(&held.0) > 1);
            self.sweep_at = Self::SWEEP_AT_LEAST.max(2 * self.held.len());
        }
        let made = Shared::new(texts);
        self.held.insert_unique(hash, made.clone(), |held| FxBuildHasher.hash_one(held.texts()));
        made
    }
}

impl<const N: usize> Shared<N> {
    /// Texts that nobody else points to yet.
    pub fn new(texts: [&str; N]) -> Self {
        Self(Rc::new(texts.map(Box::from)))
    }

    /// The texts.
    pub fn texts(&self) -> [&str; N] {
        self.0.each_ref().map(|text| &**text)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::Pool;

    #[test]
    fn the_same_texts_are_held_once_and_only_while_somebody_has_them() {
        let mut pool = Pool::default();
        let kept = pool.share(["apps/v1", "Deployment"]);
        for index in 0..10_000 {
            pool.share(["v1", &index.to_string()]);
        }
        assert!(Rc::ptr_eq(&kept.0, &pool.share(["apps/v1", "Deployment"]).0));
        assert!(pool.held.len() <= Pool::<2>::SWEEP_AT_LEAST, "{} held", pool.held.len());
    }
}
