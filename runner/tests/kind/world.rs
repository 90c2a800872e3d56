//! One test's world: a user's folders, the programs in PATH, the Engine, the API server.

use lab_engine::Engine;
use lab_kind::ownership::{Member, members};
use lab_kind::snapshot::Snapshot;
use lab_stand_in::{Image, Plan, own, with_engine};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

use super::api_server::ApiServer;
use super::engine_socket::EngineSocket;
use super::left::{below, mounts, processes, wait_for_none};
use super::process::{Ended, Running};
use super::scripts;

/// The program.
pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_lab");
/// kind's network, whatever the cluster's name.
pub(super) const NETWORK: &str = "kind";
/// Of no use on the Internet (RFC 2544), and so in no host's routes.
const POD_POOL: &str = "198.18.128.0/17";

/// What nodes get into their stores: one image here, by a name for each.
const IMAGES: [&str; 3] = ["cilium", "operator-generic", "hello-app"];

/// All of it; gone with this value.
pub(super) struct World {
    /// The cluster's and the lab's name.
    pub(super) name: String,
    pub(super) engine: Engine,
    pub(super) api: ApiServer,
    image: Image,
    socket: EngineSocket,
    folder: TempDir,
    before: Snapshot,
    // Last: what is above is dropped within them.
    runtime: tokio::runtime::Runtime,
    _alone: fs::File,
}

/// Runs a test in a world of its own, and sees to it that nothing of it is left.
pub(super) fn in_world(test: &str, body: impl FnOnce(&World) + Send) {
    with_engine(test, async |engine| {
        // Programs are waited for on a runtime of their own, which cannot be within another's.
        std::thread::scope(|scope| {
            let ran = scope.spawn(|| {
                let world = World::new(&engine.endpoint());
                body(&world);
                world.assert_nothing_left();
            });
            if let Err(panic) = ran.join() {
                std::panic::resume_unwind(panic);
            }
        });
    });
}

/// The network is one for all: this is the only test that uses it, on this machine.
fn alone() -> fs::File {
    let file = std::env::temp_dir().join("lab-tests-kind-network.lock");
    let file = fs::File::options().create(true).append(true).open(file).unwrap();
    file.lock().unwrap();
    file
}

impl World {
    fn new(endpoint: &str) -> Self {
        let alone = alone();
        let runtime = lab_base::runtime().unwrap();
        let folder = tempfile::Builder::new().prefix("lab-kind-").tempdir().unwrap();
        let socket = EngineSocket::serve(folder.path(), endpoint);
        let name = format!("lab-{:06x}", fastrand::u32(..1 << 24));
        let (engine, image, before) = runtime.block_on(async {
            let engine = Engine::connect().await.unwrap();
            let mut plan: Plan = scripts::plan();
            plan.image.programs.push("perl".into());
            let script = fs::read(data().join("api.pl")).unwrap();
            plan.image.files.push(("/api.pl".to_owned(), script));
            let mut image = Image::make(&engine, &plan.image).await;
            for name in IMAGES {
                image.tag(name).await;
            }
            let before = Snapshot::take(&engine, Path::new(PROGRAM)).await.unwrap();
            (engine, image, before)
        });
        for part in ["home", "state", "tmp", "work", "fakes"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        let fakes = folder.path().join("fakes");
        let api = ApiServer::serve(&name, fakes.join("helm-install"));
        let world = Self { name, engine, api, image, socket, folder, before, runtime, _alone: alone };
        world.fake("kind-version", "kind v0.17.0 go1.19.2 linux/amd64\n");
        world.fake("kubeconfig", &world.api.kubeconfig());
        world.fake("label", &format!("{}={}", lab_stand_in::OWNER_LABEL, own()));
        world.make_chart();
        world
    }

    /// Writes a file for the fake programs.
    pub(super) fn fake(&self, file: &str, text: &str) {
        fs::write(self.path("fakes").join(file), text).unwrap();
    }

    /// The steps that the fake programs have passed.
    pub(super) fn steps(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("fakes").join("steps")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A folder of it: `home`, `state`, `tmp`, `work`, `fakes`.
    pub(super) fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join(part)
    }

    /// The lab's state folder.
    pub(super) fn state(&self) -> PathBuf {
        self.path("state").join("lab").join(&self.name)
    }

    /// Cilium's chart, without its templates.
    fn make_chart(&self) {
        let file = fs::File::create(self.path("cilium-1.12.4.tgz")).unwrap();
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
        let text = b"apiVersion: v2\nname: cilium\nversion: 1.12.4\n";
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "cilium/Chart.yaml", text.as_slice()).unwrap();
        tar.into_inner().unwrap().finish().unwrap();
    }

    /// `lab`, with these arguments, in this world.
    #[expect(clippy::disallowed_methods, reason = "the one place in which these tests start processes")]
    pub(super) fn lab(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.env_clear().current_dir(self.path("work"));
        let kept = |name: &str| matches!(name, "LD_LIBRARY_PATH" | "LLVM_PROFILE_FILE" | "RUST_BACKTRACE");
        command.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(kept)));
        let mut path: Vec<PathBuf> = vec![data().join("programs")];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let path: OsString = std::env::join_paths(path).unwrap();
        command.env("PATH", path).env("FAKES", self.path("fakes")).env("DOCKER_HOST", self.socket.endpoint());
        command.env("HOME", self.path("home")).env("XDG_STATE_HOME", self.path("state"));
        command.env("TMPDIR", self.path("tmp")).args(args);
        command
    }

    /// `lab up` or `lab run`, with all that this lab needs. Its node image has no containerd with which anything could be
    /// baked.
    pub(super) fn made_by(&self, command: &str) -> Command {
        let mut lab = self.baked_by(command);
        lab.arg("--stream-images");
        lab
    }

    /// The same, of a baked image.
    pub(super) fn baked_by(&self, command: &str) -> Command {
        let image = self.image.reference();
        let chart = self.path("cilium-1.12.4.tgz");
        let mut lab = self.lab(&[command, "--on", "kind", "--name", &self.name, "--pod-pool", POD_POOL]);
        lab.args(["--node-image", image, "--chart"]).arg(chart);
        for name in IMAGES {
            lab.args(["--image", &format!("{name}={}:{name}", image.trim_end_matches(":test"))]);
        }
        lab
    }

    /// `lab up` to its end.
    pub(super) fn up(&self) -> Ended {
        Running::start(self.made_by("up")).finish()
    }

    /// `lab` to its end.
    pub(super) fn run(&self, args: &[&str]) -> Ended {
        Running::start(self.lab(args)).finish()
    }

    /// Waits until the fake programs have passed a step.
    #[track_caller]
    pub(super) fn wait_for(&self, step: &str) {
        let missing =
            || if self.steps().iter().any(|passed| passed == step) { vec![] } else { vec![self.steps().join(", ")] };
        wait_for_none(&format!("the step {step}"), missing);
    }

    /// Asks the Engine.
    pub(super) fn ask<T>(&self, asked: impl Future<Output = T>) -> T {
        self.runtime.block_on(asked)
    }

    /// The containers of the lab's cluster.
    pub(super) fn members(&self) -> Vec<Member> {
        self.ask(members(&self.engine, Some(&self.name))).unwrap()
    }

    /// A node's name.
    pub(super) fn node(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.name)
    }

    /// What of this lab's is in Docker and on this host now, and was not before: containers, the network and its
    /// addresses, the seal.
    pub(super) fn left(&self) -> Vec<String> {
        let now = self.ask(Snapshot::take(&self.engine, Path::new(PROGRAM))).unwrap();
        let network = format!("Docker network {NETWORK} ");
        let seal = format!("lab_seal_{} ", self.name);
        let ours = |line: &String| line.contains(&network) || line.contains(&seal) || line.contains(&self.name);
        self.before.differences(&now).into_iter().filter(ours).collect()
    }

    /// Asserts that nothing is left but runs, and artefacts where a failure tells of them.
    #[track_caller]
    pub(super) fn assert_nothing_left(&self) {
        assert_eq!(self.left(), [""; 0]);
        wait_for_none("the end of all processes", || processes(&self.path("home")));
        for folder in [self.path("state").join("lab"), self.path("home")] {
            let left = below(&folder);
            assert!(left.is_empty(), "{left:?}");
        }
        assert_eq!(mounts(self.folder.path()), [""; 0]);
        // Of a lab that failed, its nodes' logs are kept, and its user was told where.
        let temporary = below(&self.path("tmp"));
        let kept = format!("lab-{}-", self.name);
        let left: Vec<&PathBuf> = temporary.iter().filter(|path| !path.display().to_string().contains(&kept)).collect();
        assert!(left.is_empty(), "{left:?}");
        let partial: Vec<PathBuf> = below(&self.path("work"))
            .into_iter()
            .filter(|path| path.display().to_string().contains(".partial"))
            .collect();
        assert!(partial.is_empty(), "{partial:?}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Only a test that fails leaves any: they are this world's own, and so are the containers on its network.
        for process in processes(&self.path("home")) {
            let _ended_meanwhile = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
        }
        if std::thread::panicking() {
            let ended = Running::start(self.lab(&["down", "--all"])).finish();
            eprintln!("{ended}\nsteps: {:?}", self.steps());
            self.runtime.block_on(lab_stand_in::remove_all(&self.engine));
        }
    }
}

/// The program without what only a debugger reads: that is most of it, and it is copied into every node. Where it cannot
/// be left out, the program as it is.
#[expect(clippy::disallowed_methods, reason = "a program of the machine's, run once for all these tests")]
fn program() -> &'static Path {
    static STRIPPED: OnceLock<PathBuf> = OnceLock::new();
    STRIPPED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let file = folder.join(format!("lab-stripped-{}", std::process::id()));
        let stripped = Command::new("strip").arg("-o").arg(&file).arg(PROGRAM).status();
        let kept = folder.join("lab-stripped");
        // In one step: another test's process may be running the one before.
        if stripped.is_ok_and(|status| status.success()) && fs::rename(&file, &kept).is_ok() {
            kept
        } else {
            PathBuf::from(PROGRAM)
        }
    })
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kind")
}
