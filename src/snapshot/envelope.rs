//! The envelope around bytes at rest: magic, version, length, checksum.

use super::SnapshotError;

const MAGIC: [u8; 4] = *b"TMS\x01";
const HEADER: usize = 4 + 2 + 8 + 4;

/// How many bytes the envelope adds to its payload.
pub const ENVELOPE_OVERHEAD: usize = HEADER;

/// Seals payloads with a format version and a CRC-32, and opens only what verifies.
///
/// Layout, little endian: magic `TMS\x01`, version `u16`, payload length `u64`, CRC-32 of version, length and payload `u32`, payload.
///
/// ```
/// use tidemill::snapshot::Envelope;
/// let sealed = Envelope::seal(3, b"state");
/// assert_eq!(Envelope::open(3, &sealed).unwrap().payload, b"state");
/// assert!(Envelope::open(3, &sealed[..10]).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The format version the payload was written in.
    pub version: u16,
    /// The bytes inside.
    pub payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Wraps `payload`, written in format `version`.
    pub fn seal(version: u16, payload: &[u8]) -> Vec<u8> {
        let length = payload.len() as u64;
        let mut out = Vec::with_capacity(HEADER + payload.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&version.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&checksum(version, length, payload).to_le_bytes());
        out.extend_from_slice(payload);
        out
    }

    /// Opens an envelope whose version is at most `supported`.
    ///
    /// # Errors
    /// When the magic, length or checksum do not fit, or the version is newer than `supported`.
    pub fn open(supported: u16, bytes: &'a [u8]) -> Result<Envelope<'a>, SnapshotError> {
        let damaged = |what: &str| SnapshotError::Damaged(what.to_owned());
        let (header, payload) = bytes.split_first_chunk::<HEADER>().ok_or_else(|| damaged("shorter than its header"))?;
        if header[..4] != MAGIC {
            return Err(damaged("it does not start as a tidemill snapshot"));
        }
        let version = u16::from_le_bytes([header[4], header[5]]);
        let length = u64::from_le_bytes(std::array::from_fn(|i| header[6 + i]));
        let stored = u32::from_le_bytes(std::array::from_fn(|i| header[14 + i]));
        if length != payload.len() as u64 {
            return Err(damaged(&format!("{} bytes where {length} were written", payload.len())));
        }
        if stored != checksum(version, length, payload) {
            return Err(damaged("its checksum does not match"));
        }
        if version > supported {
            return Err(SnapshotError::Version { found: version, supported });
        }
        Ok(Envelope { version, payload })
    }

    /// The payload of an envelope of exactly `version`.
    ///
    /// # Errors
    /// When it is damaged, or of any other version.
    pub fn open_only(version: u16, bytes: &'a [u8]) -> Result<&'a [u8], SnapshotError> {
        match Envelope::open(u16::MAX, bytes)? {
            sealed if sealed.version == version => Ok(sealed.payload),
            sealed => Err(SnapshotError::OtherVersion { found: sealed.version, supported: version }),
        }
    }
}

fn checksum(version: u16, length: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&version.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        let sealed = Envelope::seal(1, b"some state of a task");
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Envelope::open(1, &damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let sealed = Envelope::seal(9, b"");
        assert_eq!(Envelope::open(2, &sealed), Err(SnapshotError::Version { found: 9, supported: 2 }));
        assert_eq!(Envelope::open_only(10, &sealed), Err(SnapshotError::OtherVersion { found: 9, supported: 10 }));
        assert_eq!(Envelope::open_only(9, &sealed), Ok(&b""[..]));
    }
}
