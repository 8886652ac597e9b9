//! The streams that checked things are given: calm ones, and the ugly days.

/// One record.
#[derive(Debug, Clone)]
pub struct Record {
    /// Three features, NaN where absent.
    pub x: [f64; 3],
    /// The target.
    pub y: f64,
}

/// Numbers between -1 and 1 that look random and are always the same.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        // Marsaglia's xorshift: any fixed sequence would do.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// A noisy plane with features around zero.
pub fn plain(n: usize) -> Vec<Record> {
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let record = |_| {
        let x = [noise.next(), noise.next(), noise.next()];
        Record { x, y: 2.0 * x[0] - x[1] + 0.5 * x[2] + 3.0 + 0.1 * noise.next() }
    };
    (0..n).map(record).collect()
}

/// Features that are often absent, sometimes all of them, and now and then infinite.
pub fn gaps(n: usize) -> Vec<Record> {
    let mut records = plain(n);
    for (k, record) in records.iter_mut().enumerate() {
        let missing = |feature: usize| k % (feature + 2) == 0 || k % 11 == 0;
        for (feature, x) in record.x.iter_mut().enumerate().filter(|(feature, _)| missing(*feature)) {
            *x = if k % 7 == feature { f64::INFINITY } else { f64::NAN };
        }
    }
    records
}

/// One feature never changes, two are the same, and the target stands still for a while.
pub fn constant(n: usize) -> Vec<Record> {
    let still = |(k, record): (usize, Record)| {
        let [a, ..] = record.x;
        Record { x: [30_000.0, a, a], y: if k % 100 < 50 { 30_000.0 } else { 30_000.0 + a } }
    };
    plain(n).into_iter().enumerate().map(still).collect()
}

/// Features and targets of every size from 1e-300 to 1e300, either sign.
pub fn extreme(n: usize) -> Vec<Record> {
    const SIZES: [f64; 9] = [1e-300, 1.0, 1e300, 1e-150, 1e150, f64::MIN_POSITIVE / 4.0, f64::MAX, 0.0, 1e16];
    let size = |k: usize| SIZES[k % SIZES.len()] * if k.is_multiple_of(2) { 1.0 } else { -1.0 };
    (0..n).map(|k| Record { x: [size(k), size(k * 5 + 1), size(k / 9)], y: size(k * 7 + 3) }).collect()
}

/// Prices, unscaled.
pub fn prices(n: usize) -> Vec<Record> {
    let mut close = 30_000.0;
    let mut noise = Noise(42);
    let record = |_| {
        let open = close;
        close += 20.0 * noise.next();
        let (high, low) = (open.max(close) + 5.0 * noise.next().abs(), open.min(close) - 5.0 * noise.next().abs());
        Record { x: [open, high, low], y: close }
    };
    (0..n).map(record).collect()
}

/// A trend, a season of 12 records and some noise.
pub fn seasonal(n: usize) -> Vec<Record> {
    let season = [0.0, 5.0, 9.0, 10.0, 9.0, 5.0, 0.0, -5.0, -9.0, -10.0, -9.0, -5.0];
    let record =
        |(k, record): (usize, Record)| Record { y: 50.0 + 0.02 * k as f64 + season[k % 12] + 0.1 * record.x[0], ..record };
    plain(n).into_iter().enumerate().map(record).collect()
}

/// All of them, with their names.
pub fn all(n: usize) -> Vec<(&'static str, Vec<Record>)> {
    vec![
        ("plain", plain(n)),
        ("gaps", gaps(n)),
        ("constant", constant(n)),
        ("prices", prices(n)),
        // The calm after the storm shows whether the storm left something behind.
        ("extreme, then plain", extreme(n / 2).into_iter().chain(plain(n / 2)).collect()),
    ]
}
