//! Two slots per task, used in turn: which one to write, which generation comes next, and what of it verifies.
//!
//! It knows nothing of files or databases: a [`SlotStorage`] keeps the bytes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ledger::Ledger;
use super::manifest::{Manifest, Place};
use super::{Checkpoint, CheckpointStore, Incident, Listing, StoreError};

/// What lies in a slot, unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSlot {
    /// The sealed manifest.
    pub manifest: Vec<u8>,
    /// The payload.
    pub payload: Vec<u8>,
}

/// A place for the bytes of slots 0 and 1 of every task. It need not verify anything.
///
/// # Errors
/// Every method answers [`StoreError::Failed`] when the device or the database fails; damage that lets bytes be read is no error.
pub trait SlotStorage: Send + Sync {
    /// Replaces a slot. The payload is durable before the manifest is written; returns when that is durable too. The other slot is never touched.
    fn put(&self, task: &str, slot: u8, manifest: &[u8], payload: &[u8]) -> Result<(), StoreError>;

    /// What lies in a slot; `None` when there is nothing.
    fn get(&self, task: &str, slot: u8) -> Result<Option<StoredSlot>, StoreError>;

    /// Empties both slots.
    fn clear(&self, task: &str) -> Result<(), StoreError>;

    /// The tasks with anything in a slot, by name.
    fn tasks(&self) -> Result<Vec<String>, StoreError>;

    /// What was done to go on after damage.
    fn incidents(&self) -> Vec<Incident>;

    /// A number that rises when slots may have been lost since the last call, because the place was opened anew.
    fn epoch(&self) -> u64;
}

/// The intact generation in each slot.
type Generations = [Option<u64>; 2];

/// A [`CheckpointStore`] over a [`SlotStorage`].
pub struct TwoSlots<S> {
    storage: S,
    ledger: Ledger,
    /// By task, and valid for one epoch of the storage; a task is absent until it has been looked at. Its lock makes writers take turns.
    known: Mutex<(u64, BTreeMap<String, Generations>)>,
}

impl<S: SlotStorage> TwoSlots<S> {
    /// A store whose bytes lie in `storage`, with its ledger in the folder `dir`.
    pub fn new(storage: S, dir: &Path) -> Self {
        TwoSlots { storage, ledger: Ledger::open(dir), known: Mutex::new((0, BTreeMap::new())) }
    }

    fn known(&self) -> MutexGuard<'_, (u64, BTreeMap<String, Generations>)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn generations(&self, known: &BTreeMap<String, Generations>, task: &str) -> Result<Generations, StoreError> {
        if let Some(generations) = known.get(task) {
            return Ok(*generations);
        }
        let mut generations = [None; 2];
        for slot in 0..2 {
            if let Some(Ok((manifest, _))) = read(&self.storage, Place { task, slot })? {
                generations[usize::from(slot)] = Some(manifest.generation());
            }
        }
        Ok(generations)
    }
}

/// A checkpoint of which every byte verified, or what is wrong with it.
type Verified = Result<(Manifest, Vec<u8>), String>;

/// Reads a slot and verifies every byte of it; `None` when it is empty.
fn read(storage: &impl SlotStorage, place: Place<'_>) -> Result<Option<Verified>, StoreError> {
    let stored = storage.get(place.task, place.slot)?;
    Ok(stored.map(|stored| {
        let manifest = Manifest::open(place, &stored.manifest)?;
        manifest.verify(&stored.payload)?;
        Ok((manifest, stored.payload))
    }))
}

impl<S: SlotStorage> CheckpointStore for TwoSlots<S> {
    fn write(&self, task: &str, checkpoint: &Checkpoint) -> Result<u64, StoreError> {
        check_name(task)?;
        let mut known = self.known();
        let epoch = self.storage.epoch();
        if known.0 != epoch {
            *known = (epoch, BTreeMap::new());
        }
        let mut generations = self.generations(&known.1, task)?;
        let generation = generations.into_iter().flatten().fold(self.ledger.newest(task), u64::max) + 1;
        // The slot without an intact checkpoint, else the older one.
        let slot = usize::from(generations[0] > generations[1]);
        generations[slot] = None;
        known.1.insert(task.to_owned(), generations);
        let place = Place { task, slot: slot as u8 };
        let manifest = Manifest::of(place, generation, checkpoint).seal()?;
        self.storage.put(task, place.slot, &manifest, &checkpoint.payload)?;
        generations[slot] = Some(generation);
        known.1.insert(task.to_owned(), generations);
        self.ledger.note(task, generation);
        Ok(generation)
    }

    fn list(&self, task: &str) -> Result<Listing, StoreError> {
        check_name(task)?;
        let mut listing = Listing::default();
        for slot in 0..2 {
            match read(&self.storage, Place { task, slot })? {
                Some(Ok((manifest, _))) => listing.intact.push(manifest.info()),
                Some(Err(what)) => listing.damaged.push(format!("slot {slot} of task {task}: {what}")),
                None => {}
            }
        }
        listing.intact.sort_by_key(|info| std::cmp::Reverse(info.generation));
        let (written, found) = (self.ledger.newest(task), listing.intact.first().map_or(0, |info| info.generation));
        listing.damaged.extend(self.ledger.damage(task));
        if found < written && listing.damaged.is_empty() {
            listing.damaged.push(format!("generation {written} of task {task} was written and is not there"));
        }
        Ok(listing)
    }

    fn load(&self, task: &str, generation: u64) -> Result<Vec<u8>, StoreError> {
        check_name(task)?;
        let (mut have, mut damage) = (Vec::new(), Vec::new());
        for slot in 0..2 {
            match read(&self.storage, Place { task, slot })? {
                Some(Ok((manifest, payload))) if manifest.generation() == generation => return Ok(payload),
                Some(Ok((manifest, _))) => have.push(manifest.generation()),
                Some(Err(what)) => damage.push(what),
                None => {}
            }
        }
        // A damaged slot can be the generation asked for: its manifest may be what is damaged.
        match damage.is_empty() {
            true => Err(StoreError::NotFound { task: task.to_owned(), generation, have }),
            false => Err(StoreError::Damaged { task: task.to_owned(), generation, what: damage.join("; ") }),
        }
    }

    fn remove(&self, task: &str) -> Result<(), StoreError> {
        check_name(task)?;
        let mut known = self.known();
        known.1.remove(task);
        self.storage.clear(task)?;
        self.ledger.note(task, 0);
        Ok(())
    }

    fn tasks(&self) -> Result<Vec<String>, StoreError> {
        self.storage.tasks()
    }

    fn incidents(&self) -> Vec<Incident> {
        self.storage.incidents()
    }
}

/// Names go into file names and database keys, so they are plain.
fn check_name(task: &str) -> Result<(), StoreError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=200).contains(&task.len()) && task.chars().all(fits) {
        return Ok(());
    }
    Err(StoreError::TaskName(task.to_owned()))
}
