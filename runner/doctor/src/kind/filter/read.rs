//! Reads the host's packet filter. Only root may.

use std::path::PathBuf;

use lab_base::exec::Invocation;
use lab_base::failure::chain;
use lab_netlink::nft::Ruleset;
use lab_netlink::{Protocol, Socket};
use nix::errno::Errno;

use super::legacy::LegacyTable;
use crate::kind::input::KindDoctorInput;
use crate::kind::tools;

/// The host's packet filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// nftables, with what `iptables-nft` has written.
    pub nftables: Ruleset,
    /// The tables of the legacy iptables.
    pub legacy: Vec<LegacyTable>,
}

/// Reads all of it.
///
/// # Errors
/// A text with what could not be read, and why.
pub(in crate::kind) async fn filter(input: &KindDoctorInput) -> Result<Filter, String> {
    let nftables = match Socket::open(Protocol::Nftables) {
        Ok(socket) => match socket.nft_ruleset().await {
            Ok(ruleset) => ruleset,
            // The kernel has no nftables.
            Err(error) if matches!(error.errno(), Some(Errno::EINVAL | Errno::EOPNOTSUPP)) => Ruleset::default(),
            Err(error) => return Err(chain(&error)),
        },
        Err(error) => return Err(chain(&error)),
    };
    Ok(Filter { nftables, legacy: legacy(input).await? })
}

/// The legacy tables that exist. To read one that does not would make it.
async fn legacy(input: &KindDoctorInput) -> Result<Vec<LegacyTable>, String> {
    const NAMES: &str = "/proc/net/ip_tables_names";
    let names = match std::fs::read_to_string(NAMES) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{NAMES}: {error}")),
    };
    let mut tables = Vec::new();
    for name in names.split_whitespace().filter(|name| *name != "nat") {
        let program: PathBuf = ["iptables-legacy-save", "iptables-save"]
            .iter()
            .find_map(|program| tools::find_in_system(program, input))
            .ok_or_else(|| format!("the legacy table {name}: there is no iptables-legacy-save"))?;
        let finished = tools::finished(Invocation::new(program).args(["-t", name])).await?;
        if !finished.success() {
            return Err(tools::failure_text(&finished));
        }
        tables.push(LegacyTable::parse(name, &finished.stdout_text()));
    }
    Ok(tables)
}
