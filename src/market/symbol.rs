//! Trading pairs under one spelling, whatever the exchange calls them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A pair of a base and a quote coin, written `BTC-USDT`.
///
/// Reads `BTC-USDT`, `BTC/USDT`, `BTC_USDT`, `BTCUSDT` in any case, Bitfinex' `tBTCUSD` and Kraken's `XBTUSD` and `XXBTZUSD`. A name without a
/// separator is split by a list of quote coins, longest first; where that list leaves two readings (`BNBUSD`: BNB-USD or BN-BUSD) the one with a
/// well-known base is taken, and if that does not settle it the name is refused.
///
/// ```
/// use tidemill::market::Symbol;
/// assert_eq!("btcusdt".parse::<Symbol>().unwrap().to_string(), "BTC-USDT");
/// assert!("ABCXYZ".parse::<Symbol>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Symbol {
    text: String,
    dash: usize,
}

/// A text that names no pair, or more than one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SymbolError {
    /// It is no pair of names of letters and digits.
    #[error("{text:?} is no trading pair; write base and quote coin with a dash, such as BTC-USDT")]
    Malformed {
        /// What was written, cut after 64 characters.
        text: String,
    },
    /// It has no separator and ends in no known quote coin.
    #[error("{text:?} ends in no known quote coin; write the pair with a dash, such as BTC-USDT")]
    UnknownQuote {
        /// What was written, cut after 64 characters.
        text: String,
    },
    /// It can be split in two ways.
    #[error("{text:?} can be {first} or {second}; write the one you mean")]
    Ambiguous {
        /// What was written.
        text: String,
        /// One reading.
        first: String,
        /// The other.
        second: String,
    },
}

/// Quote coins of the larger exchanges, longest first.
const QUOTES: [&str; 41] = [
    "FDUSD", "PYUSD", "RLUSD", "BIDR", "BUSD", "BVND", "DOGE", "EURI", "EURS", "GUSD", "IDRT", "TUSD", "USD1", "USDC", "USDD",
    "USDP", "USDS", "USDT", "AUD", "BNB", "BRL", "BTC", "CAD", "CHF", "DAI", "ETH", "EUR", "GBP", "INR", "JPY", "KRW", "MXN",
    "PLN", "SOL", "TRX", "TRY", "UAH", "USD", "VAI", "XRP", "ZAR",
];

/// Quote coins that are a letter and another quote coin: with them a name has two readings.
const DOUBTFUL: [(&str, &str); 3] = [("BUSD", "USD"), ("GUSD", "USD"), ("TUSD", "USD")];

/// Bases well known enough to settle a doubtful name.
const WELL_KNOWN: [&str; 44] = [
    "1INCH", "AAVE", "ADA", "ALGO", "APT", "ARB", "ATOM", "AVAX", "BAT", "BCH", "BNB", "BTC", "COMP", "CRV", "DASH", "DOGE",
    "DOT", "EOS", "ETC", "ETH", "FIL", "FTT", "GRT", "ICP", "LINK", "LIT", "LTC", "MATIC", "MKR", "NEAR", "NEO", "OP", "PEPE",
    "POL", "QNT", "SHIB", "SOL", "SUI", "TON", "TRX", "UNI", "XLM", "XMR", "XRP",
];

impl Symbol {
    /// The pair of these two names of letters and digits; case does not matter, and `XBT` is `BTC`.
    ///
    /// # Errors
    /// When a name is empty or holds anything but ASCII letters and digits.
    pub fn new(base: &str, quote: &str) -> Result<Self, SymbolError> {
        let fits = |name: &str| (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
        if !fits(base) || !fits(quote) {
            return Err(SymbolError::Malformed { text: short(&format!("{base}-{quote}")) });
        }
        let (base, quote) = (usual_name(base), usual_name(quote));
        Ok(Symbol { dash: base.len(), text: format!("{base}-{quote}") })
    }

    /// The coin that is traded.
    pub fn base(&self) -> &str {
        &self.text[..self.dash]
    }

    /// The coin the price is in.
    pub fn quote(&self) -> &str {
        &self.text[self.dash + 1..]
    }

    /// Whether exchanges quote prices in this coin or currency, in any case: `usdt`, `EUR`.
    pub fn is_quote_coin(name: &str) -> bool {
        QUOTES.contains(&name.to_ascii_uppercase().as_str())
    }

    /// The canonical text, such as `BTC-USDT`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Upper case, with Kraken's own names of coins replaced by those of everybody else.
fn usual_name(name: &str) -> String {
    match name.to_ascii_uppercase().as_str() {
        "XBT" => "BTC".to_owned(),
        "XDG" => "DOGE".to_owned(),
        upper => upper.to_owned(),
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, SymbolError> {
        let mut parts = text.split(['-', '/', '_']);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(base), Some(quote), None) => Symbol::new(base, quote).map_err(|_| SymbolError::Malformed { text: short(text) }),
            (Some(joined), None, None) => split_joined(joined),
            _ => Err(SymbolError::Malformed { text: short(text) }),
        }
    }
}

/// Splits a name without a separator.
fn split_joined(text: &str) -> Result<Symbol, SymbolError> {
    if text.is_empty() || text.len() > 64 || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(SymbolError::Malformed { text: short(text) });
    }
    let bitfinex = text.strip_prefix('t').filter(|rest| rest.len() >= 6 && !rest.bytes().any(|b| b.is_ascii_lowercase()));
    let upper = bitfinex.unwrap_or(text).to_ascii_uppercase();
    if let Some((base, quote)) = kraken_legacy(&upper) {
        return Symbol::new(base, quote);
    }
    let split = |quote: &'static str| upper.strip_suffix(quote).filter(|base| !base.is_empty()).map(|base| (base, quote));
    // QUOTES is sorted longest first.
    let (base, quote) =
        QUOTES.iter().find_map(|quote| split(quote)).ok_or_else(|| SymbolError::UnknownQuote { text: short(text) })?;
    match DOUBTFUL.iter().find(|(long, _)| *long == quote) {
        Some((_, shorter)) => settle(text, &upper, (base, quote), shorter),
        None => Symbol::new(base, quote),
    }
}

/// Kraken's old four-letter names: `X` before a coin, `Z` before a currency.
fn kraken_legacy(upper: &str) -> Option<(&str, &str)> {
    let fits = upper.len() == 8 && upper.starts_with('X') && upper.as_bytes()[4] == b'Z';
    (fits && ["USD", "EUR", "GBP", "JPY", "CAD", "AUD"].contains(&&upper[5..])).then(|| (&upper[1..4], &upper[5..]))
}

/// Chooses between the two readings of a doubtful name by a well-known base.
fn settle(text: &str, upper: &str, long: (&str, &str), shorter: &str) -> Result<Symbol, SymbolError> {
    let other = (upper.strip_suffix(shorter).unwrap_or(upper), shorter);
    match (WELL_KNOWN.contains(&usual_name(long.0).as_str()), WELL_KNOWN.contains(&usual_name(other.0).as_str())) {
        (true, false) => Symbol::new(long.0, long.1),
        (false, true) => Symbol::new(other.0, other.1),
        _ => Err(SymbolError::Ambiguous {
            text: text.to_owned(),
            first: format!("{}-{}", long.0, long.1),
            second: format!("{}-{}", other.0, other.1),
        }),
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> String {
        symbol.text
    }
}

impl TryFrom<String> for Symbol {
    type Error = SymbolError;
    fn try_from(text: String) -> Result<Self, SymbolError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_gives_the_same_pair() {
        for (text, canonical) in [
            ("BTC-USDT", "BTC-USDT"),
            ("BTCUSDT", "BTC-USDT"),
            ("btcusdt", "BTC-USDT"),
            ("BTC/USDT", "BTC-USDT"),
            ("btc_usdt", "BTC-USDT"),
            ("XBTUSD", "BTC-USD"),
            ("XBT/EUR", "BTC-EUR"),
            ("XXBTZUSD", "BTC-USD"),
            ("tETHUSD", "ETH-USD"),
            ("BTC-USD", "BTC-USD"),
            ("BNBUSD", "BNB-USD"),
            ("DOTUSD", "DOT-USD"),
            ("BTCTUSD", "BTC-TUSD"),
            ("XBTBUSD", "BTC-BUSD"),
            ("ETHBTC", "ETH-BTC"),
            ("SUSDT", "S-USDT"),
            ("BTCFDUSD", "BTC-FDUSD"),
            ("1000SATSUSDT", "1000SATS-USDT"),
            ("TRXUSDT", "TRX-USDT"),
            ("ABC-NEWCOIN", "ABC-NEWCOIN"),
        ] {
            let symbol: Symbol = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(symbol.to_string(), canonical, "{text}");
            assert_eq!(format!("{}-{}", symbol.base(), symbol.quote()), canonical);
        }
    }

    #[test]
    fn nothing_is_guessed_in_silence() {
        for text in ["", "-", "BTC-", "-USD", "A-B-C", "BTC USD", "ÄÖ-USD", "BTC--USD"] {
            assert!(matches!(text.parse::<Symbol>(), Err(SymbolError::Malformed { .. })), "{text:?}");
        }
        for text in ["AAPL", "USDT", "BTCXYZ"] {
            assert!(matches!(text.parse::<Symbol>(), Err(SymbolError::UnknownQuote { .. })), "{text:?}");
        }
        let Err(SymbolError::Ambiguous { first, second, .. }) = "XYZTUSD".parse::<Symbol>() else {
            panic!("XYZTUSD was guessed")
        };
        assert_eq!((first.as_str(), second.as_str()), ("XYZ-TUSD", "XYZT-USD"));
    }

    #[test]
    fn the_quote_list_is_longest_first() {
        assert!(QUOTES.is_sorted_by_key(|quote| (std::cmp::Reverse(quote.len()), *quote)));
    }
}
