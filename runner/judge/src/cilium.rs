//! What Helm installed, what agents run with, and how they do.

mod components;
mod images;
mod native;
mod release;

pub use components::components_are_ok;
pub use images::images_are_the_pinned_ones;
pub use native::routes_natively;
pub use release::release_has_the_articles_values;

use serde_json::Value;

/// The operator's container in its pod, and its Deployment (chart 1.12.4: `cilium-operator/deployment.yaml`).
const OPERATOR: &str = "cilium-operator";

/// A value as Helm's templates write it: `true` and `"true"` come out the same.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
