//! Who an instance is. Its id is the name of its seat in the consumer group and of its transactions, so it must outlive the process: after a crash the same
//! command on the same state directory takes its partitions back at once, and what the dead process left open is fenced.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};

use super::errors::UsageError;
use super::state_dir::StateDir;
use crate::config::Config;

/// Longest id: it is part of names that brokers limit to 249 characters.
const MOST_CHARACTERS: usize = 64;

/// The id of the instance that works on `folder`: `instance.id` if it is set, else the one kept there, else a new one. It is kept for the next start. The folder
/// must be claimed.
///
/// # Errors
/// When the id has other characters than `a-z A-Z 0-9 . _ -` or is too long, or it cannot be read or kept.
pub fn instance_id(config: &Config, folder: &StateDir) -> anyhow::Result<String> {
    let path = folder.path().join("instance.id");
    let kept = kept(&path)?;
    let id = match (config.text("instance.id"), &kept) {
        ("", Some(kept)) => kept.clone(),
        ("", None) => random_id(),
        (id, _) => check(id).map(|()| id.to_owned()).map_err(|what| UsageError(format!("instance.id {id:?}: {what}")))?,
    };
    if kept.as_ref() != Some(&id) {
        keep(&path, &id).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(id)
}

fn kept(path: &Path) -> anyhow::Result<Option<String>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read the instance's id from {}", path.display())),
    };
    let id = text.trim();
    if let Err(what) = check(id) {
        bail!(
            "{} holds no instance id ({what}): write the id there, set instance.id, or remove the file for a new one",
            path.display()
        );
    }
    Ok(Some(id.to_owned()))
}

fn check(id: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=MOST_CHARACTERS).contains(&id.len()) && id.chars().all(plain) {
        return Ok(());
    }
    Err(format!("expected 1 to {MOST_CHARACTERS} of the characters a-z A-Z 0-9 . _ -"))
}

/// Durable before it is used: a process that died between the two would come back as somebody else and wait for itself.
fn keep(path: &Path, id: &str) -> std::io::Result<()> {
    let next = path.with_extension("id.new");
    let mut file = std::fs::File::create(&next)?;
    writeln!(file, "{id}")?;
    file.sync_all()?;
    std::fs::rename(&next, path)
}

/// 64 bits from the operating system, by way of the keys that the standard library asks it for.
fn random_id() -> String {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(flags: &[&str]) -> Config {
        Config::load(None, [], &flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_id_is_made_up_once_and_kept() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (first, second) = (StateDir::at(one.path()), StateDir::at(two.path()));
        let id = instance_id(&config(&[]), &first).unwrap();
        assert_eq!(instance_id(&config(&[]), &first).unwrap(), id);
        assert_ne!(instance_id(&config(&[]), &second).unwrap(), id);
        assert_eq!(instance_id(&config(&["instance.id=worker-1"]), &first).unwrap(), "worker-1");
        assert_eq!(instance_id(&config(&[]), &first).unwrap(), "worker-1", "what was said is kept too");
    }

    #[test]
    fn ids_that_cannot_be_names_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path());
        let error = instance_id(&config(&["instance.id=a b"]), &state).unwrap_err();
        assert!(error.is::<UsageError>() && error.to_string().contains("a-z A-Z 0-9"), "{error}");
        std::fs::write(folder.path().join("instance.id"), "").unwrap();
        let error = instance_id(&config(&[]), &state).unwrap_err().to_string();
        assert!(error.contains("remove the file for a new one"), "{error}");
    }
}
