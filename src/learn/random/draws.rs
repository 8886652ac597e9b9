//! What is drawn from the generator: Python's numbers, samples and distributions, and River's two.

use super::Random;

impl Random {
    /// A number from 0 up to, not including, 1, with 53 random bits.
    pub fn random(&mut self) -> f64 {
        let (high, low) = (u64::from(self.next_u32() >> 5), u64::from(self.next_u32() >> 6));
        // Both fit in 53 bits, so the sum is exact.
        (high * 67_108_864 + low) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// `count` random bits, at most 64.
    pub fn bits(&mut self, count: u32) -> u64 {
        match count {
            0 => 0,
            1..=32 => u64::from(self.next_u32() >> (32 - count)),
            _ => {
                let low = u64::from(self.next_u32());
                low | (u64::from(self.next_u32() >> (64 - count.min(64))) << 32)
            }
        }
    }

    /// A whole number below `n`, each as likely; 0 where `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        let bits = u64::BITS - n.leading_zeros();
        loop {
            let drawn = self.bits(bits);
            if drawn < n {
                return drawn;
            }
        }
    }

    /// A whole number from `low` to `high`, both included; `low` where `high` is smaller.
    pub fn randint(&mut self, low: i64, high: i64) -> i64 {
        if high < low {
            return low;
        }
        match low.abs_diff(high).checked_add(1) {
            Some(n) => low.wrapping_add_unsigned(self.below(n)),
            None => self.bits(64) as i64,
        }
    }

    /// A number between `low` and `high`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.random()
    }

    /// A normal number of mean `mean` and standard deviation `deviation`, by the polar angle and radius; every second call gives the other half of a
    /// pair.
    pub fn gauss(&mut self, mean: f64, deviation: f64) -> f64 {
        let z = self.second_normal.take().unwrap_or_else(|| {
            let angle = self.random() * std::f64::consts::TAU;
            let radius = (-2.0 * self.arithmetic.log(1.0 - self.random())).sqrt();
            let (sine, cosine) = self.arithmetic.sin_cos(angle);
            self.second_normal = Some(sine * radius);
            cosine * radius
        });
        mean + z * deviation
    }

    /// A waiting time of mean `mean`: River's `exponential`, whose argument is a mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        let rate = 1.0 / mean;
        -self.arithmetic.log(1.0 - self.random()) / rate
    }

    /// A count of mean `rate`, by River's way: random numbers are multiplied until they fall below `exp(-rate)`. It takes about `rate` + 1 draws.
    pub fn poisson(&mut self, rate: f64) -> u32 {
        self.poisson_above(libm::exp(-rate))
    }

    /// As [`poisson`](Self::poisson), for callers that keep `limit` = `exp(-rate)`.
    pub fn poisson_above(&mut self, limit: f64) -> u32 {
        let (mut count, mut product) = (0, 1.0);
        while product > limit {
            count += 1;
            product *= self.random();
        }
        u32::saturating_sub(count, 1)
    }

    /// `k` different positions below `n` in the order drawn: what `sample(range(n), k)` gives; all `n` where `k` is larger.
    pub fn sample(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut sampled = Vec::new();
        self.sample_into(n, k, &mut sampled);
        sampled
    }

    /// As [`sample`](Self::sample), into a list that is emptied first.
    pub fn sample_into(&mut self, n: usize, k: usize, sampled: &mut Vec<usize>) {
        sampled.clear();
        let k = k.min(n);
        // Python keeps a list of all where that is smaller than a set of the drawn; the two draw differently.
        let mut set_size = 21;
        if k > 5 {
            let mut power = 1;
            while power < k * 3 {
                power *= 4;
            }
            set_size += power;
        }
        if n <= set_size {
            let mut pool: Vec<usize> = (0..n).collect();
            for i in 0..k {
                let j = self.below((n - i) as u64) as usize;
                sampled.push(pool[j]);
                pool[j] = pool[n - i - 1];
            }
            return;
        }
        while sampled.len() < k {
            let j = self.below(n as u64) as usize;
            if !sampled.contains(&j) {
                sampled.push(j);
            }
        }
    }

    /// Puts `items` in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i as u64 + 1) as usize;
            items.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::arithmetic::Arithmetic;

    #[test]
    fn draws_equal_those_of_cpython() {
        // Expected: the same calls on random.Random(3) in CPython 3.11.
        let mut random = Random::with_arithmetic(3, Arithmetic::River);
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
        random.shuffle(&mut items);
        assert_eq!(items, [0, 5, 7, 2, 1, 6, 4, 3]);
        let normals = [(); 3].map(|()| random.gauss(0.0, 1.0));
        let expected = [-0.259_154_537_693_434_05, -0.261_510_983_981_173_95, 1.899_725_278_464_757_1];
        assert!(normals.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-15), "{normals:?}");
        assert!((random.exponential(2.0) - 0.600_465_039_951_050_6).abs() < 1e-15);
        assert_eq!(random.uniform(-3.0, 5.0), -1.125_352_311_626_429);
        assert_eq!(random.randint(0, i64::MAX), 7_325_839_828_077_136_048);
        assert_eq!(random.randint(-5, 5), 5);
        assert_eq!(random.sample(1_000, 8), [881, 154, 237, 650, 155, 888, 948, 535]);
        assert_eq!([random.bits(64), random.bits(40), random.bits(7)], [13_673_683_392_478_241_936, 734_504_462_355, 99]);
    }

    #[test]
    fn odd_requests_have_an_answer() {
        let mut random = Random::new(1);
        assert_eq!((random.below(0), random.randint(5, 3), random.bits(0)), (0, 5, 0));
        assert_eq!(random.sample(3, 9).len(), 3);
        random.randint(i64::MIN, i64::MAX);
        assert_eq!((random.poisson(-1.0), random.poisson(f64::INFINITY) > 0), (0, true));
    }
}
