//! `lab verify --on cluster`, `lab doctor --on cluster` and `lab down --on cluster`: a cluster that is there already, or for
//! the first a sysdump of one.

use std::cell::RefCell;
use std::io::{self, Write};

use super::{print, print_json, program};
use crate::cli::{self, ClusterArgs, DoctorArgs, DownArgs, Format, LabArgs, On, VerifyArgs};
use lab_base::failure::{Failure, code, complain};
use lab_base::text::clean;
use lab_cluster::probe::{BACKENDS, Ours, PODS, Probe, TIME_TO_LIVE, sweep};
use lab_cluster::{ForeignCluster, Needs, tier};
use lab_doctor as doctor;
use lab_doctor::ProbeTier;
use lab_harness::case::Case;
use lab_harness::wanted;
use lab_harness::wanted::Wanted;
use lab_harness::{
    Event, Harness, LabSource, Selection, SessionOptions, Setup, cluster_reads, configuration, foreign_setup, selected,
    setup_on,
};
use lab_kube::access::Access;
use lab_model::report::StageOutcome;
use lab_model::{BackendKind, CiliumVersion};
use lab_report::{HTML_FILE, Progress};

thread_local! {
    /// What is shown while nodes are read. The cases run on this thread alone, and what they tell is told to a plain
    /// function.
    static PROGRESS: RefCell<Progress<io::Stderr>> = RefCell::new(Progress::on_stderr());
}

/// Where Cilium is looked for in what is printed without asking, unless another place was named.
const CILIUM_NAMESPACE: &str = "kube-system";

/// Runs the cases that exist in a cluster that is there already.
pub(super) fn verify(args: VerifyArgs) -> Result<u8, Failure> {
    let wanted = plain(&args.lab)?;
    if args.libtest.list {
        let setup = Setup { backend: BackendKind::Cluster, ..setup_on(BackendKind::Netns, Vec::new(), &wanted)? };
        return run(args, setup, String::new(), None);
    }
    let access = args.cluster.access();
    if args.dry_run {
        return plan(&args, &access).map(|()| 0);
    }
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let namespace = args.cluster.cilium_namespace.as_deref();
    let cases = selected(&selection(&args), BackendKind::Cluster)?;
    let (cluster, probe) = match &args.sysdump {
        Some(file) => (ForeignCluster::dumped(file, namespace)?, Tier::NotAskedFor),
        None => runtime.block_on(Box::pin(async {
            let mut cluster = ForeignCluster::find(&access, namespace).await?;
            let enters = args.cluster.looks_inside() && cluster_reads(cases.iter().copied()).inside;
            let probe = if enters || cases.iter().any(|case| case.is_probed()) {
                probe_tier(&cluster, &args.cluster).await?
            } else {
                Tier::NotAskedFor
            };
            if let Tier::Probe(ours) = &probe {
                cluster.probe_by(Probe::new(ours.clone()));
            }
            Ok::<_, Failure>((cluster, probe))
        }))?,
    };
    let setup = foreign_setup(&cluster, &wanted, probe.tier())?;
    let context = cluster.survey().context.clone();
    for note in std::iter::once(&format!("{context}: {} nodes", cluster.nodes().len())).chain(&setup.notes) {
        tell(Event::Note(note));
    }
    if let Some(note) = probe.note(cluster.nodes().len()) {
        tell(Event::Note(&note));
    }
    run(args, setup, context, Some((cluster, runtime)))
}

/// Whether something is sent in a cluster.
enum Tier {
    /// No case that was selected needs it.
    NotAskedFor,
    /// It is read alone, since that was said or a right is missing: why.
    Read(String),
    /// Something is, between pods of these.
    Probe(Ours),
}

impl Tier {
    const fn tier(&self) -> tier::Tier {
        match self {
            Self::NotAskedFor | Self::Read(_) => tier::Tier::Read,
            Self::Probe(Ours { inside: true, .. }) => tier::Tier::Inside,
            Self::Probe(_) => tier::Tier::Probe,
        }
    }

    /// What is told of it before anything is made.
    fn note(&self, nodes: usize) -> Option<String> {
        match self {
            Self::NotAskedFor => None,
            Self::Read(why) => Some(format!("it is read alone: {why}")),
            Self::Probe(ours) => {
                let at = if ours.given { "in the namespace" } else { "in a namespace of its own," };
                let looks = if ours.inside { ", looks from them into the cluster's own pods" } else { "" };
                Some(format!(
                    "the {} tier: makes 2 pods on each of {nodes} nodes and a Service {at} {}{looks}, and takes them away after the \
                     run; `--tier read` makes nothing",
                    self.tier().name(),
                    ours.namespace
                ))
            }
        }
    }
}

/// The tier that was asked for; where none was, what the rights allow.
async fn probe_tier(cluster: &ForeignCluster, args: &ClusterArgs) -> Result<Tier, Failure> {
    let given = args.probe_namespace.as_deref();
    match (args.tier, given) {
        (Some(cli::Tier::Read), Some(_)) => {
            return Err(Failure::usage("--probe-namespace: nothing is made with --tier read; leave one of them out"));
        }
        (Some(cli::Tier::Read), None) => return Ok(Tier::Read("--tier read".to_owned())),
        _ => {}
    }
    let api = cluster.api().map_err(|error| Failure::stage(&error))?;
    let mut missing = None;
    for right in tier::probe(given.is_some()).filter(|right| right.needed) {
        let answer = api.may(&right.question(given)).await;
        let refused = match answer {
            Ok(Ok(())) => continue,
            Ok(Err(said)) => said,
            Err(error) => error.briefly(),
        };
        missing = Some(format!("it may not {}: {refused}", right.in_words(given)));
        break;
    }
    let context = &cluster.survey().context;
    let named = if args.looks_inside() { tier::Tier::Inside } else { tier::Tier::Probe }.name();
    let advice = || {
        let option = given.map(|namespace| format!(" --probe-namespace {namespace}")).unwrap_or_default();
        format!(
            "`lab doctor --on cluster --context {context} --tier {named}{option}` shows what is missing, and what gives it"
        )
    };
    match missing {
        None => Ok(Tier::Probe(Ours::of_new_run(given, args.looks_inside()))),
        Some(why) if args.tier.is_none() && given.is_none() => Ok(Tier::Read(format!("{why}; {}", advice()))),
        Some(why) => {
            Err(Failure { code: code::STAGE, message: format!("{context}: --tier {named}: {why}; {}", advice()) })
        }
    }
}

pub(super) fn selection(args: &VerifyArgs) -> Selection {
    Selection {
        filter: args.libtest.filter.iter().cloned().collect(),
        exact: args.libtest.exact,
        skip: args.libtest.skip.clone(),
    }
}

fn run(
    args: VerifyArgs,
    setup: Setup,
    context: String,
    foreign: Option<(ForeignCluster, tokio::runtime::Runtime)>,
) -> Result<u8, Failure> {
    let options = SessionOptions {
        program: program()?,
        source: LabSource::Foreign(context),
        runs_dir: args.runs.runs_dir,
        case_deadline: args.runs.case_deadline,
    };
    Harness { arguments: args.libtest, setup, options, foreign }.run(tell)
}

/// Shows what happens, on standard error; the verdicts are libtest's to print.
fn tell(event: Event<'_>) {
    PROGRESS.with_borrow_mut(|progress| {
        if let Event::Waiting { doing, elapsed, .. } = event {
            return progress.busy("cluster", doing, elapsed);
        }
        progress.clear();
        let line = |text: &str| {
            let _nobody_reads = writeln!(io::stderr(), "{}", clean(text));
        };
        match event {
            Event::Stage(stage) if stage.outcome == StageOutcome::Failed => {
                complain(&format_args!("{} failed: {}", stage.name, stage.summary));
            }
            Event::Stage(stage) => line(&stage.summary),
            Event::Kept(folder) => line(&format!("Report: {}", folder.join(HTML_FILE).display())),
            Event::Note(note) => line(note),
            Event::Case(_) | Event::Working(_) | Event::Waiting { .. } => {}
        }
    });
}

/// Refuses options that say how a lab is built.
fn plain(args: &LabArgs) -> Result<Wanted, Failure> {
    let wanted = args.wanted();
    let given = [
        ("--name", wanted.name.is_some()),
        ("--routing", args.routing.is_some()),
        ("--racks", wanted.racks.is_some()),
        ("--nodes", wanted.nodes.is_some()),
        ("--replicas", wanted.replicas.is_some()),
        ("--manifests", wanted.manifests.is_some()),
        ("--stream-images", wanted.stream_images),
    ];
    let option = given.into_iter().find(|(_option, given)| *given).map(|(option, _given)| option);
    match option.or(wanted.overrides.first()) {
        None => Ok(Wanted { on: wanted::On::Netns, ..wanted }),
        Some(option) => Err(Failure::usage(format!(
            "{option}: it says how a lab is built, and the cluster is there already; leave it out"
        ))),
    }
}

/// Refuses options that say which cluster is meant where none is.
pub(super) fn refuse_without(on: On, args: &ClusterArgs, others: &[(&'static str, bool)]) -> Result<(), Failure> {
    let other = others.iter().find(|(_option, given)| *given).map(|(option, _given)| *option);
    match args.first().or(other).filter(|_| on != On::Cluster) {
        None => Ok(()),
        Some(option) => {
            Err(Failure::usage(format!("{option} is for `--on cluster` alone; leave it out, or give that")))
        }
    }
}

/// What would be read. Nobody is asked for it.
fn plan(args: &VerifyArgs, access: &Access) -> Result<(), Failure> {
    let cases = selected(&selection(args), BackendKind::Cluster)?;
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let reached = runtime.block_on(access.connect())?;
    let namespace = args.cluster.cilium_namespace.as_deref().unwrap_or(CILIUM_NAMESPACE);
    let rights = tier::READ.iter().filter(|right| right.resource != "pods/exec");
    let rights = rights.map(|right| format!("  {}: {}\n", right.in_words(Some(namespace)), right.why));
    let there: Vec<&&Case> = cases.iter().filter(|case| case.exists_on(BackendKind::Cluster)).collect();
    let needs = cluster_reads(there.iter().map(|case| **case));
    let made = made(args, needs);
    let there: Vec<&&Case> = there.into_iter().filter(|case| !case.is_probed() || made.is_some()).collect();
    let commands = needs.commands(CiliumVersion::OLDEST.agent_program());
    let commands = commands.iter().map(|command| format!("  {command}\n"));
    let names = there.iter().map(|case| format!("  {}\n", case.name));
    let makes = made.as_deref().unwrap_or("would create, change and remove nothing\n");
    print(&format!(
        "in the cluster of {} ({}) it\n\
         {makes}\
         would ask its API server to\n{}\
         would run in the agent on each node, in its container cilium-agent in {namespace}, on 16 nodes at once,\n{}\
         would run those of {} cases that its configuration has:\n{}\
         would keep evidence and reports in {}\n",
        reached.context,
        reached.api.server(),
        rights.collect::<String>(),
        commands.collect::<String>(),
        there.len(),
        names.collect::<String>(),
        args.runs.runs_dir.display()
    ))
}

/// What the probe tier would make; none where nothing would be sent.
fn made(args: &VerifyArgs, needs: Needs) -> Option<String> {
    let inside = args.cluster.looks_inside();
    let looks_inside = inside && needs.inside;
    if !(needs.sends.any() || looks_inside) || args.cluster.tier == Some(cli::Tier::Read) {
        return None;
    }
    let ours = Ours::of_new_run(args.cluster.probe_namespace.as_deref(), inside);
    let condition = if args.cluster.tier.is_none() && !ours.given { ", if it has the rights for it" } else { "" };
    let after = if ours.given { "these pods and the Service" } else { "the namespace with all that is in it" };
    let within = if looks_inside {
        format!(
            "would look from there at links and routes in the network namespaces of {PODS} other pods on each node at most\n"
        )
    } else {
        String::new()
    };
    Some(format!(
        "would create this{condition}, with two pods for each node ({} of them behind the Service at most),\n{}\
         would put its probe into each pod, {} octets by their SHA-256, and ask that there\n{within}\
         would take away {after} at the end; the pods end by themselves after {} min\n",
        BACKENDS,
        ours.shown(),
        lab_cluster::probe::program_octets(),
        TIME_TO_LIVE.as_secs() / 60,
    ))
}

/// Takes away what earlier runs have left in a cluster.
pub(super) fn down(args: &DownArgs) -> Result<u8, Failure> {
    if args.images {
        return Err(Failure::usage("--images: no images are baked for a cluster that is there already; leave it out"));
    }
    if args.cluster.tier.is_some() {
        return Err(Failure::usage("--tier: what is left is taken away, whatever it was for; leave it out"));
    }
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let lines = runtime.block_on(async {
        let reached = args.cluster.access().connect().await?;
        let given = args.cluster.probe_namespace.as_deref();
        let swept = sweep(&reached.api, given, args.name.as_deref(), args.all).await;
        swept.map_err(|why| Failure { code: code::STAGE, message: format!("{}: {why}", reached.context) })
    })?;
    if lines.is_empty() {
        return print("no run has left anything in this cluster; nothing to do\n").map(|()| 0);
    }
    lines.iter().try_for_each(|line| print(&format!("{line}\n"))).map(|()| 0)
}

/// Checks whether a cluster can be read: that it answers, that there is Cilium, and each right.
pub(super) fn doctor(args: &DoctorArgs) -> Result<u8, Failure> {
    let _plain = plain(&args.lab)?;
    let named = args.cluster.cilium_namespace.as_deref();
    let given = args.cluster.probe_namespace.as_deref();
    let wanted = args.cluster.tier.is_some_and(cli::Tier::makes_pods) || given.is_some();
    if let Some(user) = &args.rbac_for {
        let mut text = tier::manifest(named.unwrap_or(CILIUM_NAMESPACE), user);
        if wanted {
            text.push_str(&tier::probe_manifest(given, user));
        }
        return print(&text).map(|()| 0);
    }
    let sent = (args.cluster.tier != Some(cli::Tier::Read)).then_some(ProbeTier { wanted, namespace: given });
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    let rows = runtime.block_on(async {
        let reached = args.cluster.access().connect().await?;
        let read = |cluster: &ForeignCluster| configuration(cluster.survey());
        Ok::<_, Failure>(Box::pin(doctor::cluster(&reached, named, &args.runs_dir, sent, &read)).await)
    })?;
    match args.format {
        Format::Json => print_json(&rows)?,
        Format::Text => print(&doctor::table(&rows))?,
    }
    Ok(if doctor::refusals(&rows).is_some() { code::DOCTOR } else { 0 })
}
