//! What a run as a whole comes to: counts and the exit code.

use std::fmt;

use crate::report::{CaseOutcome, Report, StageOutcome};
use crate::stage::Stage;

/// How many cases ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// True claims.
    pub held: usize,
    /// False claims.
    pub refuted: usize,
    /// Nothing was seen that could decide them.
    pub unobserved: usize,
    /// A stage they need failed.
    pub blocked: usize,
    /// The program ran out of time.
    pub deadline: usize,
    /// They do not exist on this backend.
    pub not_on_backend: usize,
    /// They are about another topology.
    pub not_in_topology: usize,
    /// Selected, but without a verdict.
    pub not_reached: usize,
    /// Of those that held, the ones that were judged against overridden pins.
    pub held_overridden: usize,
}

impl Tally {
    /// How many cases held in a run with overridden pins, and how many of them against such: `2 held, 1 of them against
    /// overridden pins`.
    pub fn held_in_words(&self) -> String {
        match (self.held, self.held_overridden) {
            (0, _) => "none held".to_owned(),
            (held, 0) => format!("{held} held, by the article's own pins"),
            (1, _) => "1 held, against overridden pins".to_owned(),
            (held, overridden) if held == overridden => format!("{held} held, all of them against overridden pins"),
            (held, overridden) => format!("{held} held, {overridden} of them against overridden pins"),
        }
    }
}

/// Why the program ends with the exit code it ends with, as far as a run decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// All selected cases held, and there was at least one.
    Held,
    /// A case was refuted or unobserved, or has no verdict.
    NotHeld,
    /// No case was run.
    NothingRun,
    /// The doctor refused.
    DoctorRefused,
    /// A stage failed.
    StageFailed,
    /// A deadline passed.
    DeadlinePassed,
    /// The run was ended from outside.
    Interrupted,
}

impl ExitReason {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::NotHeld => 1,
            Self::NothingRun => 2,
            Self::DoctorRefused => 4,
            Self::StageFailed => 5,
            Self::DeadlinePassed => 6,
            // 128 and the number of SIGINT, as shells have it.
            Self::Interrupted => 130,
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Held => "all selected cases held",
            Self::NotHeld => "not all selected cases held",
            Self::NothingRun => "no case was run",
            Self::DoctorRefused => "the doctor refused",
            Self::StageFailed => "a stage failed",
            Self::DeadlinePassed => "a deadline passed",
            Self::Interrupted => "the run was interrupted",
        })
    }
}

impl Report {
    /// Counts the verdicts.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for case in &self.cases {
            *match case.outcome {
                CaseOutcome::Held { .. } => &mut tally.held,
                CaseOutcome::Refuted { .. } => &mut tally.refuted,
                CaseOutcome::Unobserved { .. } => &mut tally.unobserved,
                CaseOutcome::Blocked { .. } => &mut tally.blocked,
                CaseOutcome::Deadline { .. } => &mut tally.deadline,
                CaseOutcome::NotOnBackend => &mut tally.not_on_backend,
                CaseOutcome::NotInTopology => &mut tally.not_in_topology,
            } += 1;
            if matches!(case.outcome, CaseOutcome::Held { .. }) && !case.deviation.is_empty() {
                tally.held_overridden += 1;
            }
        }
        tally.not_reached = self.head.selected.saturating_sub(self.cases.len());
        tally
    }

    /// How much of it is about the article's own pins, in words: once there are verdicts, of those that held; none
    /// where nothing that the cases are judged against was overridden.
    pub fn overridden(&self) -> Option<String> {
        let (head, tally) = (&self.head, self.tally());
        if head.overridden == 0 {
            return None;
        }
        Some(if self.cases.is_empty() {
            let (selected, are) = (head.selected, if head.overridden == 1 { "is" } else { "are" });
            format!("{} of {selected} cases {are} judged against overridden pins", head.overridden)
        } else {
            tally.held_in_words()
        })
    }

    /// What decides the exit code. An interrupted run is that, whatever it saw before; a refuted or unobserved case
    /// comes before a failed stage, and that before a deadline. A selected case without a verdict is unobserved.
    /// Nothing is green for want of cases.
    pub fn exit_reason(&self) -> ExitReason {
        let tally = self.tally();
        let failed = |stage: Stage| {
            self.stages.iter().any(|report| report.name == stage && report.outcome == StageOutcome::Failed)
                || self.cases.iter().any(|case| {
                    matches!(&case.outcome, CaseOutcome::Blocked { stage: blocked_by, .. } if *blocked_by == stage)
                })
        };
        if self.interrupted {
            ExitReason::Interrupted
        } else if tally.refuted + tally.unobserved > 0 {
            ExitReason::NotHeld
        } else if failed(Stage::Doctor) {
            ExitReason::DoctorRefused
        } else if Stage::ALL.into_iter().any(failed) {
            ExitReason::StageFailed
        } else if tally.deadline > 0 {
            ExitReason::DeadlinePassed
        } else if tally.not_reached > 0 {
            ExitReason::NotHeld
        } else if tally.held == 0 {
            ExitReason::NothingRun
        } else {
            ExitReason::Held
        }
    }

    /// The exit code of a program that made this run.
    pub fn exit_code(&self) -> u8 {
        self.exit_reason().code()
    }

    /// Why the verdicts that are there are not the whole run; none if they are.
    pub fn incomplete(&self) -> Option<String> {
        let tally = self.tally();
        let reached = format!("{} of {} selected cases were not reached", tally.not_reached, self.head.selected);
        match (self.interrupted, tally.not_reached) {
            (true, 0) => Some("interrupted".to_owned()),
            (true, _) => Some(format!("interrupted: {reached}")),
            (false, 0) => (self.exit_reason() == ExitReason::NothingRun).then(|| "no case was run".to_owned()),
            (false, _) => Some(reached),
        }
    }
}
