//! Hands a run's files to whoever called `sudo`: root's files in a user's folder would be in the way of that user's next
//! run.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{Gid, Uid, fchown, fchownat, geteuid};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

/// Who called `sudo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) user: Uid,
    pub(super) group: Gid,
}

impl Caller {
    /// The user who runs this program through `sudo` as root; none if root itself does, or nobody is root.
    pub(super) fn of_sudo() -> Option<Self> {
        let number = |name| std::env::var(name).ok()?.parse().ok();
        let (user, group) = (number("SUDO_UID")?, number("SUDO_GID")?);
        (geteuid().is_root() && user != 0).then(|| Self { user: Uid::from_raw(user), group: Gid::from_raw(group) })
    }

    /// Gives a run's folder to the caller, with all that root has in it, and the last `new` folders of the path to it, which
    /// this program made: if the folder that they are in is the caller's. Links are neither followed nor passed.
    ///
    /// # Errors
    /// When something is not as this program made it, or the system refuses. What was given until then stays given.
    pub(super) fn take_over(self, runs: &Path, new: usize, run: &OsStr) -> io::Result<()> {
        let above = runs.ancestors().nth(new).filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut at = open(above, FOLDER, Mode::empty())?;
        if fstat(&at)?.st_uid != self.user.as_raw() {
            return Ok(());
        }
        let mut made = Vec::new();
        let names: Vec<&OsStr> = runs.iter().collect();
        for name in names[names.len() - new.min(names.len())..].iter().chain([&run]) {
            at = openat(&at, *name, FOLDER | OFlag::O_NOFOLLOW, Mode::empty())?;
            if !is_roots(&fstat(&at)?) {
                return Err(Errno::EPERM.into());
            }
            made.push(at.try_clone()?);
        }
        self.take_all_in(&at)?;
        // From within to without: what is the caller's can be changed by the caller from then on.
        made.iter().rev().try_for_each(|folder| fchown(folder, Some(self.user), Some(self.group)))?;
        Ok(())
    }

    fn take_all_in(self, folder: &OwnedFd) -> io::Result<()> {
        for entry in fs::read_dir(format!("/proc/self/fd/{}", folder.as_fd().as_raw_fd()))? {
            let name = entry?.file_name();
            let there = fstatat(folder, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            if !is_roots(&there) {
                continue;
            }
            if SFlag::from_bits_truncate(there.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR {
                let inner = openat(folder, name.as_os_str(), FOLDER | OFlag::O_NOFOLLOW, Mode::empty())?;
                self.take_all_in(&inner)?;
            }
            let link = AtFlags::AT_SYMLINK_NOFOLLOW;
            fchownat(folder, name.as_os_str(), Some(self.user), Some(self.group), link)?;
        }
        Ok(())
    }
}

/// How folders are opened.
const FOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

const fn is_roots(there: &FileStat) -> bool {
    there.st_uid == 0
}

/// How many of the last folders of this path are not there yet.
pub(super) fn missing(path: &Path) -> usize {
    path.ancestors().take_while(|path| !path.as_os_str().is_empty() && path.symlink_metadata().is_err()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::{MetadataExt, chown, symlink};

    const CALLER: Caller = Caller { user: Uid::from_raw(1000), group: Gid::from_raw(1001) };

    fn owner(path: &Path) -> (u32, u32) {
        let there = path.symlink_metadata().unwrap();
        (there.uid(), there.gid())
    }

    /// A user's folder, and in it a run of root's.
    fn scene() -> (tempfile::TempDir, std::path::PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let case = home.path().join("out/lab-runs/k3f2/cases/x");
        fs::create_dir_all(&case).unwrap();
        fs::write(case.join("case.json"), "").unwrap();
        let runs = home.path().join("out/lab-runs");
        (home, runs)
    }

    #[test]
    fn what_is_not_there_yet_is_counted() {
        let (home, runs) = scene();
        assert_eq!(missing(&runs), 0);
        assert_eq!(missing(&home.path().join("a/b")), 2);
        assert_eq!(missing(Path::new("no-such-folder-here")), 1);
    }

    /// Only root can give files away. The line is not captured, so that it is seen of a test that passes.
    fn without_root(test: &str) -> bool {
        let root = geteuid().is_root();
        if !root {
            let line = format!("not run here: {test}: only root can give files away\n");
            io::stderr().write_all(line.as_bytes()).unwrap();
        }
        !root
    }

    #[test]
    fn in_a_folder_of_others_nothing_is_given() {
        let (_home, runs) = scene();
        let own = owner(&runs.join("k3f2"));
        let another = Caller { user: Uid::from_raw(own.0 + 1), ..CALLER };
        another.take_over(&runs, 2, OsStr::new("k3f2")).unwrap();
        assert_eq!(owner(&runs.join("k3f2")), own);
    }

    #[test]
    fn roots_files_in_a_users_folder_become_the_users_and_no_others() {
        if without_root("roots_files_in_a_users_folder_become_the_users_and_no_others") {
            return;
        }
        let (home, runs) = scene();
        let victim = home.path().join("victim");
        fs::write(&victim, "").unwrap();
        symlink(&victim, runs.join("k3f2/cases/link")).unwrap();
        fs::create_dir(runs.join("other")).unwrap();
        let own = (geteuid().as_raw(), nix::unistd::getegid().as_raw());
        chown(home.path(), Some(1000), Some(1001)).unwrap();
        CALLER.take_over(&runs, 2, OsStr::new("k3f2")).unwrap();
        for given in ["out", "out/lab-runs", "out/lab-runs/k3f2", "out/lab-runs/k3f2/cases/x/case.json"] {
            assert_eq!(owner(&home.path().join(given)), (1000, 1001), "{given}");
        }
        assert_eq!(owner(&runs.join("k3f2/cases/link")), (1000, 1001), "the link itself");
        assert_eq!((owner(&victim), owner(&runs.join("other"))), (own, own));
    }

    #[test]
    fn a_link_on_the_way_is_not_passed() {
        if without_root("a_link_on_the_way_is_not_passed") {
            return;
        }
        let (home, runs) = scene();
        chown(home.path(), Some(1000), Some(1001)).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let run = elsewhere.path().join("k3f2");
        fs::create_dir(&run).unwrap();
        // In place of the run's folder, and in place of the folder of runs.
        fs::rename(runs.join("k3f2"), home.path().join("aside")).unwrap();
        symlink(&run, runs.join("k3f2")).unwrap();
        assert!(CALLER.take_over(&runs, 2, OsStr::new("k3f2")).is_err());
        fs::rename(&runs, home.path().join("out/aside")).unwrap();
        symlink(elsewhere.path(), &runs).unwrap();
        assert!(CALLER.take_over(&runs, 2, OsStr::new("k3f2")).is_err());
        assert_eq!(owner(&run).0, 0);
        assert_eq!(owner(&home.path().join("out")).0, 0, "nothing is given of a path that is not as it was made");
    }
}
