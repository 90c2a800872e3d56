//! Names of links in containers. Docker calls them eth0, eth1, … in an order of its own; here they are told apart by their
//! addresses.

use std::net::Ipv4Addr;
use std::time::Duration;

use lab_base::failure::chain;
use lab_engine::Engine;

/// The deadline for one program in a container.
const DEADLINE: Duration = Duration::from_secs(15);

/// A link of a container, by its address, and the name that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its address.
    pub address: Ipv4Addr,
    /// Its name, from then on.
    pub name: String,
}

/// Where a container's packets for all else go; without it they go nowhere.
pub type Gateway<'a> = Option<(Ipv4Addr, &'a str)>;

/// Gives links their names and the container its default route, or none. What is as it must be already is left so.
///
/// # Errors
/// A text, when a link is not there or a program in the container fails.
pub async fn arrange(engine: &Engine, container: &str, wanted: &[Named], gateway: Gateway<'_>) -> Result<(), String> {
    let shown = run(engine, container, &["ip", "-o", "-4", "address", "show"], "").await?;
    let commands = renaming(&parse(&shown), wanted)? + &default_route(gateway);
    run(engine, container, &["ip", "-batch", "-"], &commands).await.map(drop)
}

/// Writes a value into files of a container, such as those of /proc/sys.
///
/// # Errors
/// A text that says why not.
pub(crate) async fn write(engine: &Engine, container: &str, value: &str, files: &[String]) -> Result<(), String> {
    let argv: Vec<&str> = std::iter::once("tee").chain(files.iter().map(String::as_str)).collect();
    run(engine, container, &argv, &format!("{value}\n")).await.map(drop)
}

/// Runs a program in a container, with this standard input. Returns its standard output.
///
/// # Errors
/// A text, when it cannot be run or fails.
pub(crate) async fn run(engine: &Engine, container: &str, argv: &[&str], input: &str) -> Result<String, String> {
    let ran = engine.exec(container, argv.iter().copied(), input.as_bytes().to_vec(), DEADLINE).await;
    let ran = ran.map_err(|error| format!("{container}: {}", chain(&error)))?;
    if ran.success() {
        return Ok(ran.stdout_text());
    }
    let said = ran.stderr_text() + &ran.stdout_text();
    Err(format!("{container}: `{}` ended with exit code {}: {}", argv.join(" "), ran.code, said.trim()))
}

/// The links in what `ip -o -4 address show` prints, each with an address: `17: eth1    inet 198.19.0.2/24 brd …`.
fn parse(text: &str) -> Vec<(String, Ipv4Addr)> {
    let link = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let name = words.next()?.split('@').next()?.to_owned();
        let address = words.skip_while(|word| *word != "inet").nth(1)?;
        Some((name, address.split('/').next()?.parse().ok()?))
    };
    text.lines().filter_map(link).collect()
}

/// Commands for `ip -batch` that give links their names. All get a passing one first, since one may have another's. A link is
/// taken down for that, which kernels before 6.2 insist on.
fn renaming(links: &[(String, Ipv4Addr)], wanted: &[Named]) -> Result<String, String> {
    let mut found = Vec::new();
    for Named { address, name } in wanted {
        let link = links.iter().find(|(_, own)| own == address);
        let (now, _) = link.ok_or_else(|| format!("no link has the address {address}, for {name}"))?;
        if now != name {
            found.push((now, name));
        }
    }
    let away = found.iter().map(|(now, name)| format!("link set dev {now} down\nlink set dev {now} name {name}-\n"));
    let there = found.iter().map(|(_, name)| format!("link set dev {name}- name {name}\nlink set dev {name} up\n"));
    Ok(away.chain(there).collect())
}

/// Commands that leave one default route, or none. Deleting one that is not there would fail, so it is replaced first.
fn default_route(gateway: Gateway<'_>) -> String {
    match gateway {
        Some((address, device)) => format!("route replace default via {address} dev {device}\n"),
        None => "route replace default dev lo\nroute delete default\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
15: eth0    inet 172.29.0.2/16 brd 172.29.255.255 scope global eth0\\       valid_lft forever preferred_lft forever
17: eth1@if18    inet 198.19.0.2/24 brd 198.19.0.255 scope global eth1\\       valid_lft forever preferred_lft forever
";

    fn named(pairs: &[(&str, &str)]) -> Vec<Named> {
        let one =
            |(address, name): &(&str, &str)| Named { address: address.parse().unwrap(), name: (*name).to_owned() };
        pairs.iter().map(one).collect()
    }

    #[test]
    fn links_are_told_by_their_addresses_and_exchange_names() {
        let links = parse(SHOWN);
        assert_eq!(links.len(), 3);
        let commands = renaming(&links, &named(&[("172.29.0.2", "mgmt0"), ("198.19.0.2", "eth0")])).unwrap();
        assert_eq!(
            commands.lines().collect::<Vec<_>>(),
            [
                "link set dev eth0 down",
                "link set dev eth0 name mgmt0-",
                "link set dev eth1 down",
                "link set dev eth1 name eth0-",
                "link set dev mgmt0- name mgmt0",
                "link set dev mgmt0 up",
                "link set dev eth0- name eth0",
                "link set dev eth0 up",
            ]
        );
    }

    #[test]
    fn a_link_that_has_its_name_is_left_up_and_one_that_is_not_there_is_told() {
        let links = parse(SHOWN);
        assert_eq!(renaming(&links, &named(&[("172.29.0.2", "eth0")])), Ok(String::new()));
        let error = renaming(&links, &named(&[("198.19.0.9", "eth0")])).unwrap_err();
        assert_eq!(error, "no link has the address 198.19.0.9, for eth0");
        assert_eq!(parse("not a listing\n"), []);
    }

    #[test]
    fn a_router_has_no_default_route_and_a_node_its_tors() {
        assert_eq!(
            default_route(Some((Ipv4Addr::new(198, 19, 0, 1), "eth0"))),
            "route replace default via 198.19.0.1 dev eth0\n"
        );
        assert_eq!(default_route(None), "route replace default dev lo\nroute delete default\n");
    }
}
