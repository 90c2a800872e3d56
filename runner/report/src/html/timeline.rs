//! The stages of a run as bars on a line of time.

use std::time::Duration;
use svg::Document;

use super::ink::{int, picture, rectangle, text};
use super::table::{Cell, Table};
use lab_base::text::duration;
use lab_model::report::{Report, StageOutcome, StageReport};

const WIDTH: i32 = 340;
const ROW: i32 = 46;
/// The narrowest bar: a stage that took no time is still there.
const LEAST: i32 = 3;

/// The bars, one below the other, each beginning where the one before ended. None where no stage was begun.
pub(super) fn draw(report: &Report) -> Option<Document> {
    // Rounded to the microsecond as in report.json, so that a page that is made from there is the same.
    let took =
        |stage: &StageReport| Duration::from_micros(u64::try_from(stage.seconds.as_micros()).unwrap_or(u64::MAX));
    let total: Duration = report.stages.iter().map(took).sum();
    let room = u128::from((WIDTH - 16).unsigned_abs());
    let scaled = |time: Duration| {
        let whole = total.as_micros().max(1);
        i32::try_from(time.as_micros() * room / whole).unwrap_or(0)
    };
    if report.stages.is_empty() {
        return None;
    }
    let words = report.stages.iter().map(|stage| {
        let failed = if stage.outcome == StageOutcome::Failed { ", failed" } else { "" };
        format!("{} {}{failed}.", stage.name.title(), duration(stage.seconds))
    });
    let size = (WIDTH, ROW * int(report.stages.len()) + 6);
    let mut drawn = picture("timeline", size, "Stages and how long they took", &words.collect::<Vec<_>>().join(" "));
    let mut begun = Duration::ZERO;
    for (row, stage) in report.stages.iter().enumerate() {
        let y = ROW * int(row) + 6;
        let (class, word) = match stage.outcome {
            StageOutcome::Done => ("done", ""),
            StageOutcome::Failed => ("failed", " ✗ FAILED"),
        };
        let width = scaled(took(stage)).max(LEAST);
        let x = (8 + scaled(begun)).min(WIDTH - 8 - width);
        drawn = drawn
            .add(text((8, y + 14), &format!("label {class}"), &format!("{}{word}", stage.name.title())))
            .add(super::ink::ending((WIDTH - 8, y + 14), "label", &duration(stage.seconds)))
            .add(rectangle((8, y + 21), (WIDTH - 16, 12), "track").set("rx", 3))
            .add(rectangle((x, y + 21), (width, 12), &format!("bar {class}")).set("rx", 3));
        begun += took(stage);
    }
    Some(drawn)
}

/// The same as a table, with what stands now, or why it failed.
pub(super) fn table(report: &Report) -> Table {
    let row = |stage: &StageReport| {
        let outcome = match stage.outcome {
            StageOutcome::Done => Cell::of("good", "✓ done"),
            StageOutcome::Failed => Cell::of("bad", "✗ FAILED"),
        };
        vec![
            Cell::of("keep", stage.name.title()),
            outcome,
            Cell::of("keep", duration(stage.seconds)),
            Cell::plain(&stage.summary),
        ]
    };
    Table {
        caption: "Stages".to_owned(),
        head: vec!["Stage", "Outcome", "Took", "What stands"],
        rows: report.stages.iter().map(row).collect(),
    }
}
