//! Which column holds what: by name where a header says so, else by the layout of exchanges' kline files.

use super::cells::Cells;
use super::time::parse_time;

/// What a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Time,
    Open,
    High,
    Low,
    Close,
    Volume,
    QuoteVolume,
    Trades,
    TakerBase,
    TakerQuote,
    Symbol,
}

/// The names a column goes by, letters and digits only and in lower case, the best first.
const NAMES: [(Field, &[&str]); 11] = [
    (
        Field::Time,
        &[
            "opentime",
            "timestamp",
            "time",
            "unix",
            "unixtime",
            "unixtimestamp",
            "datetime",
            "date",
            "starttime",
            "start",
            "opentimems",
            "ts",
            "t",
        ],
    ),
    (Field::Open, &["open", "openprice", "o"]),
    (Field::High, &["high", "highprice", "h"]),
    (Field::Low, &["low", "lowprice", "l"]),
    (Field::Close, &["close", "closeprice", "c"]),
    (Field::Volume, &["volume", "basevolume", "volumebase", "vol", "v"]),
    (Field::QuoteVolume, &["quotevolume", "quoteassetvolume", "volumequote", "turnover"]),
    (Field::Trades, &["trades", "count", "numberoftrades", "tradecount", "numtrades", "tradescount"]),
    (Field::TakerBase, &["takerbase", "takerbuyvolume", "takerbuybasevolume", "takerbuybaseassetvolume", "takerbasevolume"]),
    (Field::TakerQuote, &["takerquote", "takerbuyquotevolume", "takerbuyquoteassetvolume", "takerquotevolume"]),
    (Field::Symbol, &["symbol", "coin", "pair"]),
];

/// Where each field stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) time: usize,
    pub(super) open: usize,
    pub(super) high: usize,
    pub(super) low: usize,
    pub(super) close: usize,
    pub(super) volume: usize,
    pub(super) quote_volume: Option<usize>,
    pub(super) trades: Option<usize>,
    pub(super) taker_base: Option<usize>,
    pub(super) taker_quote: Option<usize>,
    pub(super) symbol: Option<usize>,
}

impl Columns {
    /// The layout of kline files without a header: 6 or more columns, time first; with 11 or 12 it is Binance's own.
    pub(super) fn by_place(count: usize) -> Option<Self> {
        let binance = |index| (count == 11 || count == 12).then_some(index);
        (count >= 6).then(|| Columns {
            time: 0,
            open: 1,
            high: 2,
            low: 3,
            close: 4,
            volume: 5,
            quote_volume: binance(7),
            trades: binance(8),
            taker_base: binance(9),
            taker_quote: binance(10),
            symbol: None,
        })
    }

    /// The layout that header lines name; a column goes by the first of its names that is known, so that a header of several lines works too.
    ///
    /// `coin` is base and quote, where known already: some files name a volume after its coin (`Volume BTC`).
    ///
    /// # Errors
    /// The needed columns that no header line names.
    pub(super) fn by_name(header: &[Vec<String>], coin: Option<(&str, &str)>) -> Result<Self, Vec<Field>> {
        let find = |field| position(header, field, coin);
        let needed = [Field::Time, Field::Open, Field::High, Field::Low, Field::Close, Field::Volume];
        let missing: Vec<Field> = needed.into_iter().filter(|field| find(*field).is_none()).collect();
        let (Some(time), Some(open), Some(high), Some(low), Some(close), Some(volume)) =
            (find(Field::Time), find(Field::Open), find(Field::High), find(Field::Low), find(Field::Close), find(Field::Volume))
        else {
            return Err(missing);
        };
        Ok(Columns {
            time,
            open,
            high,
            low,
            close,
            volume,
            quote_volume: find(Field::QuoteVolume),
            trades: find(Field::Trades),
            taker_base: find(Field::TakerBase),
            taker_quote: find(Field::TakerQuote),
            symbol: find(Field::Symbol),
        })
    }
}

/// The column of `field`: the best of its names that some header line holds.
fn position(header: &[Vec<String>], field: Field, coin: Option<(&str, &str)>) -> Option<usize> {
    let names = NAMES.iter().find(|(known, _)| *known == field).map(|(_, names)| *names)?;
    let of_coin = coin.and_then(|(base, quote)| match field {
        Field::Volume => Some(format!("volume{}", plain(base))),
        Field::QuoteVolume => Some(format!("volume{}", plain(quote))),
        _ => None,
    });
    let column_of = |name: &str| header.iter().find_map(|line| line.iter().position(|cell| cell == name));
    names.iter().copied().chain(of_coin.as_deref()).find_map(column_of)
}

/// The cells of a header line: letters and digits only, in lower case.
pub(super) fn header_cells(cells: &Cells, line: &[u8]) -> Vec<String> {
    (0..cells.len()).map(|index| plain(&String::from_utf8_lossy(cells.get(line, index)))).collect()
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether a line holds data: one of its cells is a time, which no header's is.
pub(super) fn is_data(cells: &Cells, line: &[u8]) -> bool {
    (0..cells.len()).any(|index| parse_time(cells.get(line, index)).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(lines: &[&str]) -> Vec<Vec<String>> {
        let mut cells = Cells::default();
        let mut one = |line: &str| {
            cells.cut(line.as_bytes(), b',');
            header_cells(&cells, line.as_bytes())
        };
        lines.iter().map(|line| one(line)).collect()
    }

    #[test]
    fn columns_are_found_by_any_of_their_names_whatever_the_case() {
        let yahoo = Columns::by_name(&header(&["Date,Open,High,Low,Close,Adj Close,Volume"]), None).unwrap();
        assert_eq!((yahoo.time, yahoo.close, yahoo.volume), (0, 4, 6));
        let shuffled = Columns::by_name(&header(&["VOLUME,close,Low,HIGH,open,Open Time"]), None).unwrap();
        assert_eq!((shuffled.time, shuffled.open, shuffled.volume), (5, 4, 0));
        let binance = header(&[
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
        ]);
        assert_eq!(Columns::by_name(&binance, None), Ok(Columns::by_place(12).unwrap()));
    }

    #[test]
    fn headers_of_several_lines_and_volumes_named_after_coins_are_understood() {
        let newer_yahoo =
            header(&["Price,Close,High,Low,Open,Volume", "Ticker,BTC-USD,BTC-USD,BTC-USD,BTC-USD,BTC-USD", "Date,,,,,"]);
        let columns = Columns::by_name(&newer_yahoo, None).unwrap();
        assert_eq!((columns.time, columns.close, columns.open), (0, 1, 4));
        let named = header(&["https://www.example.org", "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD"]);
        let columns = Columns::by_name(&named, Some(("BTC", "USD"))).unwrap();
        assert_eq!((columns.time, columns.volume, columns.quote_volume, columns.symbol), (0, 7, Some(8), Some(2)));
    }

    #[test]
    fn missing_columns_are_named() {
        let outcome = Columns::by_name(&header(&["Date,Open,High,Close"]), None);
        assert_eq!(outcome, Err(vec![Field::Low, Field::Volume]));
        assert_eq!(Columns::by_place(5), None);
    }
}
