//! What a control is: a lab with or without a fault, and what each case must say of it.

use lab_harness::case::{Body, Case, Look};
use lab_harness::cases;
use lab_harness::lab::Lab;
use lab_model::BackendKind;
use lab_model::observe::Place;
use lab_model::stage::Stage;
use lab_model::{Judgement, NotHeld};
use lab_netns::plan::{Plan, Spec};
use lab_netns::tamper::Act;
use lab_sabotage::{Bench, Expect};

use crate::bench::Apart;
use crate::blind::{ALWAYS_HOLDS, BLIND, Judge};

/// What is wrong in a lab.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// These changes in its namespaces.
    Made(fn(&Plan) -> Vec<(Place, Act)>),
    /// This node is stopped.
    Stopped(&'static str),
    /// The lab is as it should be, and the case's own look is replaced by this one.
    SeenOtherwise(for<'a> fn(&'a Lab) -> Look<'a>),
}

/// A lab, and the cases that do not hold in it. All others do.
#[derive(Clone, Copy)]
pub(crate) struct Scene {
    /// How its building differs from the article's.
    pub(crate) shape: fn(&mut Spec),
    /// What is wrong in it. It is made when everything is built that the case needs, and before anything is
    /// observed for it.
    pub(crate) fault: Fault,
    /// The cases that must not hold, and what they must say.
    pub(crate) turns: &'static [(&'static str, Expect)],
}

impl Scene {
    /// The lab of the article.
    pub(crate) const SOUND: Self = Self { shape: |_spec| {}, fault: Fault::None, turns: &[] };

    /// What a case must say of it.
    pub(crate) fn expects(&self, case: &str) -> Expect {
        self.turns.iter().find(|(turned, _)| *turned == case).map_or(Expect::Held, |(_, expect)| *expect)
    }

    /// A lab in this state, at this stage.
    async fn set(&self, stage: Stage) -> Result<Apart, String> {
        let mut bench = Apart::start(self.shape).await?;
        let observes = matches!(stage, Stage::BaseObserved | Stage::TrafficObserved);
        for step in Stage::ALL.into_iter().filter(|step| *step <= stage) {
            if step == stage && observes {
                self.break_it(&mut bench).await?;
            }
            bench.step(step).await.map_err(|error| format!("{step}: {error}"))?;
        }
        if !observes {
            self.break_it(&mut bench).await?;
        }
        Ok(bench)
    }

    async fn break_it(&self, bench: &mut Bench) -> Result<(), String> {
        match self.fault {
            Fault::None | Fault::SeenOtherwise(_) => Ok(()),
            Fault::Made(acts) => bench.tamper(acts(bench.plan())).await,
            Fault::Stopped(node) => bench.stop(node).await,
        }
    }
}

/// A case and a lab: what it must say there, and what the other cases must, as far as the lab is built for it.
#[derive(Clone, Copy)]
pub(crate) struct Control {
    /// `accepts_…`, `refutes_…` or `leaves_…_unobserved_…`.
    pub(crate) name: &'static str,
    /// The case it is a control of.
    pub(crate) case: &'static str,
    /// The lab.
    pub(crate) scene: Scene,
    /// Whether the other cases are judged too.
    pub(crate) others: bool,
}

/// The case must hold in a sound lab.
pub(crate) const fn accepts(case: &'static str, name: &'static str) -> Control {
    Control { name, case, scene: Scene::SOUND, others: false }
}

/// The case, and others with it, must not hold with this fault.
pub(crate) const fn turns(
    case: &'static str,
    name: &'static str,
    fault: Fault,
    turns: &'static [(&'static str, Expect)],
) -> Control {
    Control { name, case, scene: Scene { fault, turns, ..Scene::SOUND }, others: true }
}

impl Control {
    /// The same in a lab that is built otherwise.
    pub(crate) const fn built(mut self, shape: fn(&mut Spec)) -> Self {
        self.scene.shape = shape;
        self
    }

    /// The same without the other cases, which would take long or could go either way.
    pub(crate) const fn alone(mut self) -> Self {
        self.others = false;
        self
    }

    /// What its own case must say.
    pub(crate) fn expects(&self) -> Expect {
        self.scene.expects(self.case)
    }

    /// Builds the lab, judges it, and takes it down. What is wrong with the judgements, if anything is.
    pub(crate) fn run(&self) -> Result<(), String> {
        let own = cases::find(self.case).ok_or_else(|| format!("there is no case {}", self.case))?;
        let others =
            cases::ALL.iter().filter(|other| self.others && other.needs <= own.needs && other.name != own.name);
        judge_all(&self.scene, own.needs, &[own], &others.collect::<Vec<_>>())
    }
}

/// Judges these cases in a lab of this kind; the first ones also by judges that do not look, whom nobody must believe.
pub(crate) fn judge_all(scene: &Scene, stage: Stage, own: &[&Case], others: &[&Case]) -> Result<(), String> {
    let runtime = lab_base::runtime().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let bench = scene.set(stage).await?;
        let mut wrong = Vec::new();
        for case in own {
            wrong.extend(judge(scene, &bench, case, true).await);
        }
        for case in others {
            wrong.extend(judge(scene, &bench, case, false).await);
        }
        bench.end().await?;
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    })
}

/// What is wrong with a case's judgement.
async fn judge(scene: &Scene, bench: &Bench, case: &Case, own: bool) -> Vec<String> {
    let Some(Body { look, judge }) = case.body(BackendKind::Netns) else { return Vec::new() };
    let look = match scene.fault {
        Fault::SeenOtherwise(otherwise) if own => otherwise,
        _ => look,
    };
    let expected = scene.expects(case.name);
    let seen = bench.look(case, look).await;
    let judged = |judge: Judge| -> Judgement {
        match &seen {
            Ok(seen) => judge(seen, bench.expect()),
            // As a session reports it: a look that broke saw nothing.
            Err(broke) => Err(NotHeld::Unobserved(broke.clone())),
        }
    };
    let mut wrong: Vec<String> =
        expected.check(&judged(judge)).err().into_iter().map(|why| format!("{} {why}", case.name)).collect();
    if own {
        let believed = BLIND.iter().filter(|(_, blind)| expected.check(&judged(*blind)).is_ok());
        // Where a claim holds, nothing tells a judge that holds everything: the controls that refute do.
        let believed = believed.filter(|(what, _)| !(matches!(expected, Expect::Held) && *what == ALWAYS_HOLDS));
        wrong.extend(believed.map(|(what, _)| format!("{}: a judge that {what} would pass this control", case.name)));
    }
    wrong
}
