//! `manifests/hello-app.yaml`: a Deployment (`apps/v1`) and its Service (`v1`), the fields that are applied.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::value::{ObjectName, Port, Replicas};

/// Labels, or a selector by labels.
pub type Labels = BTreeMap<String, String>;

/// Both documents of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloApp {
    /// The first document.
    pub deployment: Deployment,
    /// The second document.
    pub service: Service,
}

macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }
    };
}

object! {
    /// A Deployment.
    Deployment {
        /// Always `apps/v1`.
        api_version: AppsV1,
        /// Always `Deployment`.
        kind: DeploymentKind,
        /// Its name and labels.
        metadata: Metadata,
        /// What it keeps running.
        spec: DeploymentSpec,
    }
}
object! {
    /// An object's name and labels.
    Metadata {
        /// The name.
        name: ObjectName,
        /// The labels.
        labels: Labels,
    }
}
object! {
    /// What a Deployment keeps running.
    DeploymentSpec {
        /// How many pods.
        replicas: Replicas,
        /// Which pods are its own.
        selector: LabelSelector,
        /// What each of them is.
        template: PodTemplate,
    }
}
object! {
    /// A selector by labels.
    LabelSelector {
        /// All of these.
        match_labels: Labels,
    }
}
object! {
    /// A pod that is made many times.
    PodTemplate {
        /// Labels of each pod.
        metadata: PodMetadata,
        /// What runs in each pod.
        spec: PodSpec,
    }
}
object! {
    /// Labels of each pod.
    PodMetadata {
        /// The labels.
        labels: Labels,
    }
}
object! {
    /// What runs in a pod, and where.
    PodSpec {
        /// Where the pod may run; that it keeps pods apart is checked with the other files.
        #[serde(skip_serializing_if = "Option::is_none")]
        affinity: Option<Affinity>,
        /// The one container.
        containers: [Container; 1],
    }
}
object! {
    /// Where a pod may run.
    Affinity {
        /// Next to which pods it may not run.
        pod_anti_affinity: PodAntiAffinity,
    }
}
object! {
    /// Next to which pods a pod may not run.
    PodAntiAffinity {
        /// Each of these must hold when the pod is placed.
        required_during_scheduling_ignored_during_execution: Vec<AntiAffinityTerm>,
    }
}
object! {
    /// One rule of anti-affinity.
    AntiAffinityTerm {
        /// The pods to keep away from.
        label_selector: LabelSelector,
        /// The label of nodes that says what "next to" means.
        topology_key: String,
    }
}
object! {
    /// A container.
    Container {
        /// Its name.
        name: ObjectName,
        /// Its image, as pinned.
        image: String,
        /// The one port it listens on.
        ports: [ContainerPort; 1],
    }
}
object! {
    /// A port that a container listens on.
    ContainerPort {
        /// The port.
        container_port: Port,
    }
}
object! {
    /// A Service.
    Service {
        /// Always `v1`.
        api_version: V1,
        /// Always `Service`.
        kind: ServiceKind,
        /// Its name and labels.
        metadata: Metadata,
        /// What it offers.
        spec: ServiceSpec,
    }
}
object! {
    /// What a Service offers.
    ServiceSpec {
        /// Always `ClusterIP`.
        #[serde(rename = "type")]
        service_type: ServiceType,
        /// The pods behind it.
        selector: Labels,
        /// Its one port.
        ports: [ServicePort; 1],
    }
}
object! {
    /// A port of a Service.
    ServicePort {
        /// At the `ClusterIP`.
        port: Port,
        /// At the pods.
        target_port: Port,
    }
}

macro_rules! constant {
    ($(#[$doc:meta])* $name:ident::$variant:ident = $text:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            #[doc = concat!("`", $text, "`.")]
            #[serde(rename = $text)]
            $variant,
        }
    };
}

constant! {
    /// The API version of Deployments.
    AppsV1::AppsV1 = "apps/v1"
}
constant! {
    /// The kind of a Deployment.
    DeploymentKind::Deployment = "Deployment"
}
constant! {
    /// The API version of Services.
    V1::V1 = "v1"
}
constant! {
    /// The kind of a Service.
    ServiceKind::Service = "Service"
}
constant! {
    /// The only type of Service that the article has.
    ServiceType::ClusterIp = "ClusterIP"
}
