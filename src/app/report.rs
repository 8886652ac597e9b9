//! The report at the end of a run, for people and for programs.

use serde::Serialize;

use super::options::ReportForm;
use super::table::{Align, Table};
use crate::task::LeaderboardRow;

/// What a run did. The JSON form of this is part of the program's interface.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Records read by this run.
    pub records_read: u64,
    /// Of these: taken by the topology.
    pub processed: u64,
    /// Of these: sent to the late topic.
    pub late: u64,
    /// Of these: sent to the dead-letter topic.
    pub dead_lettered: u64,
    /// Seconds from the first record to the last commit.
    pub elapsed_s: f64,
    /// Records read a second.
    pub records_per_s: f64,
    /// Records that earlier runs had processed.
    pub resumed_from: u64,
    /// Every model's measures for every coin, over all runs.
    pub leaderboard: Vec<LeaderboardRow>,
}

impl Report {
    /// Prints the report to standard output.
    pub fn print(&self, form: ReportForm) -> anyhow::Result<()> {
        match form {
            ReportForm::Text => print!("{}", self.text()),
            ReportForm::Json => println!("{}", serde_json::to_string(self)?),
            ReportForm::Csv => print!("{}", leaderboard_csv(&self.leaderboard)?),
        }
        Ok(())
    }

    /// The report for people.
    pub fn text(&self) -> String {
        let resumed =
            if self.resumed_from > 0 { format!(", after {} of earlier runs", grouped(self.resumed_from)) } else { String::new() };
        format!(
            "{}\n{} records read{resumed}: {} processed, {} late, {} dead-lettered\n{:.2} s, {} records/s\n",
            leaderboard_table(&self.leaderboard).render(),
            grouped(self.records_read),
            grouped(self.processed),
            grouped(self.late),
            grouped(self.dead_lettered),
            self.elapsed_s,
            grouped(self.records_per_s as u64),
        )
    }
}

/// The leaderboard as a table; a star marks the champion.
pub fn leaderboard_table(rows: &[LeaderboardRow]) -> Table {
    let mut table = Table::new(&[
        ("COIN", Align::Left),
        ("MODEL", Align::Left),
        ("HORIZON", Align::Left),
        ("N", Align::Right),
        ("MAE", Align::Right),
        ("RMSE", Align::Right),
        ("SMAPE", Align::Right),
        ("R2", Align::Right),
        ("DIRECTION", Align::Right),
        ("SKILL", Align::Right),
        ("", Align::Left),
    ]);
    let mut last_coin = "";
    for row in rows {
        let coin = if row.coin == last_coin { "" } else { &row.coin };
        last_coin = &row.coin;
        table.row([
            coin.to_owned(),
            row.model.clone(),
            row.horizon.clone(),
            grouped(row.n),
            number(row.mae),
            number(row.rmse),
            percent(row.smape, 1.0),
            row.r2.map_or_else(dash, |r2| format!("{r2:.4}")),
            percent(row.directional_accuracy, 100.0),
            row.skill.map_or_else(dash, |skill| format!("{skill:+.4}")),
            if row.champion { "*".to_owned() } else { String::new() },
        ]);
    }
    table
}

/// The leaderboard as comma-separated values, with a header.
pub fn leaderboard_csv(rows: &[LeaderboardRow]) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn dash() -> String {
    "-".to_owned()
}

fn percent(share: Option<f64>, scale: f64) -> String {
    share.map_or_else(dash, |share| format!("{:.2}%", share * scale))
}

/// A price or an error with six significant digits.
pub fn number(value: Option<f64>) -> String {
    let Some(value) = value else { return dash() };
    if value != 0.0 && !(1e-4..1e9).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    let whole_digits = if value.abs() < 1.0 { 1 } else { format!("{:.0}", value.abs().trunc()).len() };
    format!("{value:.*}", 6usize.saturating_sub(whole_digits))
}

/// A number with commas between thousands.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_six_digits() {
        let shown: Vec<_> = [0.0, 0.25, 1.0, 43_250.127, 123_456_789.5, 1e12, 1e-7].map(|v| number(Some(v))).into();
        assert_eq!(shown, ["0.00000", "0.25000", "1.00000", "43250.1", "123456790", "1.000e12", "1.000e-7"]);
        assert_eq!(number(None), "-");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn the_json_has_the_promised_fields() {
        let row = LeaderboardRow {
            coin: "BTC-USDT".into(),
            model: "knn".into(),
            horizon: "1m".into(),
            target: "close",
            n: 3,
            mae: Some(1.5),
            rmse: Some(2.0),
            smape: Some(0.1),
            r2: None,
            directional_accuracy: Some(0.5),
            skill: Some(-0.1),
            champion: true,
        };
        let report = Report {
            records_read: 4,
            processed: 3,
            late: 1,
            dead_lettered: 0,
            elapsed_s: 0.5,
            records_per_s: 8.0,
            resumed_from: 2,
            leaderboard: vec![row],
        };
        let json = serde_json::to_value(&report).unwrap();
        let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(",");
        assert_eq!(keys(&json), "records_read,processed,late,dead_lettered,elapsed_s,records_per_s,resumed_from,leaderboard");
        for key in ["coin", "model", "horizon", "n", "mae", "rmse", "smape", "r2", "directional_accuracy", "skill", "champion"] {
            assert!(json["leaderboard"][0].get(key).is_some(), "{key}");
        }
        assert!(report.text().contains("4 records read, after 2 of earlier runs: 3 processed, 1 late, 0 dead-lettered"));
    }
}
