//! Which lab a command means when it is given no `--name`.

use super::{StateDir, StateError};

/// The name of a lab that is made to stay and is not named, on netns.
pub const DEFAULT_NAME: &str = "lab";

impl StateDir {
    /// The one of these labs that a command without `--name` means: the lab `lab`, else the only one. None when there
    /// are no candidates.
    ///
    /// # Errors
    /// [`StateError::Several`] when there are several and none is called `lab`.
    pub fn unnamed(candidates: Vec<Self>) -> Result<Option<Self>, StateError> {
        if candidates.len() > 1 && !candidates.iter().any(|lab| lab.name == DEFAULT_NAME) {
            return Err(StateError::Several { names: candidates.into_iter().map(|lab| lab.name).collect() });
        }
        let (mut named, mut others): (Vec<Self>, Vec<Self>) =
            candidates.into_iter().partition(|lab| lab.name == DEFAULT_NAME);
        Ok(named.pop().or_else(|| others.pop()))
    }

    /// The labs that a command without `--name` can mean: those that were made to stay, and the lab `lab`. A lab that
    /// `lab run` made for itself is not among them.
    ///
    /// # Errors
    /// When the folder they are in cannot be read.
    pub fn all_that_stay() -> Result<Vec<Self>, StateError> {
        let mut all = Self::all()?;
        all.retain(|state| state.name == DEFAULT_NAME || state.stays());
        Ok(all)
    }

    /// Whether the lab was made to stay, or was left behind: its process is gone, or its state cannot be read.
    fn stays(&self) -> bool {
        match self.read() {
            Ok(Some(lab)) => lab.stays || self.is_gone(&lab) || self.is_unfinished(&lab),
            Ok(None) => false,
            Err(_unreadable) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn labs(names: &[&str]) -> Vec<StateDir> {
        let named = |name: &&str| StateDir::named(Path::new("/state"), name).expect("a name");
        names.iter().map(named).collect()
    }

    #[test]
    fn the_lab_lab_comes_first_and_then_the_only_one() {
        let table: [(&[&str], Option<&str>); 5] = [
            (&[], None),
            (&["kind"], Some("kind")),
            (&["lab"], Some("lab")),
            (&["a", "lab", "z"], Some("lab")),
            (&["lab", "z"], Some("lab")),
        ];
        for (names, meant) in table {
            let found = StateDir::unnamed(labs(names)).unwrap_or_else(|error| panic!("{names:?}: {error}"));
            assert_eq!(found.as_ref().map(StateDir::name), meant, "{names:?}");
        }
    }

    #[test]
    fn several_are_listed() {
        let error = StateDir::unnamed(labs(&["kind", "second"])).expect_err("there is no telling");
        assert_eq!(error.to_string(), "several labs exist: kind, second; choose one with `--name NAME`");
    }
}
