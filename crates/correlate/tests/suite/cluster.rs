//! A made-up cluster, from a seed: streams that no one would write by hand.

use std::fmt::Write;

use correlate::time::{Nanos, SECOND, format_rfc3339};

use crate::messages::message;
use crate::random::Random;

/// 2026-03-01T10:00:00Z
const BEGIN: Nanos = 1_772_359_200 * SECOND;
const MILLISECOND: Nanos = 1_000_000;

#[derive(Clone)]
struct Object {
    kind: &'static str,
    name: String,
    owner: Option<usize>,
    generation: u32,
    created: Nanos,
    changed: Nanos,
    deleting: bool,
    gone: Option<Nanos>,
    managed: bool,
}

/// What makes an Event again, with a higher count.
struct Event {
    about: usize,
    /// Its JSON up to the resourceVersion.
    json: String,
    count: u64,
    made: Nanos,
}

/// What a reader of the cluster gets to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Metadata of every object before its first Event.
    Whole,
    /// Metadata of some objects, at any time.
    Some,
    /// Events alone.
    Events,
}

/// Frames of a cluster in which anything may happen in any order, one a line.
pub fn stream(seed: u64, frames: usize, view: View) -> String {
    let mut cluster = Cluster {
        random: Random(seed),
        now: BEGIN,
        version: 1000,
        objects: Vec::new(),
        events: Vec::new(),
        out: String::new(),
        view,
    };
    while cluster.out.lines().count() < frames {
        cluster.step();
    }
    cluster.out
}

struct Cluster {
    random: Random,
    now: Nanos,
    version: u64,
    objects: Vec<Object>,
    events: Vec<Event>,
    out: String,
    view: View,
}

const CHILDREN: [(&str, &str); 6] = [
    ("Deployment", "ReplicaSet"),
    ("ReplicaSet", "Pod"),
    ("StatefulSet", "Pod"),
    ("CronJob", "Job"),
    ("Job", "Pod"),
    ("Widget", "Deployment"),
];

impl Cluster {
    fn step(&mut self) {
        let pause = *self.random.pick(&[1, 5, 20, 300, 2000, 30_000, 150_000]);
        self.now += (self.random.below(pause) as Nanos + 1) * MILLISECOND;
        self.version += 1 + self.random.below(3);
        match self.random.below(10) {
            0 => self.create(),
            1 | 2 => self.change(),
            3 => self.repeat(),
            _ => self.occur(),
        }
    }

    fn create(&mut self) {
        let owners: Vec<_> =
            (0..self.objects.len()).filter(|&owner| !self.is_long_gone(owner)).collect();
        let owner =
            (!owners.is_empty() && self.random.chance(75)).then(|| *self.random.pick(&owners));
        let kind = match owner.map(|owner| self.objects[owner].kind) {
            Some(kind) => {
                CHILDREN.iter().find(|(above, _)| *above == kind).map_or("Pod", |pair| pair.1)
            }
            None => self.random.pick(&["Deployment", "StatefulSet", "CronJob", "Pod", "Widget"]),
        };
        // Some names come again, as a StatefulSet's do.
        let name = format!("{}-{}", kind.to_lowercase(), self.random.below(6));
        let (created, changed) = (self.now, self.now);
        let managed = self.random.chance(80);
        self.objects.push(Object {
            kind,
            name,
            owner,
            generation: 1,
            created,
            changed,
            deleting: false,
            gone: None,
            managed,
        });
        if self.view == View::Whole || self.random.chance(70) {
            self.tell(self.objects.len() - 1);
        }
    }

    fn change(&mut self) {
        if self.objects.is_empty() {
            return;
        }
        let index = self.random.below(self.objects.len() as u64) as usize;
        let (now, what) = (self.now, self.random.below(8));
        if self.objects[index].gone.is_some() || self.is_long_gone(index) {
            return;
        }
        let object = &mut self.objects[index];
        match what {
            0 => object.deleting = true,
            1 if object.deleting => object.gone = Some(now),
            2..=4 => (object.generation, object.changed) = (object.generation + 1, now),
            _ => {}
        }
        self.tell(index);
    }

    fn uid(index: usize) -> String {
        format!("00000000-0000-4000-8000-{:012x}", index * 7919)
    }

    fn tell(&mut self, index: usize) {
        if self.view == View::Events {
            return;
        }
        let Object { kind, name, owner, generation, created, changed, deleting, gone, managed } =
            self.objects[index].clone();
        let frame_type = if gone.is_some() { "DELETED" } else { "MODIFIED" };
        let (version, uid) = (self.version, Self::uid(index));
        let mut metadata = format!(
            r#""name":"{name}","namespace":"n","uid":"{uid}","resourceVersion":"{version}","creationTimestamp":"{}""#,
            second(created)
        );
        if !matches!(kind, "Pod" | "Job") {
            write!(metadata, r#","generation":{generation}"#).expect("a String takes all");
        }
        if deleting {
            write!(metadata, r#","deletionTimestamp":"{}""#, second(self.now))
                .expect("a String takes all");
        }
        if let Some(owner) = owner {
            let (above, uid) = (&self.objects[owner], Self::uid(owner));
            write!(
                metadata,
                r#","ownerReferences":[{{"apiVersion":"v1","kind":"{}","name":"{}","uid":"{uid}","controller":true}}]"#,
                above.kind, above.name
            )
            .expect("a String takes all");
        }
        if managed {
            let manager = self.random.pick(&["kubectl", "controller", "helm"]);
            let subresource = self.random.pick(&["", "", r#","subresource":"scale""#]);
            write!(
                metadata,
                r#","managedFields":[{{"manager":"{manager}","operation":"Update","time":"{}","fieldsV1":{{"f:spec":{{"f:{generation}":{{}}}}}}{subresource}}}]"#,
                second(changed)
            )
            .expect("a String takes all");
        }
        let object =
            format!(r#"{{"kind":"{kind}","apiVersion":"apps/v1","metadata":{{{metadata}}}}}"#);
        self.frame(frame_type, &object);
    }

    fn occur(&mut self) {
        if self.objects.is_empty() {
            return;
        }
        let index = self.random.below(self.objects.len() as u64) as usize;
        if self.is_long_gone(index) {
            return;
        }
        let kind = self.objects[index].kind;
        let other = self.random.pick(&self.objects).name.clone();
        let what = self.random.below(8);
        let (component, reason, message) = message(kind, what, &other);
        self.event(index, component, reason, &message);
    }

    /// Nothing is written about an object that has been gone for long, or whose owner has.
    fn is_long_gone(&self, index: usize) -> bool {
        let Object { gone, owner, .. } = self.objects[index];
        gone.is_some_and(|gone| self.now - gone > 300 * SECOND)
            || owner.is_some_and(|owner| self.is_long_gone(owner))
    }

    fn event(&mut self, index: usize, component: &str, reason: &str, message: &str) {
        let Object { kind, name, .. } = self.objects[index].clone();
        let back = *self.random.pick(&[1, 10, 1000, 3000, 20_000]);
        let at = self.now - self.random.below(back) as Nanos * MILLISECOND;
        let time = match self.random.below(3) {
            0 => format!(r#""eventTime":"{}""#, format_rfc3339(at - at % 1000)),
            _ => format!(r#""firstTimestamp":"{}""#, second(at)),
        };
        let suffix = if self.random.chance(60) { format!("{at:016x}") } else { "x".into() };
        let uid = format!("event-{}", self.events.len());
        let about = if self.random.chance(90) { Self::uid(index) } else { String::new() };
        let field = if component == "kubelet" { "spec.containers{c}" } else { "" };
        let top = self.random.pick(&[
            "{}",
            "{}",
            "{}",
            "{}",
            "{}",
            "{}",
            "{}",
            "{}",
            r#"{"topLevelSpan":"true"}"#,
        ]);
        let event = format!(
            r#""apiVersion":"v1","kind":"Event","involvedObject":{{"kind":"{kind}","namespace":"n","name":"{name}","uid":"{about}","resourceVersion":"{}","fieldPath":"{field}"}},"reason":"{reason}","message":"{message}","type":"Normal","source":{{"component":"{component}"}},{time},"metadata":{{"name":"{name}.{suffix}","namespace":"n","uid":"{uid}","creationTimestamp":"{}","annotations":{top},"resourceVersion":"#,
            self.version - self.random.below(50),
            second(at),
        );
        self.events.push(Event { about: index, json: event, count: 0, made: self.now });
        self.count(self.events.len() - 1, at);
    }

    fn repeat(&mut self) {
        if self.events.is_empty() {
            return;
        }
        let index = self.random.below(self.events.len() as u64) as usize;
        // The API server keeps Events for an hour.
        let Event { about, made, .. } = self.events[index];
        if self.is_long_gone(about) || self.now - made > 3600 * SECOND {
            return;
        }
        let at = self.now - self.random.below(2000) as Nanos * MILLISECOND;
        self.count(index, at);
    }

    /// One more occurrence, or a duplicate of the last.
    fn count(&mut self, index: usize, last: Nanos) {
        let more = u64::from(self.events[index].count == 0 || self.random.chance(80));
        self.events[index].count += more;
        let Event { json, count, .. } = &self.events[index];
        let object = format!(
            r#"{{{json}"{}"}},"count":{count},"lastTimestamp":"{}"}}"#,
            self.version,
            second(last)
        );
        self.frame("ADDED", &object);
    }

    fn frame(&mut self, frame_type: &str, object: &str) {
        let at = format_rfc3339(self.now);
        writeln!(self.out, r#"{{"type":"{frame_type}","object":{object},"receivedAt":"{at}"}}"#)
            .expect("a String takes all");
    }
}

fn second(at: Nanos) -> String {
    format_rfc3339(at - at.rem_euclid(SECOND))
}
