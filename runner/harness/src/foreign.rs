//! A foreign cluster as a session has it: what is expected of it, which cases exist there, and what is read.

use serde::Serialize;
use serde_json::json;

use crate::case::Case;
use crate::cases;
use crate::setup::{Setup, setup_on};
use crate::wanted::Wanted;
use lab_base::failure::Failure;
use lab_cluster::sysdump::Sysdump;
use lab_cluster::tier::Tier;
use lab_cluster::{ForeignCluster, Needs, Survey};
use lab_judge::foreign::{read, table};
use lab_model::expect::Expectations;
use lab_model::foreign::{Configuration, Families, ForeignExpectations, Mode};
use lab_model::observe::Role;
use lab_model::report::CaseOutcome;
use lab_model::{BackendKind, CiliumVersion};

/// What is read of this configuration.
pub fn configuration(survey: &Survey) -> Configuration {
    read(&survey.config_map, &survey.images())
}

/// The setup of a run against a foreign cluster, in this tier.
///
/// # Errors
/// Exit code 2 where the cluster routes through a tunnel: the cases say nothing about it, and none is run.
pub fn foreign_setup(cluster: &ForeignCluster, args: &Wanted, tier: Tier) -> Result<Setup, Failure> {
    let survey = cluster.survey();
    let configuration = configuration(survey);
    if let Mode::Tunnel(protocol) = &configuration.mode {
        return Err(Failure::usage(format!(
            "{}: the cluster routes through a {protocol} tunnel ({}); the cases are about native routing, say nothing about it, \
             and none was run",
            survey.context,
            configuration.in_words()
        )));
    }
    let mut notes = vec![format!("Kubernetes {}, {}", survey.server_version, configuration.in_words())];
    if configuration.families == Families::Dual {
        notes.push("pods have IPv6 too, which is not looked at".to_owned());
    }
    notes.extend(
        cluster
            .sysdump()
            .and_then(Sysdump::without_config_map)
            .map(|why| format!("{why}; agents' own files stand for it")),
    );
    // What only a lab has, its manifests and pins, is what it would be without any option.
    let mut setup = setup_on(BackendKind::Netns, notes, args)?;
    let nodes = cluster.nodes().to_vec();
    let control_planes = nodes.iter().filter(|(_name, role)| *role == Role::ControlPlane).count();
    setup.backend = BackendKind::Cluster;
    setup.name = Some(survey.context.clone());
    setup.expect = Expectations {
        control_planes,
        workers: nodes.len() - control_planes,
        replicas: 0,
        foreign: Some(ForeignExpectations {
            context: survey.context.clone(),
            namespace: survey.namespace.clone(),
            configuration,
            probed: tier != Tier::Read,
            inside: tier == Tier::Inside,
        }),
        ..setup.expect
    };
    setup.spec.nodes = nodes;
    setup.spec.replicas = 0;
    setup.inputs = match cluster.sysdump() {
        None => {
            json!({ "on": "cluster", "context": survey.context, "tier": tier.name() })
        }
        Some(sysdump) => json!({ "on": "cluster", "sysdump": sysdump.file() }),
    };
    Ok(setup)
}

/// What is read for those of these cases that the table does not settle.
pub(crate) fn needs(cases: &[&Case], setup: &Setup) -> Needs {
    cluster_reads(cases.iter().copied().filter(|case| settled(case, setup).is_none()))
}

/// What is read for these cases in a foreign cluster.
pub fn cluster_reads<'a>(these: impl Iterator<Item = &'a Case>) -> Needs {
    let reads = these.filter_map(|case| Some(cases::foreign::find(case.name)?.reads));
    reads.fold(Needs::NOTHING, Needs::and)
}

/// What a case claims, reads and expects in a foreign cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThereExplained {
    /// What it claims there.
    pub claim: &'static str,
    /// What the API server is asked; in the probe tier, what is sent.
    pub asks: &'static str,
    /// The commands in the agent on each node, as Cilium 1.12 has them; none in the probe tier.
    pub commands: Vec<String>,
    /// Each row of the table that has the case, in its order: what is read of the configuration, and what is expected then.
    pub expects: Vec<(&'static str, String)>,
}

/// The explanation of a case in a foreign cluster; none of one that does not exist there.
pub fn explained_there(name: &str) -> Option<ThereExplained> {
    let case = cases::foreign::find(name)?;
    let program = CiliumVersion::OLDEST.agent_program();
    let commands = if case.sends() { Vec::new() } else { case.reads.commands(program) };
    let says = |row: &table::Row| {
        let (_name, says) = row.cases.iter().find(|(case, _says)| *case == name)?;
        Some((row.read, says.in_words()))
    };
    Some(ThereExplained {
        claim: case.claim,
        asks: case.asks,
        commands,
        expects: table::ROWS.iter().filter_map(says).collect(),
    })
}

/// The outcome of a case that the table settles before anything is looked at, and why; none where it is judged, and on
/// other backends.
pub(crate) fn settled(case: &Case, setup: &Setup) -> Option<(CaseOutcome, String)> {
    let foreign = setup.expect.foreign.as_ref()?;
    let configuration = &foreign.configuration;
    if case.is_probed() && !foreign.probed {
        return match table::says(case.name, configuration) {
            table::Said::NotThere(why) => Some((CaseOutcome::NotOnBackend, why)),
            _ => Some((CaseOutcome::NotOnBackend, "it is of the probe tier, and this run reads alone".to_owned())),
        };
    }
    match table::says(case.name, configuration) {
        table::Said::Expects(_) => None,
        table::Said::NotThere(why) => Some((CaseOutcome::NotOnBackend, why)),
        table::Said::NobodyKnows(why) => {
            let missing = format!("nobody knows what to expect: {why}");
            Some((CaseOutcome::Unobserved { missing: missing.clone() }, missing))
        }
    }
}
