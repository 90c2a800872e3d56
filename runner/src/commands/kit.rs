//! `lab kit`: packs everything that a lab on kind needs into one file, or shows such a file.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use super::{print, print_json};
use crate::cli::{Format, KitArgs, KitCommand, KitPackArgs, KitShowArgs};
use lab_backend::Doing;
use lab_base::clock;
use lab_base::failure::{Failure, code};
use lab_base::interrupt::Interrupt;
use lab_engine::Engine;
use lab_images::kit;
use lab_images::kit::{Kit, KitError, KitWriter, Order, describe};
use lab_images::{Find, Instead, NODE, Wanted};
use lab_kind::chart;
use lab_manifest::Manifests;
use lab_manifest::overrides;
use lab_report::Progress;

/// Deadline for the pull of one image; long enough for a slow network.
const PULL: Duration = Duration::from_hours(1);

pub(super) fn kit(args: &KitArgs) -> Result<u8, Failure> {
    match &args.command {
        KitCommand::Pack(args) => pack(args),
        KitCommand::Show(args) => show(args),
    }
}

fn show(args: &KitShowArgs) -> Result<u8, Failure> {
    let kit = Kit::open(&args.file)?;
    let text = match args.format {
        Format::Json => return print_json(kit.index()).map(|()| 0),
        Format::Text => {
            let pins = Manifests::embedded().map_err(|error| Failure::input(&error))?.pins;
            let notes = kit.index().differences(&pins).into_iter().map(|note| format!("  (not as pinned: {note})\n"));
            describe(&kit.path().display().to_string(), kit.index()) + &notes.collect::<String>()
        }
    };
    print(&text).map(|()| 0)
}

fn pack(args: &KitPackArgs) -> Result<u8, Failure> {
    let manifests = match &args.manifests {
        Some(folder) => Manifests::load(folder),
        None => Manifests::embedded(),
    };
    let manifests = manifests.map_err(|error| Failure::input(&error))?;
    let images = images(args, &manifests)?;
    let runtime = lab_base::runtime().map_err(|error| Failure::stage(&error))?;
    runtime.block_on(async {
        let mut interrupt = Interrupt::listen().map_err(|error| Failure::stage(&error))?;
        tokio::select! {
            biased;
            () = interrupt.came() => {
                Err(Failure { code: code::INTERRUPTED, message: "interrupted; no kit was written".to_owned() })
            }
            packed = packed(args, &manifests, images) => packed,
        }
    })
}

/// The images to pack: the pinned ones, except those that options replace.
fn images(args: &KitPackArgs, manifests: &Manifests) -> Result<Vec<Wanted>, Failure> {
    let mut images = Wanted::all(&manifests.pins.images).map_err(|error| Failure::input(&error))?.to_vec();
    let mut replace = |name: &str, option: &str, given: &overrides::Reference| {
        for wanted in images.iter_mut().filter(|wanted| wanted.name == name) {
            let replaced = wanted.clone().replaced(given);
            *wanted = replaced.map_err(|error| Failure::usage(format!("{option}: {error}")))?;
        }
        Ok::<(), Failure>(())
    };
    if let Some(given) = &args.node_image {
        replace(NODE, "--node-image", given)?;
    }
    for (number, local) in args.images.iter().enumerate() {
        if args.images[..number].iter().any(|earlier| earlier.name == local.name) {
            return Err(Failure::usage(format!("--image {} is given twice; give it once", local.name)));
        }
        replace(local.name.key(), "--image", &local.reference)?;
    }
    Ok(images)
}

async fn packed(args: &KitPackArgs, manifests: &Manifests, images: Vec<Wanted>) -> Result<u8, Failure> {
    // The output file is checked first, so that a refusal does not come after minutes of pulling.
    let writer = (!args.dry_run).then(|| KitWriter::begin(&args.output, args.force)).transpose()?;
    let engine = Engine::connect().await.map_err(|error| Failure::stage(&error))?;
    let Some(writer) = writer else { return dry_run(args, manifests, &images, &engine).await };
    let (chart, name) = (&manifests.pins.chart, manifests.cilium.release.chart.as_str());
    let file = match &args.chart {
        Some(file) => file.clone(),
        None => chart::pinned(chart, name, Path::new("helm"), &Doing::default()).await?,
    };
    let chart_file = kit::verify_chart(&file, chart)?;
    let order = Order {
        images,
        chart: name.to_owned(),
        chart_version: chart.version.clone(),
        chart_file,
        kubernetes: args.node_image.is_none().then(|| manifests.pins.kubernetes.version.clone()),
        pull_deadline: PULL,
    };
    let progress = RefCell::new(Progress::on_stderr());
    let begun = clock::now();
    let tell = |far: String| progress.borrow_mut().waiting("the kit", &far, begun.elapsed(), PULL);
    let packed = kit::pack(&engine, order, writer, &tell).await;
    progress.borrow_mut().clear();
    let (index, bytes) = packed?;
    print(&describe(&format!("{}, {} MB", args.output.display(), bytes / 1_000_000), &index)).map(|()| 0)
}

async fn dry_run(args: &KitPackArgs, manifests: &Manifests, images: &[Wanted], engine: &Engine) -> Result<u8, Failure> {
    let mut lines = vec![format!("would write {}\n", args.output.display())];
    if args.output.exists() {
        let so = if args.force { "and would be replaced" } else { "and is not replaced without --force" };
        lines.push(format!("  (it exists, {so})\n"));
    }
    for wanted in images {
        let so = match (lab_images::held(engine, wanted).await, &wanted.find) {
            (Ok(Some(held)), _) => format!("in the Engine, {} MB", held.size / 1_000_000),
            (Ok(None), Find::Digest(_)) => "would be pulled".to_owned(),
            (Ok(None), Find::Local(_)) => match &wanted.instead {
                Some(Instead::Published { reference, digest }) => {
                    format!("would be pulled as {}@{digest}", reference.repository())
                }
                Some(Instead::Archive(path)) => format!("would be loaded from {}", path.display()),
                None => "MISSING: not in the Engine; lab does not pull local images".to_owned(),
            },
            (Err(error), _) => return Err(KitError::from(error).into()),
        };
        lines.push(format!("  {:<17} {}  {so}\n", wanted.name, wanted.shown()));
    }
    let chart = &manifests.pins.chart;
    let from = args.chart.as_ref().map_or_else(|| format!("from {}", chart.url), |file| file.display().to_string());
    lines.push(format!("  {:<17} {} {}  {from}\n", "chart", manifests.cilium.release.chart, chart.version));
    print(&lines.concat()).map(|()| 0)
}
