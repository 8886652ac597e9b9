//! Compaction: of a compacted topic's partition only the newest record of each key is kept.
//!
//! It runs inside the commit that makes a partition more than twice as large as the last compaction left it, so that its cost stays in proportion to what is written, and
//! it commits with that transaction or not at all. A record that stays keeps its offset. A batch keeps its form: where records in its middle go, what is left becomes several
//! batches, each without a gap inside, and the gaps lie between batches.

use std::collections::BTreeMap;
use std::ops::Range;

use super::batch::HEADER;
use super::state::Topic;
use super::storage::Batches;
use crate::log::LogError;
use crate::record::{Offset, RecordBatch};

/// A partition smaller than this is not worth the work.
const LEAST_BYTES: u64 = 1 << 20;

/// Compacts a partition when it is time.
pub(super) fn compact_when_due(topic: &mut Topic, number: u32, batches: &mut Batches<'_>) -> Result<(), LogError> {
    let partition = &mut topic.partitions[number as usize];
    if !topic.compacted || partition.bytes < LEAST_BYTES + 2 * partition.clean_bytes {
        return Ok(());
    }
    let newest = Newest::of(topic.id, number, batches)?;
    for base in newest.superseded {
        let Some(old) = batches.take(topic.id, number, base)? else { continue };
        partition.bytes = partition.bytes.saturating_sub((HEADER + old.as_bytes().len()) as u64);
        for run in live_runs(&old, base, &newest.offsets) {
            let mut records = RecordBatch::new();
            records.append_range(&old, run.clone());
            partition.bytes += batches.append((topic.id, number, base.0 + run.end as i64 - 1), &records)?;
        }
    }
    partition.clean_bytes = partition.bytes;
    Ok(())
}

/// The newest record of each key of a partition.
struct Newest {
    offsets: BTreeMap<Vec<u8>, Offset>,
    /// The first offsets of the batches that hold older records too.
    superseded: Vec<Offset>,
}

impl Newest {
    /// Reads the whole partition. A batch that does not verify is left as it is: whoever reads it is told.
    fn of(topic: u32, number: u32, batches: &Batches<'_>) -> Result<Newest, LogError> {
        let (mut offsets, mut holder) = (BTreeMap::new(), BTreeMap::new());
        let mut superseded = std::collections::BTreeSet::new();
        batches.each(topic, number, |base, records| {
            for (offset, record) in (base.0..).map(Offset).zip(records.iter()) {
                let Some(key) = record.key else { continue };
                if offsets.insert(key.to_vec(), offset).is_some() {
                    superseded.extend(holder.get(key).copied());
                }
                holder.insert(key.to_vec(), base);
            }
        })?;
        Ok(Newest { offsets, superseded: superseded.into_iter().collect() })
    }
}

/// The longest runs of records that stay, as indices into the batch.
fn live_runs(records: &RecordBatch, base: Offset, newest: &BTreeMap<Vec<u8>, Offset>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let offset = Offset(base.0 + index as i64);
        let stays = record.key.is_none_or(|key| newest.get(key).is_none_or(|newest| *newest == offset));
        match runs.last_mut() {
            Some(run) if stays && run.end == index => run.end += 1,
            _ if stays => runs.push(index..index + 1),
            _ => {}
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Timestamp;

    #[test]
    fn runs_hold_the_newest_of_each_key_and_what_has_no_key() {
        let mut records = RecordBatch::new();
        for key in [Some(b"a"), Some(b"b"), None, Some(b"a"), Some(b"c")] {
            records.push(Timestamp(0), key.map(|key| &key[..]), Some(b"v"), &[]);
        }
        let newest = BTreeMap::from([(b"a".to_vec(), Offset(13)), (b"b".to_vec(), Offset(20)), (b"c".to_vec(), Offset(14))]);
        assert_eq!(live_runs(&records, Offset(10), &newest), vec![Range { start: 2, end: 5 }]);
        assert_eq!(live_runs(&records, Offset(7), &newest), vec![Range { start: 2, end: 3 }]);
    }
}
