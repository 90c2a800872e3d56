//! What a control is: a lab with or without a fault, and the cases that must say of it what the fault says.

use lab_harness::case::{Body, Case, Look};
use lab_harness::cases;
use lab_harness::lab::Lab;
use lab_model::BackendKind;
use lab_model::stage::Stage;
use lab_model::{Judgement, NotHeld};
use lab_netns::plan::Plan;
use lab_sabotage::acts::PlacedAct;
use lab_sabotage::{Apply, Bench, Expect, Fault, Undo};

use crate::bench::Apart;
use crate::blind::{ALWAYS_HOLDS, BLIND, Judge};

/// A fault, how far its lab is built, and who judges.
#[derive(Clone, Copy)]
pub(crate) struct Control {
    /// What is wrong in the lab, and what the cases must say of it.
    pub(crate) fault: Fault,
    /// The last stage that is built and observed. Cases that need more are not judged.
    pub(crate) upto: Stage,
    /// The only cases that are judged, where others would take long or could go either way; all where it is empty.
    only: &'static [&'static str],
    /// What the cases that are named for the fault are shown, in place of what their own looks see.
    shown: Option<for<'a> fn(&'a Lab) -> Look<'a>>,
}

/// Nothing is wrong.
pub(crate) const SOUND: Control = made("a-sound-lab", "Nothing is done.", |_plan| Vec::new(), &[], &[]);

/// Changes in a lab that is up, the cases that are named for them, and all that are turned.
pub(crate) const fn made(
    name: &'static str,
    what: &'static str,
    acts: fn(&Plan) -> Vec<PlacedAct>,
    kills: &'static [&'static str],
    turns: &'static [(&'static str, Expect)],
) -> Control {
    Control::of(Fault { name, what, apply: Apply::Acts(acts), kills, breaks: &[], turns, undo: Undo::PutBack })
}

impl Control {
    /// Of a fault, in a lab that is complete and whose traffic is observed.
    pub(crate) const fn of(fault: Fault) -> Self {
        Self { fault, upto: Stage::TrafficObserved, only: &[], shown: None }
    }

    /// The same, in a lab that is built and observed up to this stage alone.
    pub(crate) const fn upto(mut self, stage: Stage) -> Self {
        self.upto = stage;
        self
    }

    /// The same, made or built otherwise.
    pub(crate) const fn by(mut self, apply: Apply) -> Self {
        self.fault.apply = apply;
        if self.fault.needs_its_own_lab() {
            self.fault.undo = Undo::BuiltAgain;
        }
        self
    }

    /// The same, judged by the cases alone that are named for it.
    pub(crate) const fn alone(mut self) -> Self {
        self.only = self.fault.kills;
        self
    }

    /// The same, of which the cases that are named for it are shown this.
    pub(crate) const fn shown(mut self, shown: for<'a> fn(&'a Lab) -> Look<'a>) -> Self {
        self.shown = Some(shown);
        self
    }

    /// The cases that judge it.
    pub(crate) fn judges(&self) -> impl Iterator<Item = &'static Case> {
        let (upto, only) = (self.upto, self.only);
        cases::on(BackendKind::Netns)
            .filter(move |case| case.needs <= upto && (only.is_empty() || only.contains(&case.name)))
    }

    /// Builds the lab, has it judged, and takes it down. What is wrong with the judgements, if anything is.
    pub(crate) fn run(&self) -> Result<(), String> {
        let runtime = lab_base::runtime().map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let mut bench = self.built().await?;
            self.break_it(&mut bench).await?;
            // As in a run: traffic that cannot be observed leaves the cases unobserved that are about it.
            let traffic = match self.upto {
                Stage::TrafficObserved => bench.step(self.upto).await,
                _ => Ok(()),
            };
            let mut wrong = Vec::new();
            for case in self.judges() {
                let unseen = traffic.as_ref().err().filter(|_| case.needs == Stage::TrafficObserved);
                wrong.extend(self.judge(&bench, case, unseen).await);
            }
            bench.end().await?;
            if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
        })
    }

    /// The lab without its traffic, and without the fault of a lab that is up.
    async fn built(&self) -> Result<Apart, String> {
        let mut bench = match self.fault.apply {
            Apply::Built(_stage, shape) => Apart::start(self.fault.size(), shape).await?,
            _ => Apart::start(self.fault.size(), |_spec| {}).await?,
        };
        for step in Stage::ALL.into_iter().filter(|step| *step <= self.upto && *step != Stage::TrafficObserved) {
            if let Apply::Before(stage, acts) = self.fault.apply
                && stage == step
            {
                let acts = acts(bench.plan());
                bench.tamper(acts).await?;
            }
            bench.step(step).await.map_err(|error| format!("{step}: {error}"))?;
        }
        Ok(bench)
    }

    /// What is done in a lab that is up.
    async fn break_it(&self, bench: &mut Bench) -> Result<(), String> {
        match self.fault.apply {
            Apply::Acts(acts) | Apply::Sized { acts, .. } => bench.tamper(acts(bench.plan())).await,
            Apply::Stop(node) => bench.stop(node).await,
            Apply::Before(..) | Apply::Built(..) => Ok(()),
            Apply::Racks(_) => Err("it is a fault of racks".to_owned()),
            Apply::Cluster { .. } => Err("it is a fault of a cluster".to_owned()),
        }
    }

    /// What is wrong with a case's judgement. It is given to judges that do not look, too, whom nobody must believe.
    async fn judge(&self, bench: &Bench, case: &Case, unseen: Option<&String>) -> Vec<String> {
        let Some(Body { look, judge, .. }) = case.body(BackendKind::Netns) else { return Vec::new() };
        let look = self.shown.filter(|_| self.fault.kills.contains(&case.name)).unwrap_or(look);
        let expected = self.fault.expects(case.name);
        let seen = match unseen {
            Some(why) => Err(why.clone()),
            None => bench.look(case, look).await,
        };
        let judged = |judge: Judge| -> Judgement {
            match &seen {
                Ok(seen) => judge(seen, bench.expect()),
                // As a session reports it: a look that broke saw nothing.
                Err(broke) => Err(NotHeld::Unobserved(broke.clone())),
            }
        };
        let is = expected.check(&judged(judge)).err().into_iter().map(|why| format!("{} {why}", case.name));
        // Where a look broke, no judge is asked; where a claim holds, nothing tells a judge that holds everything: the
        // controls that refute do.
        let tells = |what: &str| seen.is_ok() && !(matches!(expected, Expect::Held) && what == ALWAYS_HOLDS);
        let believed = BLIND.iter().filter(|(what, blind)| tells(what) && expected.check(&judged(*blind)).is_ok());
        let believed = believed.map(|(what, _)| format!("{}: a judge that {what} would pass this control", case.name));
        is.chain(believed).collect()
    }
}
