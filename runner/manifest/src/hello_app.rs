//! `manifests/hello-app.yaml`: a Deployment (`apps/v1`) and its Service (`v1`), with the fields that it sets.

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
        /// Its specification.
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
    /// The specification of a Deployment.
    DeploymentSpec {
        /// How many pods.
        replicas: Replicas,
        /// Selects the Deployment's pods.
        selector: LabelSelector,
        /// The template of each pod.
        template: PodTemplate,
    }
}
object! {
    /// A selector by labels.
    LabelSelector {
        /// The labels that an object must have.
        match_labels: Labels,
    }
}
object! {
    /// The template of a Deployment's pods.
    PodTemplate {
        /// Labels of each pod.
        metadata: PodMetadata,
        /// The specification of each pod.
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
    /// The specification of a pod.
    PodSpec {
        /// On which nodes the pod may run. That it keeps the pods on different nodes is checked together with the other files.
        #[serde(skip_serializing_if = "Option::is_none")]
        affinity: Option<Affinity>,
        /// Its only container.
        containers: [Container; 1],
    }
}
object! {
    /// On which nodes a pod may run.
    Affinity {
        /// Next to which pods it may not run.
        pod_anti_affinity: PodAntiAffinity,
    }
}
object! {
    /// Next to which pods a pod may not run.
    PodAntiAffinity {
        /// Rules that must hold when the pod is scheduled.
        required_during_scheduling_ignored_during_execution: Vec<AntiAffinityTerm>,
    }
}
object! {
    /// One rule of anti-affinity.
    AntiAffinityTerm {
        /// The pods to keep away from.
        label_selector: LabelSelector,
        /// The label of nodes by which "next to" is decided: nodes with the same value count as one place.
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
        /// Its specification.
        spec: ServiceSpec,
    }
}
object! {
    /// The specification of a Service.
    ServiceSpec {
        /// Always `ClusterIP`.
        #[serde(rename = "type")]
        service_type: ServiceType,
        /// The labels of its backends' pods.
        selector: Labels,
        /// Its only port.
        ports: [ServicePort; 1],
    }
}
object! {
    /// A port of a Service.
    ServicePort {
        /// The port at the `ClusterIP`.
        port: Port,
        /// The port at the pods.
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
