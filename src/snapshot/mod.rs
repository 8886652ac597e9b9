//! State as bytes: the [`Snapshot`] trait and the versioned, checksummed envelope around what is kept.
//!
//! This is the only place that names the codec (bincode, pinned at 1.3.3: its format has the most ways out), so another can take its place here.

mod codec;
mod envelope;

pub use codec::{SnapshotError, decode, encode, encode_into};
pub use envelope::{ENVELOPE_OVERHEAD, Envelope};

/// Something whose state can be kept and brought back at any record, without a difference in a bit.
///
/// The state is everything that later results depend on, parameters included; scratch memory is left out. For a type with serde derives
/// [`impl_snapshot!`](crate::impl_snapshot) writes the implementation.
pub trait Snapshot {
    /// Appends the state to `out`.
    ///
    /// # Errors
    /// When the state cannot be encoded, for instance because it passes the codec's size limit.
    fn save(&self, out: &mut Vec<u8>) -> Result<(), SnapshotError>;

    /// Takes the state that [`save`](Self::save) wrote. All of `bytes` must be used.
    ///
    /// # Errors
    /// When the bytes do not decode; the state is then as it was before.
    fn load(&mut self, bytes: &[u8]) -> Result<(), SnapshotError>;
}

/// Implements [`Snapshot`](crate::snapshot::Snapshot) for a type that derives `Serialize` and `Deserialize`.
#[macro_export]
macro_rules! impl_snapshot {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::snapshot::Snapshot for $type {
            fn save(&self, out: &mut Vec<u8>) -> Result<(), $crate::snapshot::SnapshotError> {
                $crate::snapshot::encode_into(self, out)
            }
            fn load(&mut self, bytes: &[u8]) -> Result<(), $crate::snapshot::SnapshotError> {
                *self = $crate::snapshot::decode(bytes)?;
                Ok(())
            }
        }
    )+};
}
