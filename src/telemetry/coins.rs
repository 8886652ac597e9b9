//! Which coins get a label of their own.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Most coins with a label of their own. Each costs some 20 series for every model, in this process and in whatever scrapes it.
pub const MOST_LABELLED_COINS: usize = 200;

/// The label of coins beyond the limit.
pub const OTHER: &str = "other";

/// Hands out coin labels: the first [`MOST_LABELLED_COINS`] coins get their own, later ones share [`OTHER`].
///
/// ```
/// use tidemill::telemetry::CoinLabels;
/// let mut labels = CoinLabels::new(1);
/// assert_eq!(labels.own(&"BTC-USDT".into()).as_deref(), Some("BTC-USDT"));
/// assert_eq!(labels.own(&"ETH-USDT".into()), None);
/// assert_eq!(labels.beyond(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct CoinLabels {
    most: usize,
    labelled: BTreeSet<Arc<str>>,
    beyond: BTreeSet<Arc<str>>,
}

impl CoinLabels {
    /// Labels for at most `most` coins.
    pub fn new(most: usize) -> Self {
        CoinLabels { most, labelled: BTreeSet::new(), beyond: BTreeSet::new() }
    }

    /// The coin's own label, if it has one or there is room for it.
    pub fn own(&mut self, coin: &Arc<str>) -> Option<Arc<str>> {
        if self.labelled.contains(coin) {
            return Some(coin.clone());
        }
        if self.labelled.len() < self.most {
            self.labelled.insert(coin.clone());
            return Some(coin.clone());
        }
        if !self.beyond.contains(coin) {
            self.beyond.insert(coin.clone());
        }
        None
    }

    /// Number of coins without a label of their own.
    pub fn beyond(&self) -> usize {
        self.beyond.len()
    }
}
