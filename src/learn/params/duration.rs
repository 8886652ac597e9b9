//! A length of time as users write it: `5m`, `1h30m`, `250ms`. It knows no calendar: a day is always 24 hours.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A length of time in whole milliseconds, zero or more.
///
/// ```
/// use tidemill::learn::params::Duration;
/// assert_eq!("1h30m".parse::<Duration>().unwrap().ms(), 5_400_000);
/// assert_eq!(Duration::from_ms(90_000).to_string(), "1m30s");
/// assert!("5 minutes".parse::<Duration>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Duration(i64);

/// Units from the longest, which is also the order in which a duration must be written.
const UNITS: [(&str, i64); 6] = [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Duration {
    /// So many milliseconds; negative ones count as zero.
    pub const fn from_ms(ms: i64) -> Self {
        Duration(if ms < 0 { 0 } else { ms })
    }

    /// The length in milliseconds.
    pub const fn ms(self) -> i64 {
        self.0
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is no duration: write whole numbers with units, longest first, like 250ms, 10s, 5m, 1h30m, 2d, 1w")
        };
        let (mut rest, mut total, mut next_unit) = (text, 0_i64, 0);
        while !rest.is_empty() || next_unit == 0 {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letters = rest[digits..].bytes().take_while(u8::is_ascii_lowercase).count();
            let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
            let position = UNITS.iter().position(|(name, _)| *name == unit).filter(|p| *p >= next_unit).ok_or_else(wrong)?;
            let number: i64 = number.parse().map_err(|_| wrong())?;
            total = number.checked_mul(UNITS[position].1).and_then(|ms| total.checked_add(ms)).ok_or_else(wrong)?;
            (rest, next_unit) = (&rest[digits + letters..], position + 1);
        }
        Ok(Duration(total))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (name, ms) in UNITS {
            if rest >= ms {
                write!(f, "{}{name}", rest / ms)?;
                rest %= ms;
            }
        }
        Ok(())
    }
}
