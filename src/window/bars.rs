//! Bars: candles made of smaller candles and of trades.
//!
//! It knows the market's types, not the kinds of windows.

use std::cmp::Ordering;

use super::{Aggregate, Part, Relation, Span};
use crate::market::{Candle, Decimal, Trade};
use crate::record::Timestamp;

/// A candle covers its time from open to close; there is one for each opening time, and a later one with other values revises it.
impl Part for Candle {
    fn start(&self) -> Timestamp {
        self.open_time
    }
    fn end(&self) -> Timestamp {
        self.close_time
    }
    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        self.open_time.cmp(&other.open_time)
    }
    fn relation(&self, newer: &Self) -> Relation {
        if self == newer { Relation::Duplicate } else { Relation::Revision }
    }
}

/// A trade happens at once. Time and id name it: the same again is a duplicate, whatever it says. Trades without an id are all different.
impl Part for Trade {
    fn start(&self) -> Timestamp {
        self.time
    }
    fn end(&self) -> Timestamp {
        self.time
    }
    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        self.time.cmp(&other.time).then(self.id.cmp(&other.id))
    }
    fn relation(&self, newer: &Self) -> Relation {
        if self.id.is_some() && self.id == newer.id { Relation::Duplicate } else { Relation::Distinct }
    }
}

/// Makes one candle of many.
///
/// Open is that of the candle that opens first, close that of the one that closes last, volumes are exact sums in any order; quote volume,
/// trades and taker volumes are kept only if all parts have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleAggregate;

impl Aggregate for CandleAggregate {
    type Part = Candle;
    type Output = Candle;

    #[inline]
    fn fold<'a>(span: Span, earlier: &'a [Candle], parts: impl Iterator<Item = &'a Candle>) -> Option<Candle> {
        let mut all = earlier.iter().chain(parts);
        let mut bar = all.next()?.clone();
        all.for_each(|candle| take_in(&mut bar, candle));
        Some(spanning(span, bar))
    }
}

/// Makes one candle of trades.
///
/// Open and close are the prices of the first and last trade by time, then by id, then by arrival. Quote volume is the sum of price times
/// amount, each product to 18 places; taker volumes are kept if all trades tell who was the aggressor. A candle made of trades alone covers
/// up to the millisecond after its last trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeAggregate;

impl Aggregate for TradeAggregate {
    type Part = Trade;
    type Output = Candle;

    fn fold<'a>(span: Span, earlier: &'a [Candle], parts: impl Iterator<Item = &'a Trade>) -> Option<Candle> {
        let traded = of_trades(parts);
        let mut all = earlier.iter().chain(&traded);
        let mut bar = all.next()?.clone();
        all.for_each(|candle| take_in(&mut bar, candle));
        Some(spanning(span, bar))
    }
}

fn take_in(bar: &mut Candle, candle: &Candle) {
    if candle.open_time < bar.open_time {
        (bar.open_time, bar.open) = (candle.open_time, candle.open);
    }
    // Where two close at the same moment the later opened one knows the close better.
    if candle.close_time >= bar.close_time {
        (bar.close_time, bar.close) = (candle.close_time, candle.close);
    }
    bar.high = bar.high.max(candle.high);
    bar.low = bar.low.min(candle.low);
    bar.volume += candle.volume;
    bar.quote_volume = both(bar.quote_volume, candle.quote_volume);
    bar.trades = bar.trades.zip(candle.trades).map(|(a, b)| a.saturating_add(b));
    bar.taker_base = both(bar.taker_base, candle.taker_base);
    bar.taker_quote = both(bar.taker_quote, candle.taker_quote);
}

#[inline]
fn both(a: Option<Decimal>, b: Option<Decimal>) -> Option<Decimal> {
    Some(a? + b?)
}

fn spanning(span: Span, mut bar: Candle) -> Candle {
    if let Span::Fixed { start, end } = span {
        (bar.open_time, bar.close_time) = (start, end);
    }
    bar
}

fn of_trades<'a>(mut trades: impl Iterator<Item = &'a Trade>) -> Option<Candle> {
    let mut bar = of_trade(trades.next()?);
    for trade in trades {
        // In event-time order, so every further trade closes the bar.
        take_in(&mut bar, &of_trade(trade));
    }
    Some(bar)
}

fn of_trade(trade: &Trade) -> Candle {
    let quote = Decimal::from_f64(trade.price).and_then(|price| price.checked_mul(trade.amount));
    let taken = |volume: Decimal| move |maker: bool| if maker { Decimal::ZERO } else { volume };
    Candle {
        open_time: trade.time,
        close_time: trade.time.plus(1),
        open: trade.price,
        high: trade.price,
        low: trade.price,
        close: trade.price,
        volume: trade.amount,
        quote_volume: quote,
        trades: Some(1),
        taker_base: trade.buyer_is_maker.map(taken(trade.amount)),
        taker_quote: quote.and_then(|quote| trade.buyer_is_maker.map(taken(quote))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(minute: i64, prices: [f64; 4], volume: &str) -> Candle {
        let [open, high, low, close] = prices;
        Candle {
            open_time: Timestamp(minute * 60_000),
            close_time: Timestamp((minute + 1) * 60_000),
            open,
            high,
            low,
            close,
            volume: volume.parse().expect("a decimal"),
            quote_volume: None,
            trades: Some(3),
            taker_base: Some(Decimal::from(1)),
            taker_quote: None,
        }
    }

    fn trade(time: i64, id: Option<u64>, price: f64) -> Trade {
        Trade { time: Timestamp(time), price, amount: "0.1".parse().expect("a decimal"), id, buyer_is_maker: Some(price > 10.0) }
    }

    #[test]
    fn a_bar_opens_with_its_first_candle_and_closes_with_its_last() {
        let parts = [candle(0, [10.0, 12.0, 9.0, 11.0], "0.1"), candle(1, [11.0, 11.5, 8.0, 8.5], "0.2")];
        let span = Span::Fixed { start: Timestamp(0), end: Timestamp(300_000) };
        let bar = CandleAggregate::fold(span, &[], parts.iter()).expect("two parts");
        assert_eq!((bar.open_time.0, bar.close_time.0), (0, 300_000));
        assert_eq!((bar.open, bar.high, bar.low, bar.close), (10.0, 12.0, 8.0, 8.5));
        assert_eq!((bar.volume.to_string().as_str(), bar.trades), ("0.3", Some(6)));
        assert_eq!((bar.quote_volume, bar.taker_base), (None, Some(Decimal::from(2))));
    }

    #[test]
    fn a_covered_span_ends_with_its_last_part() {
        let parts = [candle(3, [1.0; 4], "1"), candle(7, [2.0; 4], "1")];
        let bar = CandleAggregate::fold(Span::Covered, &[], parts.iter()).expect("two parts");
        assert_eq!((bar.open_time.0, bar.close_time.0), (180_000, 480_000));
    }

    #[test]
    fn trades_of_one_moment_stand_in_the_order_of_their_ids() {
        let (first, second) = (trade(5, Some(1), 10.0), trade(5, Some(2), 20.0));
        assert_eq!(first.order(&second), Ordering::Less);
        assert_eq!(second.relation(&trade(5, Some(2), 99.0)), Relation::Duplicate);
        assert_eq!(trade(5, None, 1.0).relation(&trade(5, None, 1.0)), Relation::Distinct);
        let bar = TradeAggregate::fold(Span::Covered, &[], [first, second].iter()).expect("two parts");
        assert_eq!((bar.open, bar.close, bar.trades), (10.0, 20.0, Some(2)));
        assert_eq!((bar.open_time.0, bar.close_time.0), (5, 6));
        let texts = [bar.volume, bar.quote_volume.expect("known"), bar.taker_base.expect("known")].map(|d| d.to_string());
        assert_eq!(texts, ["0.2", "3", "0.1"]);
    }

    #[test]
    fn an_earlier_session_keeps_its_close_against_a_late_trade_inside_it() {
        let earlier = TradeAggregate::fold(Span::Covered, &[], [trade(0, None, 1.0), trade(100, None, 7.0)].iter());
        let late = trade(50, None, 3.0);
        let bar = TradeAggregate::fold(Span::Covered, earlier.as_slice(), std::iter::once(&late)).expect("three trades");
        assert_eq!((bar.open, bar.close, bar.trades), (1.0, 7.0, Some(3)));
        let earliest = trade(-9, None, 4.0);
        let bar = TradeAggregate::fold(Span::Covered, earlier.as_slice(), std::iter::once(&earliest)).expect("three trades");
        assert_eq!((bar.open_time.0, bar.open, bar.close), (-9, 4.0, 7.0));
    }
}
