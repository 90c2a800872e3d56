//! `manifests/` as types.
