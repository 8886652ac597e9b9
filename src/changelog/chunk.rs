//! One chunk of a snapshot as a record of the changelog.
//!
//! The key is text, `slot/number`. The value is an [`Envelope`] (magic, format version, length, checksum) around the length of the header as `u32`, little endian, the
//! header, and the data: a piece of the payload of [`CHUNK_BYTES`], the last one shorter, compressed by itself with LZ4. A chunk is therefore read, checked and unpacked
//! without any other.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::record::{Offset, RecordBatch, RecordRef, Timestamp, TopicPartition};
use crate::snapshot::{Envelope, SnapshotError, decode, encode};

/// Bytes of the payload in one chunk. A chunk stays under 100 KB even where nothing can be compressed: far below every broker's limit for a message.
pub const CHUNK_BYTES: usize = 96_000;

/// The format of chunks.
const FORMAT: u16 = 1;

/// Where compaction keeps a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// 0 or 1.
    pub slot: u8,
    /// Number of the chunk, from 0.
    pub number: u32,
}

impl Key {
    /// Reads the key of a record; `None` when it is no chunk's.
    pub fn parse(bytes: &[u8]) -> Option<Key> {
        let (slot, number) = std::str::from_utf8(bytes).ok()?.split_once('/')?;
        let key = Key { slot: slot.parse().ok()?, number: number.parse().ok()? };
        (key.slot < 2 && key.to_string().as_bytes() == bytes).then_some(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:05}", self.slot, self.number)
    }
}

/// What a chunk says of the snapshot it belongs to. Chunks belong together when all of this is equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotId {
    /// Name of the topology.
    pub topology: String,
    /// The topology's fingerprint.
    pub fingerprint: String,
    /// The input partition of the task.
    pub partition: TopicPartition,
    /// Rises with every snapshot that is written for the task.
    pub generation: u64,
    /// The next record to read.
    pub position: Offset,
    /// Length of the whole payload.
    pub payload_bytes: u64,
    /// CRC-32 of the whole payload.
    pub payload_crc: u32,
}

impl SnapshotId {
    /// The number of chunks; even an empty payload has one.
    pub fn chunks(&self) -> u32 {
        u32::try_from(self.payload_bytes.div_ceil(CHUNK_BYTES as u64).max(1)).unwrap_or(u32::MAX)
    }

    /// Bytes of the payload in a chunk.
    fn piece_bytes(&self, number: u32) -> usize {
        let left = self.payload_bytes.saturating_sub(u64::from(number) * CHUNK_BYTES as u64);
        usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES))
    }
}

/// A chunk that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its key.
    pub key: Key,
    /// The snapshot it belongs to.
    pub id: SnapshotId,
    /// Its place in the value of its record.
    data: Vec<u8>,
}

/// Why a record is no chunk that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChunkError {
    /// The key is no chunk's.
    #[error("its key is no chunk's")]
    Key,
    /// There is no value: the chunk was taken back.
    #[error("it was taken back")]
    TakenBack,
    /// The value does not verify, or its format is newer than this program.
    #[error(transparent)]
    Value(#[from] SnapshotError),
    /// The value verifies and contradicts itself.
    #[error("{0}")]
    Contradiction(String),
}

#[derive(Serialize, Deserialize)]
struct Header {
    slot: u8,
    number: u32,
    id: SnapshotId,
}

impl Chunk {
    /// Reads a record of the changelog.
    ///
    /// # Errors
    /// When the record is no chunk, or a byte of it is wrong.
    pub fn read(record: &RecordRef<'_>) -> Result<Chunk, ChunkError> {
        let key = record.key.and_then(Key::parse).ok_or(ChunkError::Key)?;
        let value = record.value.ok_or(ChunkError::TakenBack)?;
        let payload = Envelope::open(FORMAT, value)?.payload;
        let cut = || ChunkError::Contradiction("it is shorter than its header".to_owned());
        let (length, rest) = payload.split_first_chunk::<4>().ok_or_else(cut)?;
        let (header, data) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
        let Header { slot, number, id } = decode(header)?;
        if (Key { slot, number }) != key {
            return Err(ChunkError::Contradiction(format!("it was written as {}, and its key is {key}", Key { slot, number })));
        }
        if number >= id.chunks() {
            return Err(ChunkError::Contradiction(format!("it is number {number} of {}", id.chunks())));
        }
        Ok(Chunk { key, id, data: data.to_vec() })
    }

    /// Appends the chunk's piece of the payload to `out`.
    ///
    /// # Errors
    /// When it does not unpack to as many bytes as it should.
    pub fn unpack_into(&self, out: &mut Vec<u8>) -> Result<(), String> {
        let (start, length) = (out.len(), self.id.piece_bytes(self.key.number));
        out.resize(start + length, 0);
        let unpacked = lz4_flex::block::decompress_into(&self.data, &mut out[start..]);
        match unpacked {
            Ok(bytes) if bytes == length => Ok(()),
            Ok(bytes) => Err(format!("chunk {} unpacks to {bytes} bytes where {length} were packed", self.key)),
            Err(error) => Err(format!("chunk {} does not unpack: {error}", self.key)),
        }
    }
}

/// The records of a snapshot with this payload, in the order of the chunks.
///
/// ```
/// use tidemill::changelog::{Chunk, SnapshotId, cut};
/// use tidemill::record::{Offset, TopicPartition};
/// let payload = vec![7; 200_000];
/// let id = SnapshotId {
///     topology: "t".into(),
///     fingerprint: "f".into(),
///     partition: TopicPartition::new("candles", 3),
///     generation: 1,
///     position: Offset(500),
///     payload_bytes: payload.len() as u64,
///     payload_crc: crc32fast::hash(&payload),
/// };
/// let records = cut(&id, 0, &payload)?;
/// let mut back = Vec::new();
/// for record in records.iter() {
///     Chunk::read(&record).unwrap().unpack_into(&mut back).unwrap();
/// }
/// assert_eq!((records.len(), back), (3, payload));
/// # Ok::<(), tidemill::snapshot::SnapshotError>(())
/// ```
///
/// # Errors
/// When the header cannot be encoded.
pub fn cut(id: &SnapshotId, slot: u8, payload: &[u8]) -> Result<RecordBatch, SnapshotError> {
    let mut records = RecordBatch::new();
    for number in 0..id.chunks() {
        let from = (number as usize * CHUNK_BYTES).min(payload.len());
        let piece = &payload[from..(from + CHUNK_BYTES).min(payload.len())];
        let header = encode(&Header { slot, number, id: id.clone() })?;
        let mut value = Vec::with_capacity(4 + header.len() + piece.len());
        value.extend_from_slice(&(header.len() as u32).to_le_bytes());
        value.extend_from_slice(&header);
        value.extend_from_slice(&lz4_flex::block::compress(piece));
        push(&mut records, Key { slot, number }, Some(&Envelope::seal(FORMAT, &value)));
    }
    Ok(records)
}

/// The records that take these chunks back.
pub fn tombstones(keys: &[Key]) -> RecordBatch {
    let mut records = RecordBatch::new();
    keys.iter().for_each(|key| push(&mut records, *key, None));
    records
}

/// Nobody asks for the time of a chunk, and a changelog without times is the same in every run.
fn push(records: &mut RecordBatch, key: Key, value: Option<&[u8]>) {
    records.push(Timestamp(0), Some(key.to_string().as_bytes()), value, &[]);
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn id(payload: &[u8]) -> SnapshotId {
        SnapshotId {
            topology: "t".into(),
            fingerprint: "f".into(),
            partition: TopicPartition::new("in", 0),
            generation: 3,
            position: Offset(9),
            payload_bytes: payload.len() as u64,
            payload_crc: crc32fast::hash(payload),
        }
    }

    /// Bytes that do not compress.
    fn noise(n: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn every_length_comes_back_and_no_chunk_passes_100_kb() {
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES] {
            let payload = noise(length);
            let records = cut(&id(&payload), 1, &payload).unwrap();
            assert_eq!(records.len(), length.div_ceil(CHUNK_BYTES).max(1));
            let mut back = Vec::new();
            for record in records.iter() {
                assert!(record.value.unwrap().len() < 100_000, "{}", record.value.unwrap().len());
                Chunk::read(&record).unwrap().unpack_into(&mut back).unwrap();
            }
            assert_eq!(back, payload);
        }
    }

    #[test]
    fn every_flipped_bit_and_a_foreign_key_are_noticed() {
        let payload = vec![5; 300];
        let records = cut(&id(&payload), 0, &payload).unwrap();
        let value = records.get(0).unwrap().value.unwrap().to_vec();
        let read = |key: &[u8], value: &[u8]| Chunk::read(&RecordRef::without_headers(Timestamp(0), Some(key), Some(value)));
        assert!(read(b"0/00000", &value).is_ok());
        for bit in 0..value.len() * 8 {
            let mut damaged = value.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(read(b"0/00000", &damaged).is_err(), "bit {bit}");
        }
        for key in [&b"1/00000"[..], b"0/00001", b"0/0", b"2/00000", b"x", b""] {
            assert!(read(key, &value).is_err(), "{key:?}");
        }
        let gone = RecordRef::without_headers(Timestamp(0), Some(b"0/00000"), None);
        assert_eq!(Chunk::read(&gone), Err(ChunkError::TakenBack));
    }

    #[test]
    fn a_chunk_of_a_newer_format_is_refused_as_such() {
        let value = Envelope::seal(FORMAT + 1, b"whatever comes");
        let record = RecordRef::without_headers(Timestamp(0), Some(b"0/00000"), Some(&value));
        assert!(matches!(Chunk::read(&record), Err(ChunkError::Value(SnapshotError::Version { .. }))));
    }

    #[test]
    fn a_piece_that_unpacks_to_another_length_is_refused() {
        let payload = vec![5; 300];
        let mut chunk = Chunk::read(&cut(&id(&payload), 0, &payload).unwrap().get(0).unwrap()).unwrap();
        for wrong in [299, 301] {
            chunk.id.payload_bytes = wrong;
            assert!(chunk.unpack_into(&mut Vec::new()).is_err(), "{wrong}");
        }
    }
}
