//! Which lab is meant when none is named.

use super::{StateDir, StateError};

/// The name of a lab that is made to stay and is not named, on netns.
pub const DEFAULT_NAME: &str = "lab";

impl StateDir {
    /// Which of these a command means that was given no name: the lab `lab`, else the only one; none of none.
    ///
    /// # Errors
    /// [`StateError::Several`] when there is no telling.
    pub fn unnamed(candidates: Vec<Self>) -> Result<Option<Self>, StateError> {
        if candidates.len() > 1 && !candidates.iter().any(|lab| lab.name == DEFAULT_NAME) {
            return Err(StateError::Several { names: candidates.into_iter().map(|lab| lab.name).collect() });
        }
        let (mut named, mut others): (Vec<Self>, Vec<Self>) =
            candidates.into_iter().partition(|lab| lab.name == DEFAULT_NAME);
        Ok(named.pop().or_else(|| others.pop()))
    }

    /// All labs that a command can mean which was given no name: those that were made to stay, and the lab `lab`. A lab
    /// that a run has for itself is nobody else's.
    ///
    /// # Errors
    /// When the folder they are in cannot be read.
    pub fn all_that_stay() -> Result<Vec<Self>, StateError> {
        let mut all = Self::all()?;
        all.retain(|state| state.name == DEFAULT_NAME || state.stays());
        Ok(all)
    }

    /// Made to stay, or left behind: by a process that is gone, or with a state that cannot be read.
    fn stays(&self) -> bool {
        match self.read() {
            Ok(Some(lab)) => lab.stays || lab.is_gone() || lab.is_unfinished(),
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
        assert_eq!(error.to_string(), "several labs are there: kind, second; say which with `--name NAME`");
    }
}
