//! The volume-weighted average price.

/// The bars of a window by field, oldest first; all of one length.
#[derive(Debug, Clone, Copy)]
pub struct VwapWindow<'a> {
    /// Highest prices.
    pub high: &'a [f64],
    /// Lowest prices.
    pub low: &'a [f64],
    /// Last prices.
    pub close: &'a [f64],
    /// Traded amounts.
    pub volume: &'a [f64],
}

/// The mean of the typical prices, (high + low + close) / 3, each weighted with its bar's volume; `None` where nothing was traded.
///
/// Means are formed of distances from the newest close, so prices of one size lose no digits, and a window of one price gives that price exactly.
///
/// Reference: S. A. Berkowitz, D. E. Logue, E. A. Noser, "The total cost of transactions on the NYSE", Journal of Finance 43(1), 1988.
///
/// ```
/// use tidemill::learn::feature_extraction::{VwapWindow, vwap};
/// let window = VwapWindow { high: &[12.0, 21.0], low: &[9.0, 18.0], close: &[9.0, 21.0], volume: &[3.0, 1.0] };
/// assert_eq!(vwap(&window), Some(12.5)); // (10 * 3 + 20 * 1) / 4
/// ```
pub fn vwap(window: &VwapWindow<'_>) -> Option<f64> {
    let last = *window.close.last()?;
    let (mut distance, mut volume) = (0.0, 0.0);
    for (((high, low), close), amount) in window.high.iter().zip(window.low).zip(window.close).zip(window.volume) {
        distance += amount * (((high - last) + (low - last) + (close - last)) / 3.0);
        volume += amount;
    }
    let price = last + distance / volume;
    (volume > 0.0 && price.is_finite()).then_some(price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_weighs_typical_prices() {
        let of = |volume: &[f64]| vwap(&VwapWindow { high: &[12.0, 21.0], low: &[9.0, 18.0], close: &[9.0, 21.0], volume });
        assert_eq!(of(&[1.0, 1.0]), Some(15.0));
        assert_eq!(of(&[0.0, 7.0]), Some(20.0));
        assert_eq!(of(&[0.0, 0.0]), None, "nothing was traded");
        assert_eq!(of(&[f64::NAN, 1.0]), None);
        assert_eq!(vwap(&VwapWindow { high: &[], low: &[], close: &[], volume: &[] }), None);
    }

    #[test]
    fn a_window_of_one_price_gives_that_price() {
        let price = [0.1; 7];
        let volume: Vec<f64> = (1..8).map(|k| f64::from(k) / 3.0).collect();
        assert_eq!(vwap(&VwapWindow { high: &price, low: &price, close: &price, volume: &volume }), Some(0.1));
    }
}
