//! The manifest of a checkpoint: it names and binds every byte of the payload.
//!
//! Task, slot and generation go into the checksum of every chunk, so a chunk, slot or file in the wrong place does not verify.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Checkpoint, CheckpointInfo};
use crate::record::{Offset, TopicPartition};
use crate::snapshot::{Envelope, SnapshotError, decode, encode};

/// Payloads are cut into chunks of this size: sled reclaims values of 32 to 100 KB and leaks larger ones.
pub const CHUNK_BYTES: usize = 64 << 10;

/// Format of manifest and chunks.
const FORMAT: u16 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    task: String,
    slot: u8,
    generation: u64,
    positions: BTreeMap<TopicPartition, Offset>,
    fingerprint: String,
    payload_bytes: u64,
    payload_crc: u32,
    chunk_crcs: Vec<u32>,
}

/// The place a checkpoint is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) task: &'a str,
    pub(super) slot: u8,
}

impl Manifest {
    pub(super) fn of(place: Place<'_>, generation: u64, checkpoint: &Checkpoint) -> Manifest {
        Manifest {
            task: place.task.to_owned(),
            slot: place.slot,
            generation,
            positions: checkpoint.positions.clone(),
            fingerprint: checkpoint.fingerprint.clone(),
            payload_bytes: checkpoint.payload.len() as u64,
            payload_crc: crc32fast::hash(&checkpoint.payload),
            chunk_crcs: chunk_crcs(place, generation, &checkpoint.payload),
        }
    }

    pub(super) fn seal(&self) -> Result<Vec<u8>, SnapshotError> {
        Ok(Envelope::seal(FORMAT, &encode(self)?))
    }

    /// Reads a manifest; refused when it was made for another place.
    pub(super) fn open(place: Place<'_>, bytes: &[u8]) -> Result<Manifest, String> {
        let manifest: Manifest =
            Envelope::open(FORMAT, bytes).and_then(|envelope| decode(envelope.payload)).map_err(|e| e.to_string())?;
        if manifest.task != place.task || manifest.slot != place.slot {
            return Err(format!("it belongs to slot {} of task {}", manifest.slot, manifest.task));
        }
        Ok(manifest)
    }

    /// Checks every byte of the payload.
    pub(super) fn verify(&self, payload: &[u8]) -> Result<(), String> {
        if self.payload_bytes != payload.len() as u64 {
            return Err(format!("{} bytes where {} were written", payload.len(), self.payload_bytes));
        }
        let place = Place { task: &self.task, slot: self.slot };
        let found = chunk_crcs(place, self.generation, payload);
        if let Some(index) = found.iter().zip(&self.chunk_crcs).position(|(found, written)| found != written) {
            return Err(format!("the checksum of chunk {index} does not match"));
        }
        if found.len() != self.chunk_crcs.len() || crc32fast::hash(payload) != self.payload_crc {
            return Err("the checksum of the payload does not match".to_owned());
        }
        Ok(())
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn info(self) -> CheckpointInfo {
        CheckpointInfo {
            generation: self.generation,
            positions: self.positions,
            fingerprint: self.fingerprint,
            payload_bytes: self.payload_bytes,
        }
    }
}

fn chunk_crcs(place: Place<'_>, generation: u64, payload: &[u8]) -> Vec<u32> {
    let crc = |(index, chunk): (usize, &[u8])| {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(place.task.as_bytes());
        hasher.update(&[place.slot]);
        hasher.update(&generation.to_le_bytes());
        hasher.update(&(index as u64).to_le_bytes());
        hasher.update(chunk);
        hasher.finalize()
    };
    payload.chunks(CHUNK_BYTES).enumerate().map(crc).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let positions = BTreeMap::from([(TopicPartition::new("in", 3), Offset(17))]);
        Checkpoint { positions, fingerprint: "f".into(), payload: (0..CHUNK_BYTES + 5).map(|i| i as u8).collect() }
    }

    #[test]
    fn every_flipped_bit_of_a_manifest_is_noticed() {
        let place = Place { task: "t", slot: 0 };
        let sealed = Manifest::of(place, 1, &checkpoint()).seal().unwrap();
        assert!(Manifest::open(place, &sealed).is_ok());
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::open(place, &damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_manifest_fits_its_own_place_and_payload_only() {
        let (place, checkpoint) = (Place { task: "t", slot: 0 }, checkpoint());
        let manifest = Manifest::of(place, 1, &checkpoint);
        let sealed = manifest.seal().unwrap();
        assert!(Manifest::open(Place { task: "t", slot: 1 }, &sealed).is_err());
        assert!(Manifest::open(Place { task: "u", slot: 0 }, &sealed).is_err());
        manifest.verify(&checkpoint.payload).unwrap();
        let swapped = [&checkpoint.payload[CHUNK_BYTES..], &checkpoint.payload[..CHUNK_BYTES]].concat();
        for other in [&swapped[..], &checkpoint.payload[1..], b"", &[checkpoint.payload.as_slice(), b"x"].concat()] {
            assert!(manifest.verify(other).is_err());
        }
    }

    #[test]
    fn a_chunk_of_another_generation_or_task_has_another_checksum() {
        let crcs = |task, slot, generation| chunk_crcs(Place { task, slot }, generation, b"same bytes");
        for other in [crcs("u", 0, 1), crcs("t", 1, 1), crcs("t", 0, 2)] {
            assert_ne!(crcs("t", 0, 1), other);
        }
    }
}
