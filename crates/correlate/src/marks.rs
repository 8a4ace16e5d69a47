//! Marks that others leave on an object: who applied it, and the trace that it belongs to.
//!
//! In go labels and annotations as JSON, out comes what spans link to. Most objects have no marks,
//! so a search for their keys comes before any reading.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

use crate::json::{Kind, Scanner};
use crate::links::{NamedObject, SpanContext};
use crate::meta::ObjectMeta;

/// Annotations that hold a trace context, the first that is valid counts: KEP-5915, Keptn, Tekton,
/// Argo Workflows.
pub const TRACEPARENT_ANNOTATIONS: [&str; 6] = [
    "tracing.k8s.io/traceparent",
    "traceparent",
    "tekton.dev/pipelinerunSpanContext",
    "tekton.dev/taskrunSpanContext",
    "tekton.dev/customrunSpanContext",
    "workflows.argoproj.io/trace-id",
];

/// Group and kind of what applies other objects.
pub const APPLIERS: [(&str, &str); 3] = [
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("argoproj.io", "Application"),
];

/// What the keys of marks have in common.
const OWN_NEEDLES: [&str; 3] = ["toolkit.fluxcd.io/", "argocd.argoproj.io/", "meta.helm.sh/"];
/// The namespace of Argo CD's Applications when a tracking id names none.
const ARGO_CD_NAMESPACE: &str = "argocd";

/// What labels and annotations say of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The object that applied it: a Kustomization, a `HelmRelease`, an Application, a Release.
    pub applied_by: Option<NamedObject>,
    /// The span that it belongs to.
    pub traceparent: Option<SpanContext>,
}

/// The annotations that hold trace contexts, the first that is valid counts.
#[derive(Clone, Debug)]
pub struct TraceparentKeys {
    names: Vec<String>,
    finders: Vec<Finder<'static>>,
}

impl From<Vec<String>> for TraceparentKeys {
    fn from(names: Vec<String>) -> Self {
        let finders = names.iter().map(|name| Finder::new(name).into_owned()).collect();
        Self { names, finders }
    }
}

impl Default for TraceparentKeys {
    fn default() -> Self {
        TRACEPARENT_ANNOTATIONS.map(String::from).to_vec().into()
    }
}

impl TraceparentKeys {
    /// As they were given.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn may_be_in(&self, annotations: &[u8]) -> bool {
        self.finders.iter().any(|finder| finder.find(annotations).is_some())
    }
}

/// Whether labels or annotations may hold a mark.
#[must_use]
pub fn may_have(meta: &ObjectMeta<'_>, traceparents: &TraceparentKeys) -> bool {
    // Making a searcher costs more than searching a few labels.
    static OWN: LazyLock<[Finder<'_>; 3]> = LazyLock::new(|| OWN_NEEDLES.map(Finder::new));
    let has_own = |text: &[u8]| OWN.iter().any(|finder| finder.find(text).is_some());
    !meta.labels.is_empty() && has_own(meta.labels)
        || !meta.annotations.is_empty()
            && (has_own(meta.annotations) || traceparents.may_be_in(meta.annotations))
}

/// Reads the marks of an object.
#[must_use]
pub fn read(meta: &ObjectMeta<'_>, traceparents: &TraceparentKeys) -> Marks {
    if !may_have(meta, traceparents) {
        return Marks::default();
    }
    let label = |key: &str| value(meta.labels, key);
    let annotation = |key: &str| value(meta.annotations, key);
    let by_flux = |kind: &str, domain: &str| {
        let name = label(&format!("{domain}.toolkit.fluxcd.io/name"))?;
        Some(object(kind, &label(&format!("{domain}.toolkit.fluxcd.io/namespace"))?, &name))
    };
    let by_argo_cd = || tracked(&annotation("argocd.argoproj.io/tracking-id")?, meta);
    let by_helm = || {
        let name = annotation("meta.helm.sh/release-name")?;
        Some(object("Release", &annotation("meta.helm.sh/release-namespace")?, &name))
    };
    Marks {
        applied_by: by_flux("Kustomization", "kustomize")
            .or_else(|| by_flux("HelmRelease", "helm"))
            .or_else(by_argo_cd)
            .or_else(by_helm),
        traceparent: traceparents.names.iter().find_map(|key| span_context(&annotation(key)?)),
    }
}

/// The config hash of a mirror pod: the kubelet's Events about it have that for a uid (kubelet
/// `types.ConfigMirrorAnnotationKey`).
#[must_use]
pub fn mirrored<'a>(meta: &ObjectMeta<'a>) -> Option<Cow<'a, str>> {
    const KEY: &str = "kubernetes.io/config.mirror";
    static FINDER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(KEY));
    FINDER.find(meta.annotations)?;
    value(meta.annotations, KEY)
}

fn object(kind: &str, namespace: &str, name: &str) -> NamedObject {
    NamedObject { kind: kind.into(), namespace: namespace.into(), name: name.into() }
}

/// `[namespace_]app:group/Kind:namespace/name`. One that does not name its object was copied from
/// another (Argo CD, `util/argo/resource_tracking.go`).
fn tracked(id: &str, meta: &ObjectMeta<'_>) -> Option<NamedObject> {
    let (app, tracked) = id.split_once(':')?;
    let (kind, name) = tracked.split_once(':')?;
    let (group, kind) = kind.split_once('/')?;
    let (namespace, name) = name.split_once('/')?;
    let of = meta.api_version.split_once('/').map_or("", |(group, _)| group);
    let itself = (group, kind, name) == (of, &*meta.kind, &*meta.name)
        && (namespace == meta.namespace || meta.namespace.is_empty());
    let (space, app) = app.split_once('_').unwrap_or((ARGO_CD_NAMESPACE, app));
    itself.then(|| object("Application", space, app))
}

/// A W3C `traceparent`, a JSON object that has one, or a trace id alone: then the span's id is the
/// end of it.
fn span_context(text: &str) -> Option<SpanContext> {
    let inner;
    let text = if text.starts_with('{') {
        inner = value(text.as_bytes(), "traceparent")?.into_owned();
        &*inner
    } else {
        text
    };
    let (trace, span) = match text.split('-').collect::<Vec<_>>()[..] {
        [trace] => (trace, trace.get(16..)?),
        [version, trace, span, _, ..] if version.len() == 2 && version != "ff" => (trace, span),
        _ => return None,
    };
    let hex = |text: &str, digits: usize| {
        let valid = text.len() == digits
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(text, 16).ok().filter(|&number| valid && number != 0)
    };
    let (trace, span) = (hex(trace, 32)?, hex(span, 16)?);
    Some(SpanContext { trace: trace.to_be_bytes(), span: (span as u64).to_be_bytes() })
}

/// The string that a JSON object has for a key.
fn value<'a>(object: &'a [u8], key: &str) -> Option<Cow<'a, str>> {
    let mut found = None;
    let read = Scanner::new(object).object(|scanner, member| {
        if member == key.as_bytes() && scanner.peek()? == Kind::String {
            found = Some(scanner.string()?);
        } else {
            scanner.skip()?;
        }
        Ok(())
    });
    read.ok().and(found).filter(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Marks, TraceparentKeys, object, read, span_context};
    use crate::meta::parse_meta;

    fn marks(metadata: &str) -> Marks {
        let meta = parse_meta(metadata.as_bytes(), ("apps/v1", "Deployment")).expect("JSON");
        read(&meta, &TraceparentKeys::default())
    }

    #[test]
    fn every_mark_tells_who_applied_the_object() {
        let cases = [
            (
                r#"{"labels":{"kustomize.toolkit.fluxcd.io/name":"apps","kustomize.toolkit.fluxcd.io/namespace":"flux-system"}}"#,
                ("Kustomization", "flux-system", "apps"),
            ),
            (
                r#"{"labels":{"helm.toolkit.fluxcd.io/name":"web","helm.toolkit.fluxcd.io/namespace":"shop"},"annotations":{"meta.helm.sh/release-name":"other","meta.helm.sh/release-namespace":"shop"}}"#,
                ("HelmRelease", "shop", "web"),
            ),
            (
                r#"{"name":"web","namespace":"shop","annotations":{"argocd.argoproj.io/tracking-id":"store:apps/Deployment:shop/web"}}"#,
                ("Application", "argocd", "store"),
            ),
            (
                r#"{"name":"web","namespace":"shop","annotations":{"argocd.argoproj.io/tracking-id":"team_store:apps/Deployment:shop/web"}}"#,
                ("Application", "team", "store"),
            ),
            (
                r#"{"annotations":{"meta.helm.sh/release-name":"web","meta.helm.sh/release-namespace":"shop"}}"#,
                ("Release", "shop", "web"),
            ),
        ];
        for (metadata, (kind, namespace, name)) in cases {
            let expected = Some(object(kind, namespace, name));
            assert_eq!(marks(metadata).applied_by, expected, "{metadata}");
        }
    }

    #[test]
    fn a_tracking_id_that_names_another_object_was_copied() {
        let copied = r#"{"name":"web2","namespace":"shop","annotations":{"argocd.argoproj.io/tracking-id":"store:apps/Deployment:shop/web"}}"#;
        assert_eq!(marks(copied), Marks::default());
    }

    #[test]
    fn a_trace_context_is_read_in_every_form_and_only_when_valid() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let full = format!("00-{id}-b7ad6b7169203331-01");
        let read = |text: &str| span_context(text).map(|to| (to.trace[0], to.span[0]));
        assert_eq!(read(&full), Some((0x0a, 0xb7)));
        assert_eq!(read(&format!(r#"{{"traceparent":"{full}"}}"#)), Some((0x0a, 0xb7)));
        assert_eq!(read(id), Some((0x0a, 0x84)));
        for invalid in [
            "",
            "00",
            "{}",
            &full.to_uppercase(),
            &full.replace("b7ad6b7169203331", "0000000000000000"),
        ] {
            assert_eq!(read(invalid), None, "{invalid}");
        }
    }
}
