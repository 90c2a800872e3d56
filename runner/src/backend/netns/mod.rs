//! The embedded lab: the article's topology in Linux network namespaces.
