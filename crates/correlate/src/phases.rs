//! The phases that are open in a root: image pulls, waits, terminations.
//!
//! In go spans whose end is not known yet, out they come when an occurrence ends them, when their
//! object is gone, or when they have waited too long. A phase is found by its object, container and
//! name. Promises that when a phase ends does not depend on when its object's deletion was told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::root::Place;
use crate::rules::{Phase, Rule};
use crate::time::Nanos;

/// What a phase is of: an object's key, or that of its kind, namespace and name while no metadata
/// tells which object a name means.
pub type PhaseOwner = u128;

/// A phase that waits for its end.
#[derive(Serialize, Deserialize)]
pub struct OpenPhase {
    /// The row that began it.
    #[serde(with = "crate::stored::row")]
    pub rule: &'static Rule,
    /// Which phase it is.
    pub phase: Phase,
    /// Hash of the container; 0: the object as a whole.
    pub container: u64,
    /// Its span.
    pub place: Place,
    /// When its span began.
    pub start: Nanos,
    /// When it is cut.
    pub deadline: Nanos,
    /// When its object was gone, if that is known.
    pub gone: Option<Nanos>,
}

/// Which phases of an object were ended by the occurrence written last of those that ended any.
/// Clocks differ from node to node; what the API server wrote first comes first all the same.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct LastEnder {
    resource_version: u64,
    /// One bit a phase.
    ends: u64,
}

impl LastEnder {
    /// An occurrence of this row and resourceVersion was placed. A link of a chain ends nothing for
    /// good.
    pub fn see(&mut self, resource_version: u64, rule: &Rule) {
        let ends = rule.ends.iter().filter(|&&phase| rule.begins != Some(phase));
        let bits = ends.filter_map(|phase| 1_u64.checked_shl(phase.0.into()));
        let ends = bits.fold(0, |all, bit| all | bit);
        if resource_version > self.resource_version && ends != 0 {
            *self = Self { resource_version, ends };
        }
    }

    /// Whether a phase that an occurrence of this resourceVersion would begin has ended already.
    pub fn has_ended(self, phase: Phase, resource_version: u64) -> bool {
        let bit = 1_u64.checked_shl(phase.0.into()).unwrap_or(0);
        resource_version < self.resource_version && self.ends & bit != 0
    }
}

/// How a phase ended.
pub struct Ending {
    /// Its span.
    pub place: Place,
    /// When.
    pub at: Nanos,
    /// Whether time cut it off.
    pub cut: bool,
}

impl OpenPhase {
    /// When it ends unless an occurrence ends it before; whether that cuts it off.
    fn due(&self) -> (Nanos, bool) {
        let gone = self.gone.map(|gone| gone.max(self.start)).filter(|&gone| gone <= self.deadline);
        gone.map_or((self.deadline, true), |gone| (gone, false))
    }

    fn ending(&self) -> Ending {
        let (at, cut) = self.due();
        Ending { place: self.place, at, cut }
    }
}

/// All open phases of a root.
#[derive(Default, Serialize, Deserialize)]
pub struct Phases {
    /// Those that end at once do so in this order.
    of: BTreeMap<PhaseOwner, Vec<OpenPhase>>,
}

impl Phases {
    /// Keeps a phase until it ends. Returns when it ends at the latest.
    pub fn open(&mut self, owner: PhaseOwner, phase: OpenPhase) -> Nanos {
        let due = phase.due().0;
        self.of.entry(owner).or_default().push(phase);
        due
    }

    /// The open phase of this name.
    pub fn find(
        &mut self,
        owner: PhaseOwner,
        container: u64,
        phase: Phase,
    ) -> Option<&mut OpenPhase> {
        let mut open = self.of.get_mut(&owner)?.iter_mut();
        open.find(|open| open.container == container && open.phase == phase)
    }

    /// Whether the image of a container is being pulled.
    pub fn is_pulling(&self, owner: PhaseOwner, container: u64) -> bool {
        let open = self.of.get(&owner).map_or(&[][..], |open| open);
        open.iter()
            .any(|open| open.container == container && open.rule.reasons.contains(&"Pulling"))
    }

    /// Takes the open phases of these names that an occurrence ends: those of its container and
    /// those of the object as a whole.
    pub fn take(&mut self, owner: PhaseOwner, container: u64, ends: &[Phase]) -> Vec<OpenPhase> {
        let Some(open) = self.of.get_mut(&owner) else {
            return Vec::new();
        };
        let ended = |open: &mut OpenPhase| {
            (open.container == 0 || open.container == container) && ends.contains(&open.phase)
        };
        let taken = open.extract_if(.., ended).collect();
        if open.is_empty() {
            self.of.remove(&owner);
        }
        taken
    }

    /// The object is gone since `at`: none of its phases lasts longer. Whether it has any.
    pub fn gone(&mut self, owner: PhaseOwner, at: Nanos) -> bool {
        let open = self.of.get_mut(&owner).map_or(&mut [][..], |open| open);
        for phase in &mut *open {
            phase.gone.get_or_insert(at);
        }
        !open.is_empty()
    }

    /// Takes the phases that end before `before`.
    pub fn take_due(&mut self, before: Nanos) -> Vec<Ending> {
        self.take_if(|phase| phase.due().0 < before)
    }

    /// Takes the phases of a trace that is cut off at `at`.
    pub fn take_of_trace(&mut self, trace: crate::trace::TraceId, at: Nanos) -> Vec<Ending> {
        let cut = |ending: Ending| Ending { at, cut: true, ..ending };
        self.take_if(|phase| phase.place.trace == trace).into_iter().map(cut).collect()
    }

    /// When the next one ends unless an occurrence ends it before.
    pub fn next_due(&self) -> Option<Nanos> {
        self.of.values().flatten().map(|phase| phase.due().0).min()
    }

    /// Gives back what it holds for nothing.
    pub fn rest(&mut self) {
        if self.of.is_empty() {
            self.of = BTreeMap::new();
        }
    }

    fn take_if(&mut self, mut takes: impl FnMut(&OpenPhase) -> bool) -> Vec<Ending> {
        let mut ended = Vec::new();
        self.of.retain(|_, open| {
            ended.extend(open.extract_if(.., |phase| takes(phase)).map(|phase| phase.ending()));
            !open.is_empty()
        });
        ended
    }
}
