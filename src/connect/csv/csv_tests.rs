//! Tests of the CSV reader on small files made here, and on the shared market data where it is at hand.

use std::io::Write;
use std::path::PathBuf;

use super::*;
use crate::market::codec::{BinanceMessage, DecodeLimits, decode_binance, decode_candle, split_recorded_line};
use crate::market::feed::{Feed, Ingest};
use crate::record::RecordRef;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn gzip(&self, name: &str, text: &str) -> PathBuf {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        let path = self.0.path().join(name);
        std::fs::write(&path, packer.finish().unwrap()).unwrap();
        path
    }
}

/// Candles as `(open time, close, volume)`, unreadable lines as text.
fn read(path: &std::path::Path) -> Result<(Vec<String>, u64), CsvError> {
    let mut file = CandleFile::open(path, &CsvOptions::default())?;
    let mut rows = Vec::new();
    while let Some(row) = file.next_row()? {
        rows.push(match row {
            CsvRow::Candle(candle) => format!("{} {} {}", candle.open_time.0 / 1_000, candle.close, candle.volume),
            CsvRow::Unreadable { time, line } => format!("{}! {}", time.0 / 1_000, String::from_utf8_lossy(line)),
        });
    }
    Ok((rows, file.skipped()))
}

fn rows(path: &std::path::Path) -> Vec<String> {
    read(path).unwrap_or_else(|error| panic!("{error}")).0
}

const TWO: [&str; 2] = ["1700000040 1.5 10.25", "1700000100 2.5 0"];

#[test]
fn binance_layouts_are_read_with_and_without_header_in_any_unit_and_packing() {
    let folder = Folder::new();
    let six = "1700000040000,1,2,1,1.5,10.2500\n1700000100000,2,3,2,2.5,0\n";
    let header = format!("Open_Time,OPEN,high,low,close,volume\r\n{}", six.replace('\n', "\r\n"));
    let micro = six.replace("000,1,2", "000000,1,2").replace("000,2,3", "000000,2,3");
    let twelve =
        "1700000040000,1,2,1,1.5,10.25,1700000099999,15,7,5.5,8.25,0\n1700000100000,2,3,2,2.5,0,1700000159999,0,0,0,0,0\n";
    for (name, text) in
        [("six", six), ("header", &header), ("micro", &micro), ("twelve", twelve), ("bom", &format!("\u{feff}{six}"))]
    {
        assert_eq!(rows(&folder.file(&format!("BTCUSDT-1m-{name}.csv"), text)), TWO, "{name}");
        assert_eq!(rows(&folder.gzip(&format!("BTCUSDT-1m-{name}.csv.gz"), text)), TWO, "{name}");
    }
    let mut file = CandleFile::open(&folder.file("BTCUSDT-1m.csv", twelve), &CsvOptions::default()).unwrap();
    let Some(CsvRow::Candle(candle)) = file.next_row().unwrap() else { panic!("no candle") };
    let optional = (
        candle.quote_volume.unwrap().to_f64(),
        candle.trades,
        candle.taker_base.unwrap().to_f64(),
        candle.taker_quote.unwrap().to_f64(),
    );
    assert_eq!(optional, (15.0, Some(7), 5.5, 8.25));
    assert_eq!(candle.close_time, Timestamp(1_700_000_100_000));
}

#[test]
fn yahoo_days_are_read_and_their_null_rows_counted() {
    let folder = Folder::new();
    let text = "Date,Open,High,Low,Close,Adj Close,Volume\n2020-04-16,1,2,1,1.5,1.5,100\n2020-04-17,null,null,null,null,null,null\n2020-04-18,1,2,1,1.25,1.25,7\n";
    let path = folder.file("BTC-USD.csv", text);
    let (rows, skipped) = read(&path).unwrap();
    assert_eq!((rows, skipped), (vec!["1586995200 1.5 100".to_owned(), "1587168000 1.25 7".to_owned()], 1));
    assert_eq!(
        CandleFile::open(&path, &CsvOptions::default()).unwrap().interval(),
        Interval::Day1,
        "from the steps: the name tells none"
    );
    let flags = CsvOptions { coin: "ETH-USD".parse().ok(), interval: Some(Interval::Week1) };
    let file = CandleFile::open(&path, &flags).unwrap();
    assert_eq!((file.coin().as_str(), file.interval()), ("ETH-USD", Interval::Week1));
}

#[test]
fn other_headers_delimiters_and_quotes_are_read_by_name() {
    let folder = Folder::new();
    let newer = "Price,Close,High,Low,Open,Volume\nTicker,BTC-USD,BTC-USD,BTC-USD,BTC-USD,BTC-USD\nDate,,,,,\n2023-11-14,1.5,2,1,1,10.25\n2023-11-15,2.5,3,2,2,0\n";
    assert_eq!(rows(&folder.file("BTC-USD.csv", newer)), ["1699920000 1.5 10.25", "1700006400 2.5 0"]);
    let quoted = "\"volume\";\"close\";\"low\";\"high\";\"open\";\"time\"\n\"10.25\";\"1.5\";\"1\";\"2\";\"1\";\"1700000040\"\n0;2.5;2;3;2;1700000100\n";
    assert_eq!(rows(&folder.file("btcusdt_1m.csv", quoted)), TWO);
    let by_symbol = "unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT\n1700000040,x,BTC/USDT,1,2,1,1.5,10.25,3\n1700000100,x,BTC/USDT,2,3,2,2.5,0,3\n";
    let path = folder.file("candles.csv", by_symbol);
    assert!(read(&path).unwrap_err().what.contains("no column for volume"), "the coin is not known yet when the columns are");
    assert_eq!(rows(&folder.file("BTCUSDT.csv", by_symbol)), TWO);
}

#[test]
fn rows_that_make_no_candle_are_handed_on_as_they_stand() {
    let folder = Folder::new();
    let text = "1700000040000,1,2,1,1.5,10.25\n1700000100000,abc,2,1,1.5,1\nnonsense\n1700000160000,1,2\n1700000220000,1,2,1,nan,1\n\n1700000280000,2,3,2,2.5,0\n";
    let expected = [
        "1700000040 1.5 10.25",
        "1700000100! 1700000100000,abc,2,1,1.5,1",
        "1700000100! nonsense",
        "1700000160! 1700000160000,1,2",
        "1700000220! 1700000220000,1,2,1,nan,1",
        "1700000280 2.5 0",
    ];
    assert_eq!(rows(&folder.file("BTCUSDT-1m.csv", text)), expected);
}

#[test]
fn what_spoils_a_file_is_an_error_with_file_and_line() {
    let folder = Folder::new();
    let good = "1700000040000,1,2,1,1.5,10.25\n";
    let error = |name: &str, text: &str| read(&folder.file(name, text)).unwrap_err();
    let mixed = error("BTCUSDT-1m-a.csv", &format!("{good}1700000100000000,2,3,2,2.5,0\n"));
    assert_eq!(mixed.line, Some(2));
    assert!(
        mixed.to_string().contains("line 2: the time \"1700000100000000\" is in microseconds; expected Unix milliseconds"),
        "{mixed}"
    );
    assert!(error("BTCUSDT-1m-b.csv", "").what.contains("no row of data"));
    assert!(error("BTCUSDT-1m-c.csv", "time,open,close\n1700000040000,1,2\n").what.contains("no column for high, low, volume"));
    assert!(error("BTCUSDT-1m-d.csv", "1700000040000,1,2,3\n").what.contains("4 columns and no header"));
    assert!(error("candles-1m.csv", good).remedy.contains("--coin"));
    assert!(error("BTCUSDT.csv", good).remedy.contains("--interval"));
    assert!(error("BTCUSDT-1m-e.csv.gz", good).what.contains("not gzip"));
    assert!(error("BTCUSDT-1m-f.csv", "PK\u{3}\u{4}").what.contains("zip archive"));
    assert!(error("BTCUSDT-1m-g.csv", "1700000100000,1,2,1,1.5,1\n1700000040000,1,2,1,1.5,1\n").remedy.contains("tac"));
    assert!(error("BTCUSDT-1m-h.csv", &"1".repeat(100_000)).what.contains("longer than"));
    let coins = "time,symbol,open,high,low,close,volume\n1700000040,BTCUSDT,1,2,1,1.5,1\n1700000100,ETHUSDT,1,2,1,1.5,1\n";
    assert!(error("BTCUSDT-1m-i.csv", coins).what.contains("ETHUSDT"));
    let absent = read(&folder.0.path().join("BTCUSDT-1m-absent.csv")).unwrap_err();
    assert!(absent.remedy.contains("check the path"), "{absent}");
}

#[test]
fn a_torn_gzip_file_gives_its_rows_and_then_an_error() {
    let folder = Folder::new();
    let text: String = (0..20_000).map(|n| format!("{},1,2,1,1.5,{n}\n", 1_700_000_040_000i64 + n * 60_000)).collect();
    let whole = folder.gzip("BTCUSDT-1m.csv.gz", &text);
    let bytes = std::fs::read(&whole).unwrap();
    let torn = folder.0.path().join("BTCUSDT-1m-torn.csv.gz");
    std::fs::write(&torn, &bytes[..bytes.len() / 2]).unwrap();
    let mut file = CandleFile::open(&torn, &CsvOptions::default()).unwrap();
    let mut count = 0;
    let error = loop {
        match file.next_row() {
            Ok(Some(_)) => count += 1,
            Ok(None) => panic!("the end was not noticed"),
            Err(error) => break error,
        }
    };
    assert!(count > 1_000 && error.line.is_some() && error.remedy.contains("gzip -t"), "{count} {error}");
}

#[test]
fn files_are_merged_by_time_then_by_their_order() {
    let folder = Folder::new();
    let minutes = |from: i64, count: i64| -> String {
        (from..from + count).map(|n| format!("{},1,2,1,1.5,{n}\n", 1_700_000_040_000 + n * 60_000)).collect()
    };
    let paths = [
        folder.file("BTCUSDT-1m.csv", &minutes(0, 3)),
        folder.file("ETHUSDT-1m.csv", &format!("{}broken\n", minutes(1, 3))),
        folder.file("LTCUSDT-1m.csv", &minutes(0, 1)),
    ];
    let mut merged = MergedInput::open(&paths, &CsvOptions::default()).unwrap();
    assert_eq!(merged.coins(), ["BTC-USDT", "ETH-USDT", "LTC-USDT"]);
    let mut seen = Vec::new();
    while let Some(record) = merged.next_record().unwrap() {
        let minute = (record.timestamp.0 - 1_700_000_040_000) / 60_000;
        seen.push(format!("{}{minute}", char::from(record.key.unwrap()[0])));
        assert!(decode_candle(record, &DecodeLimits::default()).is_ok() || record.value == Some(b"broken"));
    }
    assert_eq!(seen, ["B0", "L0", "B1", "E1", "B2", "E2", "E3", "E3"]);
    let (read, size) = merged.progress().unwrap();
    assert!(merged.position() == 8 && read == size);
}

#[test]
fn an_error_in_the_middle_keeps_what_was_read() {
    let folder = Folder::new();
    let path = folder.file("BTCUSDT-1m.csv", "1700000040000,1,2,1,1.5,1\n1700000100000000,1,2,1,1.5,1\n");
    let mut ingest = Ingest::new(MergedInput::open(&[path], &CsvOptions::default()).unwrap(), 2);
    let mut batches = ingest.empty_batches();
    assert!(ingest.read(10, &mut batches).unwrap_err().to_string().contains("line 2"));
    assert_eq!(batches.iter().map(|batch| batch.len()).sum::<usize>(), 1);
}

/// The folder of shared market data beside the repository, if it is there.
fn shared_data() -> Option<PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["../shared/data", "../../shared/data"].iter().map(|path| root.join(path)).find(|path| path.is_dir());
    if found.is_none() {
        eprintln!("skipped: no folder `shared/data` beside the repository");
    }
    found
}

#[test]
fn every_shared_candle_file_has_as_many_rows_as_its_manifest_says() {
    let Some(data) = shared_data() else { return };
    let manifest = std::fs::read_to_string(data.join("MANIFEST.tsv")).unwrap();
    let candles = |line: &&str| {
        ["binance-1m", "bitfinex-1m", "daily"].iter().any(|folder| line.starts_with(folder)) && !line.contains("revisions")
    };
    let mut files = 0;
    for line in manifest.lines().filter(candles) {
        let mut parts = line.split('\t');
        let (Some(name), Some(records)) = (parts.next(), parts.next()) else { panic!("{line}") };
        let mut file = CandleFile::open(&data.join(name), &CsvOptions::default()).unwrap_or_else(|error| panic!("{error}"));
        let daily = name.starts_with("daily");
        assert_eq!(file.interval(), if daily { Interval::Day1 } else { Interval::Minute1 }, "{name}");
        let (mut count, mut last) = (0u64, Timestamp::MIN);
        while let Some(row) = file.next_row().unwrap() {
            let CsvRow::Candle(candle) = row else { panic!("{name}: {row:?}") };
            assert!(
                candle.open_time > last && candle.low > 0.0 && candle.low <= candle.open && candle.close <= candle.high,
                "{name}: {candle:?}"
            );
            (count, last) = (count + 1, candle.open_time);
        }
        assert_eq!((count.to_string().as_str(), file.skipped()), (records, 0), "{name}");
        files += 1;
    }
    assert_eq!(files, 15);
}

#[test]
fn the_recorded_stream_is_told_apart_message_by_message() {
    let Some(data) = shared_data() else { return };
    let mut lines = Lines::open(&data.join("binance-ws/spot-btcusdt_20240808.ndjson.gz")).unwrap();
    let (mut line, mut trades, mut other, mut last_id) = (Vec::new(), 0, std::collections::BTreeMap::new(), None);
    while lines.next_into(&mut line).unwrap() {
        let (_, message) = split_recorded_line(&line).unwrap();
        match decode_binance(RecordRef::without_headers(Timestamp(0), None, Some(message)), &DecodeLimits::default()).unwrap() {
            BinanceMessage::Trade { coin, trade } => {
                assert_eq!(coin.as_str(), "BTC-USDT");
                assert!(last_id.is_none_or(|last: u64| trade.id == Some(last + 1)));
                (trades, last_id) = (trades + 1, trade.id);
            }
            BinanceMessage::Kline { .. } => panic!("there is no kline in this recording"),
            BinanceMessage::Other { event } => *other.entry(event.unwrap_or_default()).or_insert(0) += 1,
        }
    }
    assert_eq!(trades, 9_757);
    let expected =
        [("", 1), ("btcusdt@bookTicker", 28_040), ("depthUpdate", 3_451)].map(|(event, count)| (event.to_owned(), count));
    assert_eq!(other.into_iter().collect::<Vec<_>>(), expected);
}
