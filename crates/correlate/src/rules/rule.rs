//! A row of the table of causality. Rows live as long as the process, as tables do.

use serde::{Deserialize, Serialize};

use crate::time::{Nanos, SECOND};

/// Whether something is brought up or taken down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Created, scaled up, and whatever happens while it lives.
    #[default]
    Up,
    /// Scaled down, deleted, killed.
    Down,
}

/// A phase, such as the pull of an image; `RuleTable::phase_name` has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Phase(pub u8);

impl Phase {
    /// What only the end of the object ends.
    pub const TERMINATION: Self = Self(0);
    /// The names of the phases above, by number.
    pub const NAMES: [&str; 1] = ["termination"];
}

/// The kind of an object that a message tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindOf {
    /// This one.
    Known(&'static str),
    /// What this group of the message holds.
    Group(&'static str),
}

/// How a message tells an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its kind.
    pub kind: KindOf,
    /// Group of its name.
    pub name: &'static str,
    /// Group of its namespace; empty: it is cluster-scoped; `None`: the involved object's.
    pub namespace: Option<&'static str>,
}

/// An object that a row names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The involved object: the row announces its end.
    Regarding,
    /// One that the message tells of.
    Object(Told),
}

/// What a row links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// What the spec.scaleTargetRef of the involved object names.
    Target,
    /// The related object.
    Related,
    /// The latest trouble of the pod's node.
    Node,
    /// One that the message tells of.
    Object(Told),
}

/// One row. The keys are explained in `rules/README.md`; what a row leaves out is empty.
#[derive(Debug)]
#[allow(missing_docs, reason = "rules/README.md documents them")]
pub struct Rule {
    pub id: &'static str,
    pub controllers: &'static [&'static str],
    pub kinds: &'static [&'static str],
    pub groups: &'static [&'static str],
    pub types: &'static [&'static str],
    pub reasons: &'static [&'static str],
    pub message: Option<&'static str>,
    pub direction: Direction,
    pub names: &'static [Named],
    pub lists: Option<&'static str>,
    pub links: &'static [Linked],
    pub receives: bool,
    pub opens_trace: bool,
    pub termination: bool,
    pub begins: Option<Phase>,
    pub of_named: bool,
    pub on_root: bool,
    pub key: Option<&'static str>,
    pub ends: &'static [Phase],
    pub trouble: bool,
    pub slack: Nanos,
    pub timeout: Nanos,
}

/// How much later than its effects an Event may be written, unless its row says otherwise.
pub const SLACK: Nanos = 2 * SECOND;

/// The row of an Event that no other row fits.
pub static GENERIC: Rule = Rule {
    id: "generic",
    controllers: &[],
    kinds: &[],
    groups: &[],
    types: &[],
    reasons: &[],
    message: None,
    direction: Direction::Up,
    names: &[],
    lists: None,
    links: &[],
    receives: false,
    opens_trace: false,
    termination: false,
    begins: None,
    of_named: false,
    on_root: false,
    key: None,
    ends: &[],
    trouble: false,
    slack: SLACK,
    timeout: 0,
};

impl Rule {
    /// Whether no row fits.
    #[must_use]
    pub fn is_generic(&self) -> bool {
        std::ptr::eq(self, &raw const GENERIC)
    }

    /// Whether it begins a phase that it also ends: it is a link of a chain.
    #[must_use]
    pub fn is_link(&self) -> bool {
        self.begins.is_some_and(|phase| self.ends.contains(&phase))
    }

    /// Whether its span links to the trouble of a node.
    #[must_use]
    pub fn links_node(&self) -> bool {
        self.links.contains(&Linked::Node)
    }

    /// Whether its span links to the related object, which is then not affected by it.
    #[must_use]
    pub fn links_related(&self) -> bool {
        self.links.contains(&Linked::Related)
    }

    /// Whether it can only go on when what lies in other roots is certain.
    #[must_use]
    pub fn waits_for_links(&self) -> bool {
        let elsewhere = |link: &Linked| *link != Linked::Node;
        self.trouble || self.lists.is_some() || self.links.iter().any(elsewhere)
    }

    /// Whether it says anything of other objects, or of what other objects link to.
    #[must_use]
    pub fn concerns_others(&self) -> bool {
        self.trouble || self.lists.is_some() || !self.names.is_empty() || !self.links.is_empty()
    }

    /// Whether it is for Events of this controller.
    #[must_use]
    pub fn is_from(&self, controller: &str) -> bool {
        let is = |name: &&str| match name.strip_suffix('*') {
            Some(prefix) => controller.starts_with(prefix),
            None => *name == controller,
        };
        self.controllers.is_empty() || self.controllers.iter().any(is)
    }
}
