//! nftables of the family ip (`include/uapi/linux/netfilter/nf_tables.h`): requests that change its tables, which
//! [`Socket::commit`] applies in one transaction, and reading what the tables contain.

mod expression;
mod object;
mod ruleset;
mod seen;

pub use expression::{Expression, Field, compare, compare_address, compare_interface, reject_new, tcp_port};
pub use object::{
    Base, Element, Hook, add_chain, add_elements, add_rule, add_set, delete_elements, delete_rule, delete_set,
    delete_table, ensure_table, flush_chain, put_rule,
};
pub use ruleset::{Chain, ChainBase, Ruleset, SetElement, SetKey};
pub use seen::Rule;

use super::error::Error;
use super::message::Attributes;
use super::request::Request;
use super::socket::Socket;

/// `NFPROTO_IPV4`.
const IPV4: u8 = 2;

/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;

/// `struct nfgenmsg`, to be followed by attributes.
fn attributes(family: u8, resource: u16) -> Attributes {
    let [high, low] = resource.to_be_bytes();
    Attributes::after([family, 0, high, low])
}

/// The same for a message about no family and without attributes.
pub(super) fn generic() -> Attributes {
    attributes(0, 0)
}

impl Socket {
    /// Applies all of these changes in one transaction, or none of them.
    ///
    /// # Errors
    /// [`Error`] of the first change that the kernel refuses.
    pub async fn commit(&self, changes: &[Request]) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let mark = |kind| Request::new("change nftables", kind, 0, attributes(0, SUBSYSTEM));
        let mut batch = vec![mark(BATCH_BEGIN)];
        batch.extend_from_slice(changes);
        let last = batch.len() - 1;
        batch[last] = batch[last].clone().acknowledged();
        batch.push(mark(BATCH_END));
        self.acknowledged(&batch, last).await
    }
}
