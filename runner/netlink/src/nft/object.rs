//! Requests that make and remove tables, chains, rules, sets and their elements.

use std::net::Ipv4Addr;

use super::expression::{Expression, list};
use super::seen::Rule;
use super::{IPV4, SUBSYSTEM, attributes};
use crate::message::Attributes;
use crate::request::{Request, flags};

// NFT_MSG_*.
const NEWTABLE: u16 = 0;
const DELTABLE: u16 = 2;
const NEWCHAIN: u16 = 3;
const NEWRULE: u16 = 6;
const DELRULE: u16 = 8;
const NEWSET: u16 = 9;
const DELSET: u16 = 11;
const NEWSETELEM: u16 = 12;
const DELSETELEM: u16 = 14;

/// In every message of nftables the first attribute is the table's name. The object's own name follows.
const TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const RULE_CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
const RULE_USERDATA: u16 = 7;
const SET_NAME: u16 = 2;
const SET_FLAGS: u16 = 3;
const SET_KEY_TYPE: u16 = 4;
const SET_KEY_LENGTH: u16 = 5;
const SET_DATA_TYPE: u16 = 6;
const SET_DATA_LENGTH: u16 = 7;
const SET_ID: u16 = 10;
const SET_USERDATA: u16 = 13;
const ELEMENTS_SET: u16 = 2;
const ELEMENTS: u16 = 3;
/// `NFT_SET_MAP`.
const MAP: u32 = 8;

/// Attributes within a list of elements, and within a key or a value.
pub(super) const LIST_ELEMENT: u16 = 1;
pub(super) const ELEMENT_KEY: u16 = 1;
pub(super) const ELEMENT_DATA: u16 = 2;
pub(super) const DATA_VALUE: u16 = 1;

/// Most elements in one message: the length of their list has 16 bits.
const TOGETHER: usize = 1000;

/// The point at which packets pass through a chain (`NF_INET_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// Packets to this host.
    Input = 1,
    /// Packets that this host forwards.
    Forward = 2,
    /// Packets that this host sends itself.
    Output = 3,
    /// Packets that leave, whether this host forwards or sends them.
    Postrouting = 4,
}

/// What makes a chain a base chain: the hook at which packets enter it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// `filter` or `nat`.
    pub kind: &'static str,
    /// The hook.
    pub hook: Hook,
    /// Lower comes first: -100 translates destinations, 0 filters, 100 translates sources.
    pub priority: i32,
}

/// An element of a set or a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The key.
    pub key: Vec<u8>,
    /// The value that a map has for the key; none in a set.
    pub value: Option<Vec<u8>>,
}

impl Element {
    /// An address as an element of a set.
    pub fn address(address: Ipv4Addr) -> Self {
        Self { key: address.octets().to_vec(), value: None }
    }
}

pub(super) fn request(doing: String, message: u16, flags: u16, attributes: Attributes) -> Request {
    Request::new(doing, SUBSYSTEM << 8 | message, flags, attributes)
}

pub(super) fn of_table(table: &str) -> Attributes {
    attributes(IPV4, 0).text(TABLE, table)
}

/// Makes a table, where it does not exist yet.
pub fn ensure_table(table: &str) -> Request {
    request(format!("add the table {table}"), NEWTABLE, flags::CREATE, of_table(table))
}

/// Deletes a table with all that is in it.
pub fn delete_table(table: &str) -> Request {
    request(format!("delete the table {table}"), DELTABLE, 0, of_table(table))
}

/// Makes a chain, where it does not exist yet. Packets reach a chain without a base only by a jump.
pub fn add_chain(table: &str, chain: &str, base: Option<Base>) -> Request {
    let mut attributes = of_table(table).text(CHAIN_NAME, chain);
    if let Some(Base { kind, hook, priority }) = base {
        let hook = Attributes::default().u32_be(HOOK_NUMBER, hook as u32).put(HOOK_PRIORITY, &priority.to_be_bytes());
        attributes = attributes.nest(CHAIN_HOOK, &hook).text(CHAIN_TYPE, kind);
    }
    request(format!("add the chain {chain}"), NEWCHAIN, flags::CREATE, attributes)
}

/// Deletes all rules of a chain.
pub fn flush_chain(table: &str, chain: &str) -> Request {
    request(format!("flush the chain {chain}"), DELRULE, 0, of_table(table).text(RULE_CHAIN, chain))
}

/// Adds a rule at the end of a chain.
pub fn add_rule(table: &str, chain: &str, expressions: &[Expression]) -> Request {
    new_rule(table, chain, list(expressions).octets(), None)
}

/// Adds a rule that was read from the kernel to the end of its chain again.
pub fn put_rule(rule: &Rule) -> Request {
    new_rule(&rule.table, &rule.chain, &rule.expressions, rule.userdata.as_deref())
}

fn new_rule(table: &str, chain: &str, expressions: &[u8], userdata: Option<&[u8]>) -> Request {
    let expressions = Attributes::after(expressions);
    let mut attributes = of_table(table).text(RULE_CHAIN, chain).nest(RULE_EXPRESSIONS, &expressions);
    if let Some(userdata) = userdata {
        attributes = attributes.put(RULE_USERDATA, userdata);
    }
    request(format!("add a rule to the chain {chain}"), NEWRULE, flags::CREATE | flags::APPEND, attributes)
}

/// Deletes the rule with this handle.
pub fn delete_rule(table: &str, chain: &str, handle: u64) -> Request {
    let attributes = of_table(table).text(RULE_CHAIN, chain).put(RULE_HANDLE, &handle.to_be_bytes());
    request(format!("delete the rule {handle} of the chain {chain}"), DELRULE, 0, attributes)
}

/// Makes a set, or with values a map. Keys and values have four octets, and `nft`'s own numbers for their types, which
/// the kernel only stores, as it does the user data.
pub fn add_set(table: &str, set: &str, key: u32, value: Option<u32>, userdata: &[u8]) -> Request {
    let mut attributes =
        of_table(table).text(SET_NAME, set).u32_be(SET_KEY_TYPE, key).u32_be(SET_KEY_LENGTH, 4).u32_be(SET_ID, 1);
    if let Some(value) = value {
        attributes = attributes.u32_be(SET_FLAGS, MAP).u32_be(SET_DATA_TYPE, value).u32_be(SET_DATA_LENGTH, 4);
    }
    if !userdata.is_empty() {
        attributes = attributes.put(SET_USERDATA, userdata);
    }
    request(format!("add the set {set}"), NEWSET, flags::CREATE | flags::EXCLUSIVE, attributes)
}

/// Deletes a set.
pub fn delete_set(table: &str, set: &str) -> Request {
    request(format!("delete the set {set}"), DELSET, 0, of_table(table).text(SET_NAME, set))
}

/// Adds elements to a set.
pub fn add_elements(table: &str, set: &str, elements: &[Element]) -> Vec<Request> {
    let add =
        |elements| request(format!("add elements to {set}"), NEWSETELEM, flags::CREATE, of_set(table, set, elements));
    elements.chunks(TOGETHER).map(add).collect()
}

/// Takes elements from a set, by their keys.
pub fn delete_elements(table: &str, set: &str, elements: &[Element]) -> Vec<Request> {
    let delete = |elements| request(format!("delete elements of {set}"), DELSETELEM, 0, of_set(table, set, elements));
    elements.chunks(TOGETHER).map(delete).collect()
}

fn of_set(table: &str, set: &str, elements: &[Element]) -> Attributes {
    let list = elements.iter().fold(Attributes::default(), |list, Element { key, value }| {
        let element = Attributes::default().nest(ELEMENT_KEY, &data(key));
        let element = match value {
            Some(value) => element.nest(ELEMENT_DATA, &data(value)),
            None => element,
        };
        list.nest(LIST_ELEMENT, &element)
    });
    of_table(table).text(ELEMENTS_SET, set).nest(ELEMENTS, &list)
}

pub(super) fn data(octets: &[u8]) -> Attributes {
    Attributes::default().put(DATA_VALUE, octets)
}
