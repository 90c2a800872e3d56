//! `cilium::…`: what Helm installed and what the agents say; on kind alone.

use super::{kind, kind_only};
use crate::case::Case;
use lab_judge::cilium as judge;
use lab_model::deviation::{ImageName, Pinned};
use lab_model::stage::Stage;

/// helm install.
pub(super) const RELEASE_HAS_THE_ARTICLES_VALUES: Case = Case {
    name: "cilium::release_has_the_articles_values",
    article: "helm install cilium cilium/cilium --version 1.12.4",
    claim: "The Helm release is the pinned chart in kube-system with the article's seven values, k8sServiceHost being the control plane's address now.",
    against: &[Pinned::Chart, Pinned::Values, Pinned::PodPool],
    needs: Stage::RoutingInstalled,
    on: kind_only!(kind::release, judge::release_has_the_articles_values),
};

/// Image versions.
pub(super) const IMAGES_ARE_THE_PINNED_ONES: Case = Case {
    name: "cilium::images_are_the_pinned_ones",
    article: "cilium status: image versions",
    claim: "Agents and operators run the images that the pinned digests name.",
    against: &[Pinned::Image(ImageName::Cilium), Pinned::Image(ImageName::OperatorGeneric)],
    needs: Stage::RoutingInstalled,
    on: kind_only!(kind::images, judge::images_are_the_pinned_ones),
};

/// cilium status.
pub(super) const COMPONENTS_ARE_OK: Case = Case {
    name: "cilium::components_are_ok",
    article: "cilium status --wait",
    claim: "Three agents and two operators are ready, without errors, and every pod is managed.",
    against: &[],
    needs: Stage::NodesReady,
    on: kind_only!(kind::components, judge::components_are_ok),
};

/// The agents' own configuration.
pub(super) const ROUTES_NATIVELY: Case = Case {
    name: "cilium::routes_natively",
    article: "tunnel=disabled, autoDirectNodeRoutes=true",
    claim: "Each agent's running configuration is the article's: no tunnel, direct node routes, the native routing CIDR, kube-proxy replaced, BPF masquerading.",
    against: &[
        Pinned::Value("tunnel"),
        Pinned::Value("autoDirectNodeRoutes"),
        Pinned::Value("ipv4NativeRoutingCIDR"),
        Pinned::Value("kubeProxyReplacement"),
        Pinned::Value("bpf.masquerade"),
    ],
    needs: Stage::NodesReady,
    on: kind_only!(kind::native, judge::routes_natively),
};
