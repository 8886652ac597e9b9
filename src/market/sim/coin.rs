//! How one simulated coin moves: regimes, clustering volatility, a share of the market's moves, jumps, and volumes that follow.
//!
//! Expected one-minute returns, of which a model can learn a little: part of the last return is taken back in every regime (15 to 20 %, as bid and ask
//! bounce), in a range the price is drawn back to an anchor (8 % of the distance a minute), in a trend it drifts. Against the noise that explains a
//! few per cent of the variance of returns: more than real markets allow, and far from easy money.

use serde::{Deserialize, Serialize};

use super::rng::Rng;
use crate::market::{Candle, Decimal};
use crate::record::Timestamp;

/// What a simulated coin is like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimCoin {
    /// Its name: key of its records.
    pub name: String,
    /// The price it starts at, in the quote coin.
    pub start_price: f64,
    /// Decimal places of prices (the tick is 10^-places), 0 to 8.
    pub price_places: usize,
    /// Decimal places of amounts, 0 to 8.
    pub amount_places: usize,
    /// Standard deviation of the one-minute log return in a calm market, such as 0.0005.
    pub volatility: f64,
    /// How much of a jump of the whole market it takes over, about 1.
    pub beta: f64,
    /// Typical amount traded in a minute.
    pub minute_volume: f64,
}

/// What the whole market does in one minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MarketMove {
    /// The common part of all coins' noise, in standard deviations.
    pub(super) shock: f64,
    /// The log return of a jump, mostly 0.
    pub(super) jump: f64,
    /// How busy the hour is, about 1.
    pub(super) activity: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Regime {
    Range,
    Trend,
    Turbulent,
}

impl Regime {
    /// Probability to leave it in a minute: it lasts 12, 6 and 3 hours in the mean.
    fn leaving(self) -> f64 {
        match self {
            Regime::Range => 1.0 / 720.0,
            Regime::Trend => 1.0 / 360.0,
            Regime::Turbulent => 1.0 / 180.0,
        }
    }

    fn volatility(self) -> f64 {
        match self {
            Regime::Range => 1.0,
            Regime::Trend => 1.2,
            Regime::Turbulent => 3.0,
        }
    }
}

/// The correlation of a coin's noise with the market's, and what is left: 0.6² + 0.8² = 1.
const COMMON: f64 = 0.6;
const OWN: f64 = 0.8;

/// One coin under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CoinState {
    /// The coin's own random numbers; its anomalies draw from them too.
    pub(super) rng: Rng,
    regime: Regime,
    /// Logarithm of the price, and what draws it: the range's anchor, the trend's drift.
    log_price: f64,
    anchor: f64,
    drift: f64,
    last_return: f64,
    /// Clustering: variance of the noise relative to its mean.
    variance: f64,
    close_ticks: u64,
}

impl CoinState {
    pub(super) fn new(coin: &SimCoin, seed: u64) -> Self {
        let log_price = libm::log(coin.start_price);
        CoinState {
            rng: Rng::named(seed, &coin.name),
            regime: Regime::Range,
            log_price,
            anchor: log_price,
            drift: 0.0,
            last_return: 0.0,
            variance: 1.0,
            close_ticks: ticks(coin, log_price),
        }
    }

    /// Lives through one minute and answers with its bar.
    pub(super) fn step(&mut self, coin: &SimCoin, open_time: Timestamp, market: MarketMove) -> Candle {
        self.change_regime(coin);
        let noise = COMMON * market.shock + OWN * self.rng.normal();
        let sigma = coin.volatility * self.regime.volatility() * market.activity * self.variance.sqrt();
        self.variance = 0.9 * self.variance + 0.1 * noise * noise;
        // A very weak pull home keeps the price in sight of its start over decades.
        let home = 1e-6 * (libm::log(coin.start_price) - self.log_price);
        let quiet_return = self.expected() + sigma * noise + home;
        let from = self.log_price;
        self.log_price += quiet_return + coin.beta * market.jump;
        self.last_return = quiet_return;
        let path = self.path_between(from, sigma);
        self.bar(coin, open_time, path, sigma, market.activity)
    }

    fn change_regime(&mut self, coin: &SimCoin) {
        if !self.rng.happens(self.regime.leaving()) {
            return;
        }
        let turbulent = self.rng.happens(0.25);
        self.regime = match self.regime {
            Regime::Range | Regime::Trend if turbulent => Regime::Turbulent,
            Regime::Range => Regime::Trend,
            Regime::Trend | Regime::Turbulent => Regime::Range,
        };
        self.anchor = self.log_price;
        let strength = coin.volatility * (0.05 + 0.1 * self.rng.uniform());
        self.drift = if self.rng.happens(0.5) { strength } else { -strength };
    }

    fn expected(&self) -> f64 {
        match self.regime {
            Regime::Range => -0.08 * (self.log_price - self.anchor) - 0.15 * self.last_return,
            Regime::Trend => self.drift - 0.15 * self.last_return,
            Regime::Turbulent => -0.2 * self.last_return,
        }
    }

    /// Lowest and highest log price on the way from `from` to where the price is now, drawn from the law of a Brownian bridge's extremes (each by
    /// itself; that both belong to one path is let go).
    fn path_between(&mut self, from: f64, sigma: f64) -> (f64, f64) {
        let to = self.log_price;
        let moved = to - from;
        let mut beyond = || {
            let exponential = -libm::log(1.0 - self.rng.uniform());
            (moved * moved + 2.0 * sigma * sigma * exponential).sqrt()
        };
        (from + 0.5 * (moved - beyond()), from + 0.5 * (moved + beyond()))
    }

    fn bar(&mut self, coin: &SimCoin, open_time: Timestamp, (low, high): (f64, f64), sigma: f64, activity: f64) -> Candle {
        let (open, close) = (self.close_ticks, ticks(coin, self.log_price));
        let high = ticks(coin, high).max(open).max(close);
        let low = ticks(coin, low).min(open).min(close);
        self.close_ticks = close;
        // Volume is log-normal around its mean and grows with the move.
        let push = 0.5 + (self.last_return / sigma).abs().min(6.0);
        let amount = coin.minute_volume * activity * push * libm::exp(0.6 * self.rng.normal() - 0.18);
        let lots = (amount * power(coin.amount_places)) as u64;
        let mean_ticks = (open + high + low + close) / 4;
        let buying = 0.5 + 0.3 * (self.rng.uniform() - 0.5) + if close > open { 0.05 } else { -0.05 };
        let taker_lots = (lots as f64 * buying) as u64;
        let price = |ticks: u64| ticks as f64 / power(coin.price_places);
        let quote = |lots: u64| product(mean_ticks, lots, coin.price_places + coin.amount_places);
        Candle {
            open_time,
            close_time: open_time.plus(60_000),
            open: price(open),
            high: price(high),
            low: price(low),
            close: price(close),
            volume: Decimal::from_scaled(lots, coin.amount_places).unwrap_or_default(),
            quote_volume: Some(quote(lots)),
            trades: Some(lots.min(1) + (push * activity * 200.0) as u64 * lots.min(1)),
            taker_base: Decimal::from_scaled(taker_lots, coin.amount_places),
            taker_quote: Some(quote(taker_lots)),
        }
    }
}

/// A power of ten; exact for the few places a price has.
fn power(places: usize) -> f64 {
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8][places.min(8)]
}

/// The price in ticks, at least one.
fn ticks(coin: &SimCoin, log_price: f64) -> u64 {
    (libm::round(libm::exp(log_price) * power(coin.price_places)) as u64).max(1)
}

/// `ticks` times `lots` as an exact decimal.
fn product(ticks: u64, lots: u64, places: usize) -> Decimal {
    let units = i128::from(ticks) * i128::from(lots);
    Decimal::from_units(units.saturating_mul(10i128.pow(18 - places.min(18) as u32)))
}
