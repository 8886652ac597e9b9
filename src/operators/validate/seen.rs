//! What was taken lately: the names of bars or trades, and a digest of what they said.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::market::{Candle, Decimal};

/// The newest names taken, in order, at most `most` of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen<K> {
    entries: VecDeque<(K, u64)>,
}

/// How a name stands to those that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not taken, as far as is remembered; it belongs at this place.
    New(usize),
    /// Taken, with the same digest.
    Same,
    /// Taken at this place, with another digest.
    Other(usize),
}

impl<K: Copy + Ord> Seen<K> {
    /// Nothing taken.
    pub(super) fn new() -> Self {
        Seen { entries: VecDeque::new() }
    }

    /// How `name` with `digest` stands to what was taken.
    pub(super) fn standing(&self, name: K, digest: u64) -> Standing {
        if self.entries.back().is_none_or(|(newest, _)| *newest < name) {
            return Standing::New(self.entries.len());
        }
        match self.entries.binary_search_by(|(taken, _)| taken.cmp(&name)) {
            Err(place) => Standing::New(place),
            Ok(place) if self.entries[place].1 == digest => Standing::Same,
            Ok(place) => Standing::Other(place),
        }
    }

    /// Remembers a new name at the place that [`standing`](Self::standing) told; the oldest goes when there are more than `most`.
    pub(super) fn insert(&mut self, place: usize, name: K, digest: u64, most: usize) {
        if self.entries.len() < most {
            self.entries.insert(place, (name, digest));
        } else if place > 0 {
            self.entries.pop_front();
            self.entries.insert(place - 1, (name, digest));
        }
    }

    /// Remembers that the name at `place` now says something else.
    pub(super) fn replace(&mut self, place: usize, digest: u64) {
        self.entries[place].1 = digest;
    }
}

/// A digest of everything a bar says except its open time. Bars that differ in one number always differ in it; those that differ in several are
/// mistaken for each other once in 2^64 times.
pub(super) fn digest(candle: &Candle) -> u64 {
    let Candle { open_time: _, close_time, open, high, low, close, volume, quote_volume, trades, taker_base, taker_quote } =
        candle;
    let mut digest = mix(0, close_time.0 as u64);
    for price in [open, high, low, close] {
        digest = mix(digest, price.to_bits());
    }
    digest = mix_decimal(digest, *volume);
    digest = mix(mix(digest, u64::from(trades.is_some())), trades.unwrap_or(0));
    for amount in [quote_volume, taker_base, taker_quote] {
        digest = match amount {
            Some(amount) => mix_decimal(digest, *amount),
            None => mix(digest, ABSENT),
        };
    }
    digest
}

/// Stands for an absent amount; any odd constant would do.
const ABSENT: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix_decimal(digest: u64, amount: Decimal) -> u64 {
    let units = amount.units();
    mix(mix(digest, units as u64), (units >> 64) as u64)
}

/// One step, a bijection of `digest` for every `word`, and of `word` for every `digest`.
fn mix(digest: u64, word: u64) -> u64 {
    (digest.rotate_left(23) ^ word).wrapping_mul(0x2545_f491_4f6c_dd1d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::minute_bars;

    #[test]
    fn only_the_newest_names_are_remembered_whatever_order_they_come_in() {
        let mut seen = Seen::new();
        for name in [5, 1, 9, 7, 3] {
            let Standing::New(place) = seen.standing(name, 0) else { panic!("{name} is new") };
            seen.insert(place, name, 0, 3);
        }
        let known: Vec<i32> = (0..10).filter(|name| seen.standing(*name, 0) == Standing::Same).collect();
        assert_eq!(known, [5, 7, 9]);
        assert_eq!(seen.standing(7, 1), Standing::Other(1));
    }

    #[test]
    fn every_field_counts_in_the_digest() {
        let bar = minute_bars(&[1.0]).remove(0);
        let one = Some(Decimal::from(1));
        let others = [
            Candle { close_time: bar.close_time.plus(1), ..bar.clone() },
            Candle { open: 2.0, ..bar.clone() },
            Candle { high: 2.0, ..bar.clone() },
            Candle { low: 2.0, ..bar.clone() },
            Candle { close: 2.0, ..bar.clone() },
            Candle { volume: Decimal::from(2), ..bar.clone() },
            Candle { quote_volume: one, ..bar.clone() },
            Candle { trades: Some(1), ..bar.clone() },
            Candle { taker_base: one, ..bar.clone() },
            Candle { taker_quote: one, ..bar.clone() },
        ];
        let mut digests: Vec<u64> = others.iter().chain([&bar]).map(digest).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), others.len() + 1);
    }
}
