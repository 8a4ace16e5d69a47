//! What Events of one root link to in others: the Router knows all roots, and tells each shard what
//! its spans point to.
//!
//! In go Events whose row has links, lists or trouble, when the watermark has passed them: only then
//! does what they point to not depend on the order of arrival. Out come ids of root spans, links for
//! the other side, and the trouble of nodes. An id is made of a uid and a generation, whether or not
//! such a trace was ever opened.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::change::is_autoscaler;
use crate::changes::{Changes, Logged};
use crate::event::KubeEvent;
use crate::ids::{Key, event_span_id, name_key, object_key, uuid_bits, uuid_text};
use crate::limits::TROUBLED_NODES_MAX;
use crate::links::{LinkKind, SpanContext};
use crate::meta::ObjectMeta;
use crate::object::ObjectRef;
use crate::owners::{Detail, EVERYWHERE, Identity, ObjectId, scoped_name};
use crate::record::{Record, ToldLink, Trouble};
use crate::router::Core;
use crate::rules::{Link, RuleMatch};
use crate::slots::{Aging, Neighbours};
use crate::time::{Nanos, Second};

/// What the Router keeps of an object.
#[derive(Default, Serialize, Deserialize)]
pub struct Told {
    /// Of what was last told of it, and under which root.
    pub digest: u64,
    created: Second,
    neighbours: Neighbours,
    /// Only of objects that are their own root or scale others.
    more: Option<Box<Linked>>,
}

/// What controllers adopt when its labels fit, with all that belongs to it.
const ADOPTABLE: &str = "ReplicaSet";

#[derive(Default, Serialize, Deserialize)]
struct Linked {
    /// What stands for a uid that is none; `None`: its key tells it.
    standin: Option<Box<str>>,
    changes: Changes<Dated>,
    /// It has no owner, but may be given one.
    adoptable: bool,
    /// First and last of the Events of this root that follow one another without an idle time.
    burst: Option<Box<(Nanos, Nanos)>>,
    /// Kind and name of what it scales.
    scales: Option<Box<(Box<str>, Box<str>)>>,
}

/// A generation, and when it was made.
#[derive(Serialize, Deserialize)]
struct Dated {
    generation: i64,
    since: Second,
    autoscaled: bool,
}

impl Logged for Dated {
    fn generation(&self) -> i64 {
        self.generation
    }

    fn since(&self) -> Option<Nanos> {
        self.since.into()
    }
}

impl Aging for Told {
    fn neighbours(&mut self) -> Option<&mut Neighbours> {
        Some(&mut self.neighbours)
    }
}

impl Detail for Told {
    fn introduce(identity: &Identity<'_>) -> Self {
        let is_told_by_key = uuid_bits(identity.uid).is_some();
        let linked = || Linked { standin: Some(identity.uid.into()), ..Linked::default() };
        Self { more: (!is_told_by_key).then(|| Box::new(linked())), ..Self::default() }
    }

    fn complete(&mut self, _: &str) {}

    fn created(&self) -> Option<Nanos> {
        self.created.into()
    }

    fn dismiss(&mut self) -> bool {
        true
    }
}

impl Told {
    fn remember(&mut self, meta: &ObjectMeta<'_>, is_root: bool) {
        self.created = meta.created.second().into();
        let adoptable = is_root && meta.kind == ADOPTABLE;
        if adoptable || self.is_adoptable() {
            self.more.get_or_insert_default().adoptable = adoptable;
        }
        let dated = is_root && meta.generation > 0;
        if !dated && meta.scale_target.is_none() {
            return;
        }
        let more = self.more.get_or_insert_default();
        if dated {
            more.changes.apply(meta, |opened| Dated {
                generation: opened.generation,
                since: opened.at.into(),
                autoscaled: opened.entry.is_some_and(is_autoscaler),
            });
        }
        let target = meta.scale_target.as_ref();
        more.scales = target.map(|(kind, name)| Box::new(((**kind).into(), (**name).into())));
    }

    /// It has no owner, but may be given one.
    pub fn is_adoptable(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.adoptable)
    }

    /// An Event of this root happened at `at`.
    pub fn happened(&mut self, at: Nanos, idle: Nanos) {
        let Some(more) = &mut self.more else { return };
        let burst = match more.burst.as_deref() {
            Some(&(first, last)) if at <= last.saturating_add(idle) => (first, last.max(at)),
            _ => (at, at),
        };
        **more.burst.get_or_insert_default() = burst;
    }

    /// The newest generation known has no time: it is made no later than `at`.
    fn made_by(&mut self, at: Nanos) {
        let list = self.more.as_mut().map_or(&mut [][..], |more| more.changes.list_mut());
        if let Some(newest) = list.last_mut() {
            newest.since = newest.since().or(Some(at)).into();
        }
    }

    /// The generation whose trace has what happens at `at`: the newest not after it, those without a
    /// time following the one before them; but an autoscaler's, made while the root was busy, is
    /// a part of the trace of the one before.
    fn generation_at(&self, at: Nanos) -> i64 {
        let Some(more) = &self.more else { return 0 };
        let list = more.changes.list();
        let made = |change: &Dated| change.since().is_some_and(|since| since <= at);
        let dated = list.iter().rposition(made).unwrap_or(0);
        let untimed = list.iter().skip(dated + 1).take_while(|change| change.since().is_none());
        let newest = (dated + untimed.count()).min(list.len().saturating_sub(1));
        let is_part = |change: &Dated| {
            let busy =
                more.burst.as_ref().is_some_and(|burst| burst.0 < change.since().unwrap_or(at));
            change.autoscaled && busy
        };
        let own = (1..=newest).rfind(|&index| !is_part(&list[index])).unwrap_or(0);
        list.get(own).map_or(0, |change| change.generation)
    }
}

/// When trouble of a node was last told to begin and what told it first, by the key of its name and
/// the phase.
#[derive(Default, Serialize, Deserialize)]
pub struct TroublesBegun(
    #[serde(with = "crate::stored::sorted")] FxHashMap<(u64, u8), (Nanos, SpanContext)>,
);

impl Core {
    /// Remembers what links to this object, or to what it scales, will need.
    pub fn remember(&mut self, id: ObjectId, meta: &ObjectMeta<'_>) {
        let is_root = self.root_of(id).id == id;
        self.owners[id].remember(meta, is_root);
    }

    /// The links of an Event about this object, and what the other sides are told.
    pub fn link(
        &mut self,
        about: ObjectId,
        event: &KubeEvent<'_>,
        found: &RuleMatch<'_>,
        at: Nanos,
    ) -> Vec<ToldLink> {
        if found.rule.trouble {
            self.tell_trouble(about, event, found, at);
        }
        let namespace = &*event.regarding.namespace;
        let mut links = Vec::new();
        for link in found.linked() {
            match link {
                Link::Node => {}
                Link::Related => links.extend(self.link_related(about, event, found, at)),
                Link::Target => {
                    let more = self.owners[about].more.as_ref();
                    let scales = more.and_then(|more| more.scales.clone());
                    links.extend(scales.map(|scaled| {
                        let (kind, name) = *scaled;
                        let named = scoped_name(EVERYWHERE, &kind, namespace, &name);
                        if let Some(id) = self.owners.known_named(named, at) {
                            self.owners[id].made_by(at);
                        }
                        (LinkKind::Target, self.context_of(None, (&kind, namespace, &name), at))
                    }));
                }
                Link::Named(kind, namespace, name) => {
                    links.push((
                        LinkKind::Names,
                        self.context_of(None, (kind, namespace, name), at),
                    ));
                }
            }
        }
        links
    }

    /// The related object is told by its uid, there or in the message, else by its name.
    fn link_related(
        &mut self,
        about: ObjectId,
        event: &KubeEvent<'_>,
        found: &RuleMatch<'_>,
        at: Nanos,
    ) -> Option<ToldLink> {
        let ObjectRef { uid, kind, namespace, name, .. } =
            event.related.clone().unwrap_or_default();
        let uid = Some(&*uid).filter(|uid| !uid.is_empty()).or(found.capture("related"));
        let known = match uid {
            Some(uid) => self.owners.find(object_key(uid)),
            None => self.owners.known_named(scoped_name(EVERYWHERE, &kind, &namespace, &name), at),
        };
        if let Some(key) = known.map(|id| self.owners.key(id)).or(uid.map(object_key)) {
            let regarding = &event.regarding;
            let named = (&*regarding.kind, &*regarding.namespace, &*regarding.name);
            let here = self.context_of(Some(about), named, at);
            let root = known.map_or(key, |id| self.root_of(id).key);
            let record = Record::Link { root, about: key, at, link: (LinkKind::Related, here) };
            self.write(self.shard_for(root), &record);
        }
        let there = match (known, uid) {
            // A uid in a message that nobody knows is no object.
            (None, _) if kind.is_empty() => return None,
            (None, Some(uid)) => SpanContext::from(&Key::generation(uid, 0)),
            _ => self.context_of(known, (&kind, &namespace, &name), at),
        };
        Some((LinkKind::Related, there))
    }

    /// The root span of an object's root, as of `at`.
    fn context_of(
        &mut self,
        known: Option<ObjectId>,
        (kind, namespace, name): (&str, &str, &str),
        at: Nanos,
    ) -> SpanContext {
        let named = scoped_name(EVERYWHERE, kind, namespace, name);
        let known = known.or_else(|| self.owners.known_named(named, at));
        // Messages may tell whose it is.
        let heard_of = known.or_else(|| self.owners.unknown_in_order(named).first().copied());
        let root = heard_of.map(|id| self.root_of(id).id);
        let key = match root.filter(|&root| known.is_some() || Some(root) != heard_of) {
            Some(root) => Key::generation(&self.uid_of(root), self.owners[root].generation_at(at)),
            None => Key::generation(&self.owners.standin(kind, namespace, name), 0),
        };
        SpanContext::from(&key)
    }

    /// The object's uid, or what stands for it.
    fn uid_of(&self, id: ObjectId) -> String {
        let standin = self.owners[id].more.as_ref().and_then(|more| more.standin.as_deref());
        standin.map_or_else(|| uuid_text(self.owners.key(id)), String::from)
    }

    /// Trouble of a node begins or ends: pods in all shards may point to it.
    fn tell_trouble(
        &mut self,
        node: ObjectId,
        event: &KubeEvent<'_>,
        found: &RuleMatch<'_>,
        at: Nanos,
    ) {
        let key = name_key("Node", "", &event.regarding.name);
        let mut told = Vec::new();
        for phase in found.rule.ends {
            if self.troubles.0.remove(&(key, phase.0)).is_some() {
                told.push(Trouble { node: key, phase: *phase, at, began: None });
            }
        }
        if let Some(phase) = found.rule.begins {
            if self.troubles.0.len() >= TROUBLED_NODES_MAX {
                self.troubles.0.clear();
            }
            let trace = Key::opened(&self.uid_of(node), 0, &event.uid, event.count()).trace_id();
            let span = event_span_id(&event.uid, event.count());
            // What is told again while it goes on opens no other trace.
            let goes_on = |(last, _): &&(Nanos, SpanContext)| at - last <= found.rule.timeout;
            let first = self.troubles.0.get(&(key, phase.0)).filter(goes_on);
            let told_by = first.map_or(SpanContext { trace, span }, |(_, first)| *first);
            self.troubles.0.insert((key, phase.0), (at, told_by));
            told.push(Trouble { node: key, phase, at, began: Some(told_by) });
        }
        for trouble in told {
            for shard in 0..self.batches.len() {
                self.write(shard, &Record::Trouble(trouble));
            }
        }
    }
}
