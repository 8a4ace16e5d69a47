//! Which parent an occurrence has: the five steps to it, and which change it belongs
//! to.
//!
//! In go an occurrence, its object's path and what its root knows; out comes the span it hangs
//! under and the evidence for it, or the time to wait for. An occurrence that names some other
//! object is never a parent.

use crate::change::Change;
use crate::changes::Logged;
use crate::encode::Evidence;
use crate::links::SpanContext;
use crate::namings::Naming;
use crate::objects::{ObjectDetail, end_of};
use crate::owners::{Detail, ObjectId, OwnerIndex, Scope, in_scope};
use crate::pending::Pending;
use crate::place::{Wait, World};
use crate::root::{Place, Root};
use crate::rules::Direction;
use crate::time::{Nanos, SECOND};
use crate::trace::{Subject, Trace};

/// Who caused an occurrence.
struct Cause {
    place: Place,
    time: Nanos,
    slack: Nanos,
    evidence: Evidence,
}

/// Where an occurrence hangs.
pub struct Parent {
    /// The span it hangs under.
    pub place: Place,
    /// Why.
    pub evidence: Evidence,
    /// Time and slack of the cause that stands there, when it is later than its effect.
    pub later: Option<(Nanos, Nanos)>,
    /// The span that it hung under, were that trace not too old or too large.
    pub left: Option<SpanContext>,
}

impl Parent {
    /// A parent that is no later than its child.
    pub fn new(place: Place, evidence: Evidence) -> Self {
        Self { place, evidence, later: None, left: None }
    }
}

impl World {
    /// The parent of an occurrence that is no root. `certain`: nothing is waited for.
    ///
    /// # Errors
    /// Until when to wait.
    pub fn parent(
        &mut self,
        root: &mut Root,
        pending: &Pending,
        path: &[ObjectId],
        certain: bool,
    ) -> Result<Parent, Wait> {
        let mut direction = pending.direction();
        if let Some(cause) = self.cause(root, pending, path, direction, certain)? {
            return Ok(cause.into_parent(pending));
        }
        if pending.rule.termination {
            let about = &self.objects[path[0]];
            let of_itself = pending.rule.names.is_empty();
            if of_itself && !about.is_going(pending.order.time) {
                direction = Direction::Up;
                if let Some(cause) = self.cause(root, pending, path, direction, certain)? {
                    return Ok(cause.into_parent(pending));
                }
            } else if let Some(place) = self.owner_named(root, pending, path, direction) {
                return Ok(Parent::new(place, Evidence::Owner));
            } else if let Some(place) = self.beside_others(root, pending, path) {
                return Ok(Parent::new(place, Evidence::Owner));
            } else if let Some(place) = self.deletion(root, pending, path) {
                return Ok(Parent::new(place, Evidence::Deletion));
            }
        }
        let (place, evidence) = match self.owner_named(root, pending, path, direction) {
            Some(place) => (place, Evidence::Owner),
            None => (self.change_trace(root, pending, path), Evidence::Root),
        };
        if pending.rule.termination && direction == Direction::Down {
            return Ok(Parent::new(place, evidence));
        }
        Ok(self.under_creation(root, pending, path, place, evidence))
    }

    /// The occurrence that names this one's object: the latest before it, else the first one after
    /// it that is near enough.
    fn cause(
        &mut self,
        root: &mut Root,
        pending: &Pending,
        path: &[ObjectId],
        direction: Direction,
        certain: bool,
    ) -> Result<Option<Cause>, Wait> {
        let at = pending.order.time;
        let live = |place: Place, slack| root.trace(place.trace).is_live(at, pending.late, slack);
        let of_object = |naming: &&Naming| {
            naming.direction == direction
                && naming.order != pending.order
                && self.names_object(root.scope, naming, pending.about)
        };
        let namings = root.namings.of(pending.about_name).filter(of_object);
        // One that is still queued comes first when this one is placed ahead of its turn.
        let usable = |naming: &&Naming| match naming.place {
            Some(place) => live(place, naming.slack),
            None => !pending.late && root.queue.get(naming.order).is_some(),
        };
        let before = namings.clone().filter(|naming| naming.order < pending.order);
        if let Some(naming) = before.filter(usable).max_by_key(|naming| naming.order).cloned() {
            return self.placed_cause(root, pending, &naming, certain);
        }
        let reach =
            |naming: &Naming| at.saturating_add(naming.slack).saturating_add(pending.skew());
        // What nobody waits for would be found only if it happened to be there.
        let awaited = !pending.late && self.can_be_named(root.scope, path, direction);
        let after = namings
            .filter(|_| pending.late || awaited)
            .filter(|naming| naming.order > pending.order && naming.order.time <= reach(naming))
            .filter(usable)
            .min_by_key(|naming| naming.order)
            .cloned();
        if awaited && !certain {
            let horizon =
                at.saturating_add(self.settings.rules.slack_max()).saturating_add(pending.skew());
            let until = after.as_ref().map_or(horizon, |naming| naming.order.time);
            let names_it = |vague: &&Pending| vague.names_of(pending.about_name, direction);
            let vague = root.queue.vague(until).filter(names_it);
            let until = vague.map(|vague| vague.order.time).fold(until, Nanos::max);
            if until >= self.watermark {
                return Err(Wait(until));
            }
        }
        match after {
            Some(naming) => self.placed_cause(root, pending, &naming, certain),
            None => Ok(None),
        }
    }

    /// A cause has to have a span before its effect can hang under it.
    fn placed_cause(
        &mut self,
        root: &mut Root,
        pending: &Pending,
        naming: &Naming,
        certain: bool,
    ) -> Result<Option<Cause>, Wait> {
        if naming.place.is_none() {
            // What is known to the second only may belong ahead of the cause.
            let second = root.queue.first_vague_second();
            if let Some(second) = second.filter(|&second| second <= naming.order.time && !certain) {
                return Err(Wait(end_of(second)));
            }
            self.try_place(root, naming.order, certain)?;
        }
        let mut namings = root.namings.of(pending.about_name);
        Ok(namings
            .find(|other| other.order == naming.order)
            .and_then(|naming| Some(Cause::new(naming, naming.place?))))
    }

    /// The latest live occurrence that names the nearest owner.
    fn owner_named(
        &self,
        root: &Root,
        pending: &Pending,
        path: &[ObjectId],
        direction: Direction,
    ) -> Option<Place> {
        let owner = *path.get(1)?;
        let key = self.objects.key(owner);
        let namings = root.namings.of(self.objects[owner].name_in(root.scope));
        let at = pending.order.time;
        namings
            .filter(|naming| naming.direction == direction && naming.order < pending.order)
            .filter(|naming| self.names_object(root.scope, naming, key))
            .filter_map(|naming| Some((naming, naming.place?)))
            .filter(|(naming, place)| {
                root.trace(place.trace).is_live(at, pending.late, naming.slack)
            })
            .max_by_key(|(naming, _)| naming.order)
            .map(|(_, place)| place)
    }

    /// Where the end of another object of the same owner hangs, that the owner announced: recorders
    /// fold and drop such Events, so most of a large set end unannounced.
    fn beside_others(&self, root: &Root, pending: &Pending, path: &[ObjectId]) -> Option<Place> {
        let owner = self.objects.key(*path.get(1)?);
        let place = root.announced_end(owner, pending.order)?;
        let (at, slack) = (pending.order.time, pending.rule.slack);
        let live = |trace: &Trace| trace.is_live(at, pending.late, slack);
        let trace = root.trace(place.trace);
        if live(trace) {
            return Some(place);
        }
        let next = || root.home(trace.subject, |_, trace| live(trace));
        trace.left.then(next).flatten()
    }

    /// The trace of the highest deleted object's deletion.
    fn deletion(&mut self, root: &mut Root, pending: &Pending, path: &[ObjectId]) -> Option<Place> {
        let at = pending.order.time;
        let highest = path.iter().rposition(|&id| self.objects[id].is_going(at))?;
        let subject = Subject { object: self.objects.key(path[highest]), generation: None };
        let place = home(root, subject, pending);
        Some(place.unwrap_or_else(|| self.open(root, subject, &path[highest..], pending)))
    }

    /// The trace of the newest change on the path.
    fn change_trace(&mut self, root: &mut Root, pending: &Pending, path: &[ObjectId]) -> Place {
        let (from, change) = self.which_change(pending, path);
        let generation = change.as_ref().map_or(0, |change| change.generation);
        let object = self.objects.key(path[from]);
        let subject = Subject { object, generation: Some(generation) };
        if let Some(place) = home(root, subject, pending) {
            return creation_home(root, subject, pending).unwrap_or(place);
        }
        if let Some(change) = change.filter(|change| change.autoscaled)
            && let Some(before) = self.objects[path[from]].generation_before(generation)
            && let Some(place) = home(root, Subject { object, generation: Some(before) }, pending)
        {
            if pending.late {
                return place;
            }
            let under_root = Place { span: 0, ..place };
            let (place, ..) = self.within_limits(root, pending, under_root, Evidence::Root);
            return self.scale_span(root, place.trace, &change, &path[from..], pending);
        }
        self.open(root, subject, &path[from..], pending)
    }

    /// Whose change it was: where on the path, and the change if it is known.
    pub fn which_change(&self, pending: &Pending, path: &[ObjectId]) -> (usize, Option<Change>) {
        let at = pending.order.time;
        let top = path.len() - 1;
        let mut best: Option<(usize, &Change, Nanos)> = None;
        for (index, &id) in path.iter().enumerate() {
            let version = pending.version.filter(|_| index == 0);
            let object = &self.objects[id];
            let change = if index == top {
                object.change_at(at, version).or_else(|| object.oldest_change())
            } else {
                object.foreign_change_at(at, version)
            };
            let Some(change) = change else { continue };
            // A change without a time that this occurrence is known to follow is as new as can be.
            let since = change.since().unwrap_or(if version.is_some() { at } else { Nanos::MIN });
            if best.is_none_or(|(.., newest)| since >= newest) {
                best = Some((index, change, since));
            }
        }
        best.map_or((top, None), |(index, change, _)| (index, Some(change.clone())))
    }

    /// Whether some row could name this object in this direction.
    fn can_be_named(&self, scope: Scope, path: &[ObjectId], direction: Direction) -> bool {
        let id = path[0];
        let created_by_other = self.objects.has_owner(scope, id) || !self.objects.has_metadata(id);
        self.settings.rules.nameable(self.objects[id].kind())
            && (direction == Direction::Down || created_by_other)
    }

    /// Whether an occurrence names the object with this key.
    pub fn names_object(&self, scope: Scope, naming: &Naming, object: u128) -> bool {
        let named = match (naming.named.object, naming.place) {
            (Some(named), _) => Some(named),
            (None, Some(_)) => None,
            (None, None) => {
                object_named(&self.objects, naming.named.name, naming.direction, naming.order.time)
            }
        };
        // A root's reference may mean an object that was told to all roots.
        named.is_none_or(|named| named == object || in_scope(scope, named) == object)
    }
}

impl Cause {
    fn new(naming: &Naming, place: Place) -> Self {
        let related = naming.named.related;
        Self {
            place,
            time: naming.order.time,
            slack: naming.slack,
            evidence: if related { Evidence::Related } else { Evidence::Rule },
        }
    }

    fn into_parent(self, pending: &Pending) -> Parent {
        let later = (self.time > pending.order.time).then_some((self.time, self.slack));
        Parent { later, ..Parent::new(self.place, self.evidence) }
    }
}

/// The root of the trace of this change that has the span of the object's creation: it stays
/// with it when newer traces of the change are open.
fn creation_home(root: &Root, subject: Subject, pending: &Pending) -> Option<Place> {
    let (at, slack) = (pending.order.time, pending.rule.slack);
    root.home(subject, |_, trace| {
        trace.created.contains_key(&pending.about) && trace.is_live(at, pending.late, slack)
    })
}

fn home(root: &Root, subject: Subject, pending: &Pending) -> Option<Place> {
    let (at, slack) = (pending.order.time, pending.rule.slack);
    root.home(subject, |_, trace| trace.is_live(at, pending.late, slack))
}

/// Which object a name means: for a creation the one created nearest to it, for a termination the
/// newest that is going, else the oldest alive. `None`: no metadata tells.
pub fn object_named(
    objects: &OwnerIndex<ObjectDetail>,
    name: u64,
    direction: Direction,
    at: Nanos,
) -> Option<u128> {
    // Creations are known to the second: so is what is nearest to them.
    let at = at - at.rem_euclid(SECOND);
    let known = objects.ids_named(name).filter(|&id| objects.has_metadata(id));
    let created = |id: ObjectId| objects[id].created().unwrap_or(Nanos::MIN);
    let going = |id: ObjectId| objects[id].deleting || objects[id].deleted_at().is_some();
    let chosen = match direction {
        Direction::Up => known.min_by(|&a, &b| {
            let nearness = |id: ObjectId| created(id).abs_diff(at);
            let uid = |id: ObjectId| objects[id].uid();
            nearness(a).cmp(&nearness(b)).then_with(|| uid(a).cmp(&uid(b)))
        }),
        Direction::Down => known.min_by_key(|&id| {
            let age = if going(id) { created(id).saturating_neg() } else { created(id) };
            (!going(id), age, objects.key(id))
        }),
    };
    chosen.map(|id| objects.key(id))
}
