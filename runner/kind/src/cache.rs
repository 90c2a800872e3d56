//! The folder for what is kept from one lab to the next: the chart, and the records of baked images.

use std::path::PathBuf;

/// `$XDG_CACHE_HOME/lab`, else `~/.cache/lab`; none where neither variable names an absolute path.
pub(super) fn folder() -> Option<PathBuf> {
    let from = |key| std::env::var_os(key).map(PathBuf::from).filter(|path| path.is_absolute());
    from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache"))).map(|cache| cache.join("lab"))
}
