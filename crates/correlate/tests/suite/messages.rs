//! What controllers write, for made-up Events.

/// Reporter, reason and message of an Event about an object of this kind.
pub fn message(kind: &str, what: u64, other: &str) -> (&'static str, &'static str, String) {
    match (kind, what) {
        ("Deployment", 0..=3) => (
            "deployment-controller",
            "ScalingReplicaSet",
            format!("Scaled up replica set {other} from 0 to 1"),
        ),
        ("Deployment", 4..=6) => (
            "deployment-controller",
            "ScalingReplicaSet",
            format!("Scaled down replica set {other} from 1 to 0"),
        ),
        ("ReplicaSet", 0..=3) => {
            ("replicaset-controller", "SuccessfulCreate", format!("Created pod: {other}"))
        }
        ("ReplicaSet", 4..=6) => {
            ("replicaset-controller", "SuccessfulDelete", format!("Deleted pod: {other}"))
        }
        ("StatefulSet", 0..=3) => (
            "statefulset-controller",
            "SuccessfulCreate",
            format!("create Pod {other} in StatefulSet x successful"),
        ),
        ("StatefulSet", 4..=6) => (
            "statefulset-controller",
            "SuccessfulDelete",
            format!("delete Pod {other} in StatefulSet x successful"),
        ),
        ("CronJob", 0..=5) => {
            ("cronjob-controller", "SuccessfulCreate", format!("Created job {other}"))
        }
        ("Job", 0..=5) => ("job-controller", "SuccessfulCreate", format!("Created pod: {other}")),
        ("Pod", 0) => {
            ("default-scheduler", "Scheduled", format!("Successfully assigned n/{other} to node"))
        }
        ("Pod", 1) => ("kubelet", "Pulling", "Pulling image \\\"x\\\"".into()),
        ("Pod", 2) => (
            "kubelet",
            "Pulled",
            "Successfully pulled image \\\"x\\\" in 1s (1.5s including waiting)".into(),
        ),
        ("Pod", 3) => ("kubelet", "Created", "Container created".into()),
        ("Pod", 4) => ("kubelet", "Started", "Container started".into()),
        ("Pod", 5) => ("kubelet", "Killing", "Stopping container c".into()),
        ("Pod", 6) => ("kubelet", "Evicted", "The node was low".into()),
        _ => ("any", "Synced", "something else".into()),
    }
}
