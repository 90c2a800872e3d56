//! What Helm installed, what agents run with, and how they do.

mod components;
mod images;
mod native;
mod release;
mod settings;

pub use components::components_are_ok;
pub(crate) use components::refute_errors;
pub use images::images_are_the_pinned_ones;
pub use native::routes_natively;
pub use release::release_has_the_articles_values;

use serde_json::Value;

use lab_model::expect::ClusterExpectations;

/// The operator's container in its pod, and its Deployment (chart 1.12.4: `cilium-operator/deployment.yaml`).
const OPERATOR: &str = "cilium-operator";
/// Operators that charts run where nothing is said (charts 1.12 to 1.15: `values.yaml`, `operator.replicas`).
const OPERATORS: u64 = 2;

/// How many operators there should be.
fn operators_wanted(cluster: &ClusterExpectations) -> u64 {
    cluster.values.get("operator.replicas").and_then(Value::as_u64).unwrap_or(OPERATORS)
}

/// A value as Helm's templates write it: `true` and `"true"` come out the same.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
