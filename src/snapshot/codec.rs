//! The codec seam: fixed-width little-endian bincode with a size limit, and trailing bytes refused.

use bincode::Options;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// A state that could not be written or read back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// The value could not be encoded.
    #[error("state could not be encoded: {0}")]
    Encode(String),
    /// The bytes are no such value.
    #[error("state could not be decoded: {0}")]
    Decode(String),
    /// The envelope around the bytes does not verify.
    #[error("state is damaged: {0}")]
    Damaged(String),
    /// The state was written by a version this program does not read.
    #[error(
        "state has format version {found}; this program reads up to {supported}: use the program that wrote it, or reset the state"
    )]
    Version {
        /// What the envelope says.
        found: u16,
        /// The newest version known here.
        supported: u16,
    },
    /// The state was written in another format than the only one that this program reads.
    #[error(
        "state has format version {found}; this program reads version {supported} only: let it be made anew from the log, or use the program that wrote it"
    )]
    OtherVersion {
        /// What the envelope says.
        found: u16,
        /// The version that is read here.
        supported: u16,
    },
}

/// The largest state of one value, 1 GiB: a damaged length must not make us ask for all memory.
const LIMIT_BYTES: u64 = 1 << 30;

fn options() -> impl Options {
    bincode::DefaultOptions::new().with_fixint_encoding().with_little_endian().with_limit(LIMIT_BYTES).reject_trailing_bytes()
}

/// Encodes `value` into a buffer of its own.
///
/// # Errors
/// When the value passes the size limit of 1 GiB or its `Serialize` fails.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, SnapshotError> {
    let mut out = Vec::new();
    encode_into(value, &mut out)?;
    Ok(out)
}

/// Appends the encoded `value` to `out`.
///
/// # Errors
/// As [`encode`].
pub fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
    options().serialize_into(out, value).map_err(|e| SnapshotError::Encode(e.to_string()))
}

/// Decodes what [`encode`] wrote; every byte must be used.
///
/// # Errors
/// When the bytes are no `T`, end early, or leave a rest.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SnapshotError> {
    options().deserialize(bytes).map_err(|e| SnapshotError::Decode(e.to_string()))
}
