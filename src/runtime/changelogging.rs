//! Where a task stands with its changelog: when the next snapshot is to go there, and what of it is still to be produced.
//!
//! A snapshot that goes to the changelog is one of the task's checkpoints. It is cut by the checkpoint actor once its position has committed, and produced a part at a time,
//! so that no transaction becomes much larger than without it. A generation that comes to nothing on the way is missing chunks, and the other slot is untouched.

use std::time::Instant;

use super::clock;
use super::settings::ChangelogSettings;
use crate::changelog::{Found, Key};
use crate::record::{Offset, RecordBatch};

/// The generation and slot that a snapshot is cut for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) generation: u64,
    pub(super) slot: u8,
}

/// What a restore found in the changelog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ChangelogStanding {
    /// The next generation and its slot.
    pub(super) next: (u64, u8),
    /// Position and payload of the newest whole snapshot.
    pub(super) newest: Option<(Offset, u64)>,
    /// Chunks that are ahead of what has committed.
    pub(super) take_back: Vec<Key>,
}

impl ChangelogStanding {
    pub(super) fn of(found: &Found) -> Self {
        ChangelogStanding { next: found.next, newest: found.newest, take_back: found.to_take_back() }
    }
}

/// A snapshot on its way.
enum Outgoing {
    Nothing,
    /// The checkpoint actor cuts it.
    Asked(Ticket),
    /// Its chunks, and how many of them have been produced.
    Cut {
        position: Offset,
        ticket: Ticket,
        chunks: RecordBatch,
        produced: usize,
    },
}

/// See the module's documentation.
pub(super) struct Changelogging {
    /// `None`: there is no changelog.
    settings: Option<ChangelogSettings>,
    next: Ticket,
    since: Instant,
    /// Bytes read and put out since the last snapshot.
    traffic_bytes: u64,
    /// Size of the last one.
    last_bytes: u64,
    kept_at: Option<Offset>,
    outgoing: Outgoing,
}

/// A part of a snapshot to be produced now.
pub(super) struct ChangelogPart {
    pub(super) chunks: RecordBatch,
    /// The snapshot's position, and its bytes, when this is its last part.
    pub(super) completes: Option<(Offset, u64)>,
}

impl Changelogging {
    /// A task without a changelog.
    pub(super) fn off() -> Self {
        Changelogging::new(None, &ChangelogStanding::default())
    }

    /// A task that comes from a restore.
    pub(super) fn new(settings: Option<ChangelogSettings>, standing: &ChangelogStanding) -> Self {
        let (generation, slot) = standing.next;
        Changelogging {
            settings,
            next: Ticket { generation, slot },
            since: clock::now(),
            traffic_bytes: 0,
            last_bytes: standing.newest.map_or(0, |(_, bytes)| bytes),
            kept_at: standing.newest.map(|(position, _)| position),
            outgoing: Outgoing::Nothing,
        }
    }

    /// So many bytes were read or put out.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.traffic_bytes += bytes as u64;
    }

    /// Whether the next checkpoint is to go to the changelog too.
    pub(super) fn due(&self) -> bool {
        let elapsed_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = |settings: &ChangelogSettings| settings.due(elapsed_ms, self.traffic_bytes, self.last_bytes);
        self.settings.as_ref().is_some_and(due) && matches!(self.outgoing, Outgoing::Nothing)
    }

    /// Whether there is a changelog, and the state at `position` is neither in it nor on its way.
    pub(super) fn lacks(&self, position: Offset) -> bool {
        let on_its_way = matches!(&self.outgoing, Outgoing::Cut { position: cut, .. } if *cut == position);
        self.settings.is_some() && self.kept_at != Some(position) && !on_its_way
    }

    /// The ticket of the next snapshot. One that is on its way is given up, and its slot is written again.
    pub(super) fn ticket(&mut self) -> Ticket {
        let slot = match &self.outgoing {
            Outgoing::Cut { ticket, .. } => ticket.slot,
            _ => self.next.slot,
        };
        let ticket = Ticket { slot, ..self.next };
        self.next = Ticket { generation: ticket.generation + 1, slot: 1 - slot };
        self.outgoing = Outgoing::Asked(ticket);
        self.since = clock::now();
        self.traffic_bytes = 0;
        ticket
    }

    /// The chunks of a snapshot are there; `None` when they could not be made.
    pub(super) fn cut(&mut self, cut: Option<(Offset, RecordBatch)>) {
        let Outgoing::Asked(ticket) = self.outgoing else { return };
        self.outgoing = match cut {
            Some((position, chunks)) => Outgoing::Cut { position, ticket, chunks, produced: 0 },
            None => Outgoing::Nothing,
        };
    }

    /// The next part, of at most `max_bytes` but at least one chunk, when the snapshot's position has committed.
    pub(super) fn part(&mut self, committed: Offset, max_bytes: usize) -> Option<ChangelogPart> {
        let Outgoing::Cut { position, chunks, produced, .. } = &mut self.outgoing else { return None };
        if *position > committed {
            return None;
        }
        let mut part = RecordBatch::new();
        let end = chunks.fit(*produced, max_bytes).max(*produced + 1).min(chunks.len());
        part.append_range(chunks, *produced..end);
        *produced = end;
        let completes = (end == chunks.len()).then(|| (*position, chunks.as_bytes().len() as u64));
        if let Some((position, bytes)) = completes {
            self.kept_at = Some(position);
            self.last_bytes = bytes;
            self.outgoing = Outgoing::Nothing;
        }
        Some(ChangelogPart { chunks: part, completes })
    }

    /// Whether nothing is to be produced any more.
    pub(super) fn idle(&self) -> bool {
        matches!(self.outgoing, Outgoing::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Timestamp;

    fn chunks(n: usize) -> RecordBatch {
        let mut batch = RecordBatch::new();
        (0..n).for_each(|i| batch.push(Timestamp(0), Some(&[i as u8]), Some(&[0; 100]), &[]));
        batch
    }

    fn changelog() -> Changelogging {
        let settings = ChangelogSettings { interval_ms: 0, max_traffic_percent: 10 };
        Changelogging::new(Some(settings), &ChangelogStanding { next: (5, 1), ..ChangelogStanding::default() })
    }

    #[test]
    fn a_snapshot_is_produced_in_parts_and_only_once_its_position_has_committed() {
        let mut changelog = changelog();
        assert_eq!(changelog.ticket(), Ticket { generation: 5, slot: 1 });
        changelog.cut(Some((Offset(10), chunks(5))));
        assert!(changelog.part(Offset(9), 250).is_none() && !changelog.idle());
        let mut parts = Vec::new();
        while let Some(part) = changelog.part(Offset(10), 250) {
            parts.push((part.chunks.len(), part.completes.is_some()));
        }
        assert_eq!(parts, [(2, false), (2, false), (1, true)]);
        assert!(changelog.idle() && !changelog.lacks(Offset(10)) && changelog.lacks(Offset(11)));
        assert_eq!(changelog.ticket(), Ticket { generation: 6, slot: 0 });
    }

    #[test]
    fn a_part_has_a_chunk_even_when_that_alone_is_too_large() {
        let mut changelog = changelog();
        changelog.ticket();
        changelog.cut(Some((Offset(0), chunks(2))));
        assert_eq!(changelog.part(Offset(0), 1).unwrap().chunks.len(), 1);
    }

    #[test]
    fn a_snapshot_given_up_half_way_leaves_the_other_slot_alone() {
        let mut changelog = changelog();
        changelog.ticket();
        changelog.cut(Some((Offset(0), chunks(3))));
        changelog.part(Offset(0), 1);
        assert_eq!(changelog.ticket(), Ticket { generation: 6, slot: 1 });
    }

    #[test]
    fn a_large_state_waits_until_its_share_of_the_traffic_pays_for_it() {
        let mut changelog = changelog();
        assert!(!changelog.due(), "nothing has happened");
        changelog.moved(1);
        assert!(changelog.due(), "nobody knows yet how large it is");
        changelog.ticket();
        changelog.cut(Some((Offset(0), chunks(10))));
        while changelog.part(Offset(0), 10_000).is_some() {}
        let bytes = chunks(10).as_bytes().len();
        changelog.moved(bytes * 10 - 1);
        assert!(!changelog.due());
        changelog.moved(1);
        assert!(changelog.due());
        assert!(!Changelogging::off().due() && !Changelogging::off().lacks(Offset(0)));
    }
}
