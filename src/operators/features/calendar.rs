//! Numbers of the moment a bar closes, UTC: what the hour and the weekday do to a market.

use std::f64::consts::TAU;

use crate::record::Timestamp;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;

/// Day 0 of Unix time was a Thursday; weeks begin on Monday.
const EPOCH_IN_WEEK_MS: i64 = 3 * DAY_MS;

crate::choices! {
    /// A calendar column. Sine and cosine put the last moment of a day or week beside the first one.
    pub enum Calendar {
        /// Full hour of the day, 0 to 23.
        Hour = "hour",
        /// Day of the week, Monday 0 to Sunday 6.
        Weekday = "weekday",
        /// Sine of the time of day, as a share of the day.
        HourSin = "hour_sin",
        /// Cosine of the time of day.
        HourCos = "hour_cos",
        /// Sine of the time of the week, as a share of the week from Monday 00:00.
        WeekdaySin = "weekday_sin",
        /// Cosine of the time of the week.
        WeekdayCos = "weekday_cos",
    }
}

impl Calendar {
    /// Its value at `time`.
    pub(super) fn of(self, time: Timestamp) -> f64 {
        let of_day = time.0.rem_euclid(DAY_MS);
        let of_week = (time.0.rem_euclid(WEEK_MS) + EPOCH_IN_WEEK_MS) % WEEK_MS;
        match self {
            Calendar::Hour => (of_day / HOUR_MS) as f64,
            Calendar::Weekday => (of_week / DAY_MS) as f64,
            Calendar::HourSin => libm::sin(angle(of_day, DAY_MS)),
            Calendar::HourCos => libm::cos(angle(of_day, DAY_MS)),
            Calendar::WeekdaySin => libm::sin(angle(of_week, WEEK_MS)),
            Calendar::WeekdayCos => libm::cos(angle(of_week, WEEK_MS)),
        }
    }
}

crate::choices! {
    /// How the times at which bars close are put into groups, UTC.
    pub enum Group {
        /// By the hour of the day: 24 groups.
        Hour = "hour",
        /// By the day of the week: 7 groups.
        Weekday = "weekday",
        /// By the hour of the week: 168 groups.
        HourOfWeek = "hour_of_week",
    }
}

impl Group {
    /// How many groups there are.
    pub(super) fn count(self) -> usize {
        match self {
            Group::Hour => 24,
            Group::Weekday => 7,
            Group::HourOfWeek => 168,
        }
    }

    /// The group of a bar that closes at `time`: that of its last moment, so that a bar which ends at midnight belongs to the day that ends.
    pub(super) fn of(self, time: Timestamp) -> usize {
        let last = time.minus(1);
        let (hour, weekday) = (Calendar::Hour.of(last) as usize, Calendar::Weekday.of(last) as usize);
        match self {
            Group::Hour => hour,
            Group::Weekday => weekday,
            Group::HourOfWeek => weekday * 24 + hour,
        }
    }
}

fn angle(part: i64, whole: i64) -> f64 {
    TAU * (part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_weekdays_of_known_dates() {
        let tuesday_22h = Timestamp(1_699_999_200_000);
        assert_eq!((Calendar::Hour.of(tuesday_22h), Calendar::Weekday.of(tuesday_22h)), (22.0, 1.0));
        assert_eq!((Calendar::Hour.of(Timestamp(-1)), Calendar::Weekday.of(Timestamp(-1))), (23.0, 2.0));
        assert_eq!(Calendar::Weekday.of(Timestamp(4 * DAY_MS - 1)), 6.0, "the last moment of a Sunday");
        assert_eq!(Calendar::Weekday.of(Timestamp(4 * DAY_MS)), 0.0);
    }

    #[test]
    fn a_bar_belongs_to_the_group_of_its_last_moment() {
        let monday = Timestamp(4 * DAY_MS);
        let of = |time: Timestamp| [Group::Hour, Group::Weekday, Group::HourOfWeek].map(|group| group.of(time));
        assert_eq!(of(monday), [23, 6, 167], "the last bar of Sunday closes with the first moment of Monday");
        assert_eq!(of(monday.plus(1)), [0, 0, 0]);
        assert_eq!(of(monday.plus(HOUR_MS)), [0, 0, 0]);
        assert_eq!(of(monday.plus(DAY_MS + HOUR_MS + 1)), [1, 1, 25]);
    }

    #[test]
    fn circles_run_once_a_day_and_once_a_week() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(near(Calendar::HourSin.of(Timestamp(6 * HOUR_MS)), 1.0));
        assert!(near(Calendar::HourCos.of(Timestamp(12 * HOUR_MS)), -1.0));
        let monday = Timestamp(4 * DAY_MS);
        assert_eq!((Calendar::WeekdaySin.of(monday), Calendar::WeekdayCos.of(monday)), (0.0, 1.0));
        assert!(near(Calendar::WeekdayCos.of(monday.plus(WEEK_MS / 2)), -1.0));
    }
}
