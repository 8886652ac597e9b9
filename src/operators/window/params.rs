//! What a window node's table may say.

use crate::learn::params::{Duration, ParamError, ParamErrorKind, child};
use crate::window::{MAX_COUNT, MAX_SPAN_MS, WindowError, WindowKind, WindowSpec};

const LEAST: Duration = Duration::from_ms(1);
const LONGEST: Duration = Duration::from_ms(MAX_SPAN_MS);

crate::params! {
    /// One kind of window and its grace.
    pub struct WindowTable {
        /// Windows of this size side by side: `{ tumbling = "5m" }`.
        tumbling: Option<Duration> = None, in LEAST..=LONGEST;
        /// Windows of this size that begin every `advance`: `{ hopping = "10m", advance = "2m" }`.
        hopping: Option<Duration> = None, in LEAST..=LONGEST;
        /// Distance of the starts of hopping windows, at most their size.
        advance: Option<Duration> = None, in LEAST..=LONGEST;
        /// A window for each set of records that lie within so long of each other: `{ sliding = "5m" }`.
        sliding: Option<Duration> = None, in LEAST..=LONGEST;
        /// A window lasts as long as no pause is longer than this: `{ session = "30s" }`.
        session: Option<Duration> = None, in LEAST..=LONGEST;
        /// Windows of so many records: `{ count = 20, step = 5 }`.
        count: Option<u32> = None, in 1..=MAX_COUNT, unit "records";
        /// Records from the start of one count window to the next, at most the count; without it the count: windows side by side.
        step: Option<u32> = None, in 1..=MAX_COUNT, unit "records";
        /// How long, in event time, a window waits for late records after its end.
        grace: Duration = Duration::from_ms(0), in Duration::from_ms(0)..=LONGEST;
    }
}

crate::params! {
    /// Parameters of `window`.
    pub struct WindowParams {
        required {
            /// The kind of window, one of tumbling, hopping, sliding, session and count, and its grace: `{ tumbling = "5m", grace = "10s" }`.
            window: WindowTable;
        }
        /// How far beyond its coin's newest time a record may be, unless the next one confirms the jump; only for a node that reads a
        /// source itself. Without it one day, or ten bars of the source where those are longer.
        max_ahead: Option<Duration> = None, in Duration::from_ms(1)..;
    }
}

impl WindowTable {
    /// The window it means.
    ///
    /// # Errors
    /// When it names no kind or several, or an `advance` or `step` that does not belong to its kind, or is longer than the window.
    pub(super) fn spec(&self, path: &[String]) -> Result<WindowSpec, Vec<ParamError>> {
        let (name, kind) = self.kind(path)?;
        self.refuse_strangers(name, path)?;
        WindowSpec::new(kind, self.grace.ms()).map_err(|error| vec![impossible(&error, name, path)])
    }

    fn kind(&self, path: &[String]) -> Result<(&'static str, WindowKind), Vec<ParamError>> {
        let hopping = |size: Duration| WindowKind::Hopping { size_ms: size.ms(), advance_ms: self.advance.unwrap_or(size).ms() };
        let count = |size| WindowKind::Count { size, step: self.step.unwrap_or(size) };
        let written = [
            ("tumbling", self.tumbling.map(|size| WindowKind::Tumbling { size_ms: size.ms() })),
            ("hopping", self.hopping.map(hopping)),
            ("sliding", self.sliding.map(|size| WindowKind::Sliding { size_ms: size.ms() })),
            ("session", self.session.map(|gap| WindowKind::Session { gap_ms: gap.ms() })),
            ("count", self.count.map(count)),
        ];
        let kinds: Vec<_> = written.into_iter().filter_map(|(name, kind)| Some((name, kind?))).collect();
        let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
        let expected = "exactly one of tumbling, hopping, sliding, session and count";
        match kinds[..] {
            [one] => Ok(one),
            [] => Err(vec![ParamError::new(ParamErrorKind::Missing, path, "the kind of window is missing", expected)]),
            _ => {
                let message = format!("a window cannot be {} at once", names.join(" and "));
                Err(vec![ParamError::new(ParamErrorKind::Conflict, path, message, expected)])
            }
        }
    }

    /// `advance` goes with hopping alone, which needs it, and `step` with count.
    fn refuse_strangers(&self, kind: &str, path: &[String]) -> Result<(), Vec<ParamError>> {
        let mut errors = Vec::new();
        for (name, written, owner) in [("advance", self.advance.is_some(), "hopping"), ("step", self.step.is_some(), "count")] {
            if written && kind != owner {
                let message = format!("a {kind} window has no {name}");
                errors.push(ParamError::new(
                    ParamErrorKind::Conflict,
                    &child(path, name),
                    message,
                    format!("{name} beside {owner} only"),
                ));
            }
        }
        if kind == "hopping" && self.advance.is_none() {
            let error = ParamError::new(
                ParamErrorKind::Missing,
                &child(path, "advance"),
                "a hopping window needs an advance",
                "a duration",
            );
            errors.push(error.suggest("windows side by side are called tumbling"));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// A window that cannot be; ranges are checked before, so that only a relation can be wrong.
fn impossible(error: &WindowError, name: &str, path: &[String]) -> ParamError {
    let key = match error {
        WindowError::Holes { .. } => "advance",
        WindowError::Count { .. } => "step",
        WindowError::Duration { .. } => name,
    };
    ParamError::new(ParamErrorKind::Conflict, &child(path, key), error.to_string(), "")
}
