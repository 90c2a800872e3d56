//! Each recording as the bundle of a run: written as a run is, judged again by the program.

use lab_base::exec::{Exit, Invocation};
use lab_bundle::plan;
use lab_model::Routing;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::kind_only::{self, declared};
use super::runs::Written;
use super::{NATIVE, Read, Recording, VXLAN, VXLAN_WIRE, wire};
use crate::{Must, rows};

/// For one invocation.
const DEADLINE: Duration = Duration::from_mins(2);
/// The kernel's own lookups were not recorded: routes and rules alone do not prove it.
const BY_LOOKUPS: &str = "routing::direct_route_to_every_peer";

/// What a run on this recording would have looked at, and the verdicts of the tables on it.
fn verdicts(recording: Recording) -> Read<Vec<(&'static str, Value, Must)>> {
    let all = rows(recording).into_iter().chain(kind_only::rows(recording));
    let recorded = all.filter(|(_, _, must)| !matches!(must, Must::NotRecorded(..)));
    recorded
        .map(|(case, seen, must)| {
            let must = match must {
                Must::Hold if case == BY_LOOKUPS => Must::Undecided("the kernel's own decision was not asked for"),
                other => other,
            };
            Ok((case, seen(recording)?, must))
        })
        .collect()
}

/// The bundle of a run that saw this, in this folder. `instead` are observations that were not recorded here, under the
/// verdicts that were.
fn bundle(recording: Recording, folder: &Path, instead: &BTreeMap<&str, Value>) -> Read<PathBuf> {
    let text = |error: &dyn std::error::Error| lab_base::failure::chain(error);
    let verdicts = verdicts(recording)?;
    let expect = declared()?;
    let id = recording.0[..1].to_owned() + "rec";
    let routing = if [VXLAN, VXLAN_WIRE].contains(&recording) { Routing::Vxlan } else { Routing::Native };
    let mut run = Written::begin(folder, id, recording.0, routing, &expect)?;
    for (name, seen, must) in verdicts {
        let judgement = run.judge(name, &seen)?;
        if !must.fits(&judgement) {
            return Err(format!("{name} on {}: {judgement:#?}", recording.0));
        }
        let pcaps = if name.starts_with("wire::") { wire::pcaps(recording) } else { Vec::new() };
        let pcaps: Vec<_> = pcaps.iter().map(|file| (file.replace(['/', '.'], "_"), recording.path(file))).collect();
        run.case(name, instead.get(name).unwrap_or(&seen), judgement, &pcaps)?;
    }
    let path = run.end()?;
    let packing = plan(&path).map_err(|error| text(&error))?;
    if !packing.left_out().is_empty() {
        return Err(format!("left out: {:?}", packing.left_out()));
    }
    let file = folder.join(packing.default_name(false));
    packing.write(&file, false).map_err(|error| text(&error))?;
    Ok(file)
}

/// `lab replay`, for machines: its exit code and what it says.
fn replay(bundle: &Path) -> Read<(Exit, Value)> {
    let run = Invocation::new(env!("CARGO_BIN_EXE_lab")).args(["replay", "--format", "json"]).args([bundle]);
    let runtime = lab_base::runtime().map_err(|error| error.to_string())?;
    let finished = runtime.block_on(run.run(DEADLINE)).map_err(|error| error.to_string())?;
    let said = finished.stdout_text();
    let document = serde_json::from_str(&said).map_err(|error| format!("{error}: {said}{}", finished.stderr_text()))?;
    Ok((finished.exit, document))
}

/// Which cases came out as this.
fn that_are<'a>(document: &'a Value, again: &str) -> Vec<&'a str> {
    let cases = document["cases"].as_array().into_iter().flatten();
    cases.filter(|case| case["again"] == again).filter_map(|case| case["name"].as_str()).collect()
}

#[test]
fn the_verdicts_of_every_recording_are_reproduced_from_its_bundle() {
    let mut judged = 0;
    for recording in kind_only::COLUMNS {
        let folder = tempfile::tempdir().expect("a folder");
        let bundle = bundle(recording, folder.path(), &BTreeMap::new()).expect("a bundle");
        let (exit, document) = replay(&bundle).expect("a replay");
        let expected = verdicts(recording).expect("verdicts");
        assert_eq!(exit, Exit::Code(0), "{}: {document:#}", recording.0);
        let mut reproduced = that_are(&document, "reproduced");
        let mut names: Vec<&str> = expected.iter().map(|(name, ..)| *name).collect();
        reproduced.sort_unstable();
        names.sort_unstable();
        assert_eq!(reproduced, names, "{}", recording.0);
        judged += names.len();
        // What the table says is what was recorded.
        for (name, _, must) in expected {
            let cases = document["cases"].as_array().expect("cases");
            let case = cases.iter().find(|case| case["name"] == name).expect("the case");
            let word = match must {
                Must::Hold => "held",
                Must::Refute(_) => "refuted",
                Must::Undecided(_) | Must::NotRecorded(..) => "unobserved",
            };
            assert_eq!(case["recorded"]["outcome"], word, "{name} on {}", recording.0);
        }
        if let Some(keep) = std::env::var_os("LAB_TESTS_KEEP_BUNDLES") {
            let name = format!("recorded-{}.tar.zst", recording.0);
            fs::copy(&bundle, Path::new(&keep).join(name)).expect("to be kept");
        }
    }
    assert!(judged > 100, "{judged}");
}

/// Under the verdicts of the native recording, what was seen with vxlan.
#[test]
fn another_observation_under_a_recorded_verdict_differs() {
    let vxlan: BTreeMap<_, _> =
        verdicts(VXLAN).expect("verdicts").into_iter().map(|(name, seen, _)| (name, seen)).collect();
    for (name, reason) in [
        ("routing::no_tunnel_device", "tunnel_device at "),
        ("wire::frames_are_not_encapsulated", "encapsulated at "),
        (BY_LOOKUPS, "through_tunnel at "),
        ("cilium::routes_natively", "wrong_config_map at "),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let instead = BTreeMap::from([(name, vxlan[name].clone())]);
        let bundle = bundle(NATIVE, folder.path(), &instead).expect("a bundle");
        let (exit, document) = replay(&bundle).expect("a replay");
        assert_eq!(exit, Exit::Code(1), "{document:#}");
        assert_eq!(that_are(&document, "differs"), [name], "{document:#}");
        let cases = document["cases"].as_array().expect("cases");
        let case = cases.iter().find(|case| case["name"] == name).expect("the case");
        assert_eq!(case["now"]["outcome"], "refuted", "{case:#}");
        let why = case["now"]["why"].as_str().unwrap_or_default();
        assert!(why.contains(reason), "{reason:?} is not in {why:?}");
    }
}
