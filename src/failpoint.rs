//! Named points at which a crash test kills the process.
//!
//! `TIDEMILL_FAILPOINTS="log.before-commit=3;store.after-chunks=1"` kills the process the third time it comes to `log.before-commit`, or the first time to
//! `store.after-chunks`, without running a destructor or flushing a buffer: as `kill -9` would. Present in debug builds and with the feature
//! `failpoints`; otherwise [`hit`] is empty and costs nothing. A point knows nothing of what is around it.
//!
//! `TIDEMILL_PLANTED=kafka.stale-member` switches a deliberate mistake on ([`is_planted`]), under the same condition: a test that must notice such a mistake
//! proves with it that it would. Only mistakes that cannot be planted from outside are known by name.

#[cfg(any(debug_assertions, feature = "failpoints"))]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A point and how many more times it is passed before it kills.
    pub(super) struct Point {
        name: String,
        left: AtomicU64,
    }

    static POINTS: OnceLock<Vec<Point>> = OnceLock::new();

    pub(super) fn hit(name: &str) {
        if POINTS.get_or_init(from_environment).iter().any(|point| point.is_due(name)) {
            std::process::abort();
        }
    }

    static PLANTED: OnceLock<String> = OnceLock::new();

    pub(super) fn is_planted(name: &str) -> bool {
        PLANTED.get_or_init(|| std::env::var("TIDEMILL_PLANTED").unwrap_or_default()) == name
    }

    impl Point {
        pub(super) fn is_due(&self, name: &str) -> bool {
            self.name == name && self.left.fetch_sub(1, Ordering::Relaxed) == 1
        }
    }

    fn from_environment() -> Vec<Point> {
        let text = std::env::var("TIDEMILL_FAILPOINTS").unwrap_or_default();
        // A misspelt point would let a crash test pass without a crash, so it must not be skipped.
        parse(&text).unwrap_or_else(|part| panic!("TIDEMILL_FAILPOINTS: {part:?} is not NAME=N with N from 1"))
    }

    pub(super) fn parse(text: &str) -> Result<Vec<Point>, &str> {
        text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(|part| point(part).ok_or(part)).collect()
    }

    fn point(part: &str) -> Option<Point> {
        let (name, count) = part.split_once('=')?;
        let left = count.trim().parse().ok().filter(|n| *n > 0)?;
        Some(Point { name: name.trim().to_owned(), left: AtomicU64::new(left) })
    }
}

/// Whether the deliberate mistake `name` is switched on.
pub fn is_planted(name: &str) -> bool {
    #[cfg(any(debug_assertions, feature = "failpoints"))]
    return armed::is_planted(name);
    #[cfg(not(any(debug_assertions, feature = "failpoints")))]
    {
        let _ = name;
        false
    }
}

/// Passes the point `name`; kills the process if the environment asks for it here.
#[cfg(any(debug_assertions, feature = "failpoints"))]
pub fn hit(name: &str) {
    armed::hit(name);
}

/// Passes the point `name`: this build cannot be killed at one.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
#[inline(always)]
pub fn hit(_name: &str) {}

#[cfg(all(test, any(debug_assertions, feature = "failpoints")))]
mod tests {
    use super::armed::parse;

    #[test]
    fn a_point_is_due_once_at_its_count() {
        let points = parse(" log.before-commit = 3; other=1;").unwrap();
        let due: Vec<bool> = (0..5).map(|_| points[0].is_due("log.before-commit")).collect();
        assert_eq!(due, [false, false, true, false, false]);
        assert!(!points[1].is_due("log.before-commit"));
    }

    #[test]
    fn nonsense_is_named() {
        for text in ["a", "a=0", "a=x", "b=1;a=-1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
