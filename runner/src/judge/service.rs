//! The workload and its Service.
