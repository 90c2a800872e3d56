//! `cilium::…`: what Helm installed and what the agents say; on kind alone.

pub(super) mod components_are_ok;
pub(super) mod images_are_the_pinned_ones;
pub(super) mod release_has_the_articles_values;
pub(super) mod routes_natively;
