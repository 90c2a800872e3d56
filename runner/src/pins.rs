//! `manifests/pins.json` as types.
