//! Spans as OTLP fields: which attribute carries what.
//!
//! In go Events, objects and changes, out come encoded span bodies and resources. An Event's own
//! fields are encoded once, when it arrives; what depends on its place is added when it is placed.

use std::borrow::Cow;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::event::KubeEvent;
use crate::limits::{RESOURCES_MAX, Settings};
use crate::links::SpanLink;
use crate::objects::ObjectDetail;
use crate::otlp::{SpanWriter, resource_bytes};
use crate::owners::{ObjectId, OwnerIndex};
use crate::pending::{Pending, container_of};
use crate::time::format_rfc3339;

/// Why a span hangs where it hangs (`kspan.edge.evidence`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// An occurrence names the object in its message.
    Rule,
    /// An occurrence names the object by `related`.
    Related,
    /// An occurrence names the object's owner.
    Owner,
    /// Nothing better than the change.
    Root,
    /// The object was deleted, and nobody named it.
    Deletion,
}

impl Evidence {
    fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Related => "related",
            Self::Owner => "owner",
            Self::Root => "root",
            Self::Deletion => "deletion",
        }
    }
}

/// Where a span stands: its ids and what its edge rests on.
#[derive(Clone, Copy)]
pub struct Position {
    /// OpenTelemetry's trace id.
    pub trace: [u8; 16],
    /// OpenTelemetry's span id.
    pub span: [u8; 8],
    /// Parent span and evidence; `None`: the root.
    pub parent: Option<([u8; 8], Evidence)>,
}

/// A span that stands for no occurrence.
pub struct Synthetic<'a> {
    /// What follows the kind in its name: `Create`, `Delete`, `Activity`.
    pub operation: &'a str,
    /// metadata.generation it stands for, where there is one.
    pub generation: i64,
    /// The change it stands for; only roots tell its time.
    pub change: Option<&'a Change>,
}

/// Encodes spans and shares their resources.
#[derive(Serialize, Deserialize)]
pub struct SpanEncoder {
    cluster_name: String,
    service_name: String,
    cluster_uid: String,
    /// Made anew when needed.
    /// By component and instance.
    #[serde(skip)]
    resources: FxHashMap<String, FxHashMap<String, Rc<[u8]>>>,
    #[serde(skip)]
    resources_held: usize,
}

impl SpanEncoder {
    /// An encoder for one engine's settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            cluster_name: settings.cluster_name.clone(),
            service_name: settings.service_name.clone(),
            cluster_uid: String::new(),
            resources: FxHashMap::default(),
            resources_held: 0,
        }
    }

    /// The uid of kube-system was seen: all spans from now on carry it.
    pub fn set_cluster_uid(&mut self, uid: &str) {
        uid.clone_into(&mut self.cluster_uid);
        self.resources.clear();
        self.resources_held = 0;
    }

    /// The resource of a reporter.
    pub fn resource(&mut self, component: &str, instance: &str) -> Rc<[u8]> {
        let component = if component.is_empty() { "unknown" } else { component };
        let known = self.resources.get(component).and_then(|known| known.get(instance));
        if let Some(resource) = known {
            return Rc::clone(resource);
        }
        if self.resources_held >= RESOURCES_MAX {
            self.resources.clear();
            self.resources_held = 0;
        }
        let service = if self.service_name.is_empty() { component } else { &self.service_name };
        let attributes = [
            ("service.name", service),
            ("service.instance.id", instance),
            ("k8s.cluster.name", &self.cluster_name),
            ("k8s.cluster.uid", &self.cluster_uid),
        ];
        let given: Vec<_> = attributes.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let resource = resource_bytes(&given);
        let known = self.resources.entry(component.to_owned()).or_default();
        known.insert(instance.to_owned(), Rc::clone(&resource));
        self.resources_held += 1;
        resource
    }

    /// The fields of an Event's span that do not depend on its place.
    pub fn event_fields(&self, event: &KubeEvent<'_>) -> Box<[u8]> {
        let regarding = &event.regarding;
        let mut span = SpanWriter::with_room(EVENT_BYTES + event.message.len());
        span.name(&[&*regarding.kind, ".", &*event.reason].concat());
        if !matches!(&*event.event_type, "Normal" | "") {
            span.status_error(&event.message);
        }
        text(&mut span, NAMESPACE_NAME, &regarding.namespace);
        text(&mut span, "k8s.container.name", container_of(&regarding.field_path).unwrap_or(""));
        text(&mut span, "k8s.object.kind", &regarding.kind);
        text(&mut span, "k8s.object.name", &regarding.name);
        text(&mut span, "k8s.object.api_version", &regarding.api_version);
        text(&mut span, "k8s.object.fieldpath", &regarding.field_path);
        text(&mut span, "k8s.object.resource_version", &regarding.resource_version);
        text(&mut span, "k8s.event.uid", &event.uid);
        text(&mut span, "k8s.event.name", &event.name);
        text(&mut span, "k8s.event.reason", &event.reason);
        text(&mut span, "k8s.event.action", &event.action);
        text(&mut span, "k8s.event.message", &event.message);
        text(&mut span, "k8s.event.type", &event.event_type);
        if event.series.is_some() || event.plain_count.is_some() {
            span.attr_int("k8s.event.count", i64::try_from(event.count()).unwrap_or(i64::MAX));
        }
        if !self.service_name.is_empty() {
            text(&mut span, "kspan.component", &event.component);
        }
        span.into_bytes()
    }

    /// The whole span of an occurrence but its start and end. `raw`: it was moved.
    pub fn occurrence(
        pending: &Pending,
        at: Position,
        objects: &OwnerIndex<ObjectDetail>,
        path: &[ObjectId],
        raw: bool,
        links: &[SpanLink],
    ) -> Box<[u8]> {
        let mut span = SpanWriter::with_room(PLACE_BYTES + pending.fields.len());
        position(&mut span, at);
        write_links(&mut span, links);
        let has_node = path_attributes(&mut span, objects, path);
        if let Some(node) = pending.node.as_deref().filter(|_| !has_node) {
            text(&mut span, NODE_NAME, node);
        }
        let about = &objects[path[0]];
        text(&mut span, "k8s.object.uid", &known_uid(about));
        let generation = about.generation_at(pending.order.time, pending.version);
        if generation > 0 {
            span.attr_int("k8s.object.generation", generation);
        }
        if pending.late {
            span.attr_bool("kspan.late", true);
        }
        if raw {
            text(&mut span, "kspan.time.raw", &format_rfc3339(pending.order.time));
        }
        span.append(&pending.fields);
        span.into_bytes()
    }

    /// The whole span of a synthetic one but its start and end; `path` begins at its object.
    pub fn synthetic(
        synthetic: &Synthetic<'_>,
        at: Position,
        objects: &OwnerIndex<ObjectDetail>,
        path: &[ObjectId],
        links: &[SpanLink],
    ) -> Box<[u8]> {
        let object = &objects[path[0]];
        let mut span = SpanWriter::with_room(PLACE_BYTES);
        position(&mut span, at);
        write_links(&mut span, links);
        span.name(&format!("{}.{}", object.kind(), synthetic.operation));
        text(&mut span, NAMESPACE_NAME, object.namespace());
        path_attributes(&mut span, objects, path);
        text(&mut span, "k8s.object.kind", object.kind());
        text(&mut span, "k8s.object.name", &object.name);
        text(&mut span, "k8s.object.uid", &known_uid(object));
        text(&mut span, "k8s.object.api_version", object.api_version());
        if synthetic.generation > 0 {
            span.attr_int("k8s.object.generation", synthetic.generation);
        }
        if at.parent.is_none() {
            if let Some(changed) = synthetic.change.and_then(Change::at) {
                text(&mut span, "kspan.change.time", &format_rfc3339(changed));
            }
            if !objects.has_metadata(path[0]) {
                span.attr_bool("kspan.root.assumed", true);
            }
        }
        span.into_bytes()
    }
}

/// What most Events' own fields take at most, beside the message.
const EVENT_BYTES: usize = 640;
/// What most spans' places take at most.
const PLACE_BYTES: usize = 640;

/// Empty when only a stand-in is known.
fn known_uid(object: &ObjectDetail) -> Cow<'_, str> {
    if object.uid_known { object.uid() } else { "".into() }
}

fn position(span: &mut SpanWriter, at: Position) {
    span.trace_id(&at.trace);
    span.span_id(&at.span);
    if let Some((parent, evidence)) = at.parent {
        span.parent(&parent);
        text(span, "kspan.edge.evidence", evidence.name());
    }
}

fn write_links(span: &mut SpanWriter, links: &[SpanLink]) {
    for SpanLink { kind, to, object } in links {
        let (of, namespace, name) =
            object.as_ref().map_or(("", "", ""), |of| (&*of.kind, &*of.namespace, &*of.name));
        let attributes = [
            ("kspan.link.kind", kind.name()),
            ("k8s.object.kind", of),
            (NAMESPACE_NAME, namespace),
            ("k8s.object.name", name),
        ];
        span.link(*to, &attributes);
    }
}

/// Names and uids of all objects on the path; the nearest of a kind counts. Whether a Node is one
/// of them.
fn path_attributes(
    span: &mut SpanWriter,
    objects: &OwnerIndex<ObjectDetail>,
    path: &[ObjectId],
) -> bool {
    let mut given = [false; KINDS.len()];
    let mut has_node = false;
    for &id in path {
        let object = &objects[id];
        let Some(index) = KINDS.iter().position(|(kind, ..)| *kind == object.kind()) else {
            continue;
        };
        if std::mem::replace(&mut given[index], true) {
            continue;
        }
        let (_, name, uid) = KINDS[index];
        text(span, name, &object.name);
        text(span, uid, &known_uid(object));
        has_node |= name == NODE_NAME;
    }
    has_node
}

/// Kinds that semantic conventions have attributes for: kind, name and uid (OpenTelemetry semantic
/// conventions 1.44.0, model/k8s/registry.yaml).
const KINDS: &[(&str, &str, &str)] = &[
    ("Pod", "k8s.pod.name", "k8s.pod.uid"),
    ("ReplicaSet", "k8s.replicaset.name", "k8s.replicaset.uid"),
    ("Deployment", "k8s.deployment.name", "k8s.deployment.uid"),
    ("StatefulSet", "k8s.statefulset.name", "k8s.statefulset.uid"),
    ("DaemonSet", "k8s.daemonset.name", "k8s.daemonset.uid"),
    ("Job", "k8s.job.name", "k8s.job.uid"),
    ("CronJob", "k8s.cronjob.name", "k8s.cronjob.uid"),
    ("Node", NODE_NAME, "k8s.node.uid"),
    ("ReplicationController", "k8s.replicationcontroller.name", "k8s.replicationcontroller.uid"),
    ("HorizontalPodAutoscaler", "k8s.hpa.name", "k8s.hpa.uid"),
    ("Service", "k8s.service.name", "k8s.service.uid"),
    ("PersistentVolume", "k8s.persistentvolume.name", "k8s.persistentvolume.uid"),
    ("PersistentVolumeClaim", "k8s.persistentvolumeclaim.name", "k8s.persistentvolumeclaim.uid"),
    ("StorageClass", "k8s.storageclass.name", "k8s.storageclass.uid"),
    ("ResourceQuota", "k8s.resourcequota.name", "k8s.resourcequota.uid"),
];
const NODE_NAME: &str = "k8s.node.name";
/// The namespace of a span's object; a cluster-scoped one has none.
pub const NAMESPACE_NAME: &str = "k8s.namespace.name";

/// Absent values are left out.
fn text(span: &mut SpanWriter, key: &str, value: &str) {
    if !value.is_empty() {
        span.attr_str(key, value);
    }
}
