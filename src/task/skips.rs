//! Records that made the engine fail again and again: they are dead-lettered unseen, and every replay must leave them out too.
//!
//! The list travels as the metadata of the committed offset, so it commits together with the dead letters. It is bounded by the space Kafka
//! gives to that metadata; past it the task stops, because a topology that fails that often is broken.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::record::Offset;

/// Kafka's default `offset.metadata.max.bytes`.
const MOST_BYTES: usize = 4_096;
const PREFIX: &str = "skip:";

/// A list of skipped records that cannot be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SkipsError {
    /// No more room.
    #[error(
        "{count} records of this partition have failed; their offsets no longer fit into the {MOST_BYTES} bytes of offset metadata: \
         mend the failing processor, then reset the task"
    )]
    Full {
        /// How many records were to be skipped.
        count: usize,
    },
    /// The committed metadata is not ours.
    #[error(
        "the metadata {text:?} of the committed offset was not written by tidemill: does another program commit for this application.id?"
    )]
    Foreign {
        /// What was found.
        text: String,
    },
}

/// The skipped records of one partition: their offsets and, while the process lives, why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Skips {
    reasons: BTreeMap<Offset, String>,
}

impl Skips {
    /// Adds a record.
    ///
    /// # Errors
    /// When the list would no longer fit into an offset's metadata.
    pub fn add(&mut self, offset: Offset, reason: String) -> Result<(), SkipsError> {
        self.reasons.insert(offset, reason);
        if self.to_metadata().len() > MOST_BYTES {
            self.reasons.remove(&offset);
            return Err(SkipsError::Full { count: self.reasons.len() + 1 });
        }
        Ok(())
    }

    /// Why the record at `offset` is skipped, if it is.
    pub fn reason(&self, offset: Offset) -> Option<&str> {
        if self.reasons.is_empty() {
            return None;
        }
        self.reasons.get(&offset).map(String::as_str)
    }

    /// The skipped records in order.
    pub fn offsets(&self) -> impl Iterator<Item = Offset> {
        self.reasons.keys().copied()
    }

    /// Number of skipped records.
    pub fn len(&self) -> usize {
        self.reasons.len()
    }

    /// Whether nothing is skipped.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The offsets as offset metadata: `skip:17,+3,+120`; empty when nothing is skipped.
    pub fn to_metadata(&self) -> String {
        let mut text = String::new();
        let mut last = 0;
        for offset in self.reasons.keys() {
            text.push_str(if text.is_empty() { PREFIX } else { ",+" });
            text.push_str(&(offset.0 - last).to_string());
            last = offset.0;
        }
        text
    }

    /// Reads offset metadata back; the reasons are those of another process and unknown.
    ///
    /// # Errors
    /// When the text is not what [`to_metadata`](Self::to_metadata) writes.
    pub fn from_metadata(text: &str) -> Result<Self, SkipsError> {
        let foreign = || SkipsError::Foreign { text: text.to_owned() };
        let mut skips = Skips::default();
        if text.is_empty() {
            return Ok(skips);
        }
        let mut last = 0i64;
        for part in text.strip_prefix(PREFIX).ok_or_else(foreign)?.split(',') {
            let step: i64 = part.strip_prefix('+').unwrap_or(part).parse().map_err(|_| foreign())?;
            last = last.checked_add(step).ok_or_else(foreign)?;
            skips.reasons.insert(Offset(last), "it failed before this process started".to_owned());
        }
        Ok(skips)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_survive_the_metadata() {
        let mut skips = Skips::default();
        for offset in [900, 7, 12] {
            skips.add(Offset(offset), "panic".into()).unwrap();
        }
        assert_eq!(skips.to_metadata(), "skip:7,+5,+888");
        let back = Skips::from_metadata(&skips.to_metadata()).unwrap();
        assert!(back.reason(Offset(12)).is_some() && back.reason(Offset(13)).is_none());
        assert_eq!(back.len(), 3);
        assert!(Skips::from_metadata("").unwrap().is_empty());
    }

    #[test]
    fn foreign_metadata_is_refused() {
        for text in ["hello", "skip:", "skip:x", "skip:1,+9223372036854775807"] {
            assert!(matches!(Skips::from_metadata(text), Err(SkipsError::Foreign { .. })), "{text}");
        }
    }

    #[test]
    fn the_list_is_bounded() {
        let mut skips = Skips::default();
        let full = (0..10_000).find_map(|i| skips.add(Offset(i * 1_000), String::new()).err());
        assert!(matches!(full, Some(SkipsError::Full { count }) if count > 500));
        assert!(skips.to_metadata().len() <= MOST_BYTES);
    }
}
