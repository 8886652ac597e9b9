//! What a file's name says of its coin and interval.

use std::path::Path;

use crate::market::{Interval, Symbol};

/// The coin and the interval in names such as `BTCUSDT-1m-2024-01.csv.gz`, `BTC-USD.csv`, `Binance_ETHUSDT_1h.csv` or `BTC_USDT-5m.csv`.
pub(super) fn from_file_name(path: &Path) -> (Option<Symbol>, Option<Interval>) {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let parts: Vec<&str> = name.split(['-', '_', '.', ' ']).filter(|part| !part.is_empty()).collect();
    let interval = parts.iter().find_map(|part| part.parse().ok());
    (coin_in(&parts), interval)
}

/// Two neighbours that are base and quote, or one part that is both.
fn coin_in(parts: &[&str]) -> Option<Symbol> {
    let pair = |index: usize| {
        let (base, quote) = (parts[index], parts.get(index + 1)?);
        (Symbol::is_quote_coin(quote) && base.len() <= 10 && is_name(base)).then(|| Symbol::new(base, quote).ok()).flatten()
    };
    let joined = |index: usize| parts[index].parse().ok().filter(|_| parts[index].len() >= 5 && is_name(parts[index]));
    (0..parts.len()).find_map(|index| pair(index).or_else(|| joined(index)))
}

/// Letters and digits in one case: `Binance` or `2024` are no coins.
fn is_name(text: &str) -> bool {
    let one_case = !text.bytes().any(|b| b.is_ascii_lowercase()) || !text.bytes().any(|b| b.is_ascii_uppercase());
    one_case && text.bytes().any(|b| b.is_ascii_alphabetic()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coin_and_interval_are_read_from_usual_names() {
        for (name, coin, interval) in [
            ("BTCUSDT-1m-20210326-20210520.csv.gz", Some("BTC-USDT"), Some("1m")),
            ("BTCUSDT-1M-2024.csv", Some("BTC-USDT"), Some("1M")),
            ("BTCUSDT-1mo-2024.csv", Some("BTC-USDT"), Some("1M")),
            ("BTC-USD.csv.gz", Some("BTC-USD"), None),
            ("BTC_USDT-5m.csv", Some("BTC-USDT"), Some("5m")),
            ("Binance_ETHUSDT_1h.csv", Some("ETH-USDT"), Some("1h")),
            ("revisions-BTCUSDT-1m-20210422.csv", Some("BTC-USDT"), Some("1m")),
            ("WBTC-USD.csv", Some("WBTC-USD"), None),
            ("BTCUSD-1m-2019.csv.gz", Some("BTC-USD"), Some("1m")),
            ("ltcusdt.csv", Some("LTC-USDT"), None),
            ("candles.csv", None, None),
            ("history-2024-01-1d.csv", None, Some("1d")),
        ] {
            let (found, found_interval) = from_file_name(&Path::new("some/folder").join(name));
            assert_eq!(found.map(|coin| coin.to_string()).as_deref(), coin, "{name}");
            assert_eq!(found_interval.map(Interval::name), interval, "{name}");
        }
    }
}
