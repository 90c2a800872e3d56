//! The explicit list of cases, in the article's order.
