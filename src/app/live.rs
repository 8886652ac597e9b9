//! The live table of a running instance: drawn over itself on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};

use super::report::{grouped, number};
use super::table::{Align, Table};
use crate::record::Timestamp;
use crate::task::Counts;

/// One model for one coin, as the table shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveRow {
    /// The coin.
    pub coin: String,
    /// The learner.
    pub model: String,
    /// The horizon as people write it.
    pub horizon: String,
    /// The newest close when the newest question was asked.
    pub last: Option<f64>,
    /// The newest prediction, as a price where there is one.
    pub prediction: Option<f64>,
    /// Answered questions.
    pub n: u64,
    /// Mean absolute error.
    pub mae: Option<f64>,
    /// Root mean squared error.
    pub rmse: Option<f64>,
    /// Symmetric mean absolute percentage error.
    pub smape: Option<f64>,
    /// 1 - MAE / MAE of naive.
    pub skill: Option<f64>,
    /// Whether it leads.
    pub champion: bool,
}

/// Everything the table shows.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveView {
    /// Topology, guarantee and state of the instance.
    pub title: String,
    /// What became of the records of this run.
    pub counts: Counts,
    /// Records a second since the last drawing, if there was one.
    pub rate: Option<f64>,
    /// Records waiting in the input.
    pub lag: u64,
    /// Newest event time processed.
    pub stream_time: Option<Timestamp>,
    /// The models.
    pub rows: Vec<LiveRow>,
}

/// How the table may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether colours may be used.
    pub colour: bool,
    /// Most columns of a line; longer ones are cut.
    pub width: usize,
    /// Most lines.
    pub height: usize,
}

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

/// The table as text.
pub fn render(view: &LiveView, look: Look) -> String {
    let paint = |style: &str, text: &str| if look.colour { format!("{style}{text}{RESET}") } else { text.to_owned() };
    let mut lines = vec![paint(BOLD, &cut(&view.title, look.width)), paint(DIM, &cut(&summary(view), look.width)), String::new()];
    let (table, skills) = table(view);
    for (place, line) in table.render().lines().enumerate() {
        let line = cut(line, look.width);
        lines.push(match place.checked_sub(1).and_then(|row| skills.get(row)) {
            None => paint(BOLD, &line),
            Some(Some(skill)) if *skill > 0.0 => paint(GREEN, &line),
            Some(Some(skill)) if *skill < -0.5 => paint(RED, &line),
            Some(_) => line,
        });
    }
    if lines.len() > look.height {
        let hidden = lines.len() - look.height + 1;
        lines.truncate(look.height.saturating_sub(1));
        lines.push(paint(DIM, &format!("… {hidden} more lines")));
    }
    lines.join("\n") + "\n"
}

/// One line for an output that is no terminal.
pub fn plain_line(view: &LiveView) -> String {
    let champions: Vec<String> = view
        .rows
        .iter()
        .filter(|row| row.champion)
        .map(|row| format!("{}={}@{}({})", row.coin, row.model, row.horizon, skill(row.skill)))
        .collect();
    let leading = if champions.is_empty() { String::new() } else { format!(" · champions {}", champions.join(" ")) };
    format!("{}{leading}", summary(view))
}

fn summary(view: &LiveView) -> String {
    let rate = view.rate.map_or_else(String::new, |rate| format!(" ({}/s)", grouped(rate as u64)));
    let at = view.stream_time.map_or_else(String::new, |time| format!(" · event time {time}"));
    format!(
        "{} records{rate} · {} late · {} dead · lag {}{at}",
        grouped(view.counts.read),
        grouped(view.counts.late),
        grouped(view.counts.dead),
        grouped(view.lag),
    )
}

/// The table and the skill of each of its rows.
fn table(view: &LiveView) -> (Table, Vec<Option<f64>>) {
    let right = Align::Right;
    let mut table = Table::new(&[
        ("COIN", Align::Left),
        ("", Align::Left),
        ("MODEL", Align::Left),
        ("HORIZON", Align::Left),
        ("LAST", right),
        ("PREDICTION", right),
        ("MAE", right),
        ("RMSE", right),
        ("SMAPE", right),
        ("SKILL", right),
        ("N", right),
    ]);
    let mut last_coin = "";
    for row in &view.rows {
        let coin = if row.coin == last_coin { "" } else { &row.coin };
        last_coin = &row.coin;
        table.row([
            coin.to_owned(),
            if row.champion { "★" } else { "" }.to_owned(),
            row.model.clone(),
            row.horizon.clone(),
            number(row.last),
            number(row.prediction),
            number(row.mae),
            number(row.rmse),
            row.smape.map_or_else(|| "-".to_owned(), |smape| format!("{smape:.3}%")),
            skill(row.skill),
            grouped(row.n),
        ]);
    }
    (table, view.rows.iter().map(|row| row.skill).collect())
}

fn skill(skill: Option<f64>) -> String {
    skill.map_or_else(|| "-".to_owned(), |skill| format!("{skill:+.4}"))
}

fn cut(line: &str, width: usize) -> String {
    line.chars().take(width).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Out {
    Standard,
    Error,
}

/// Where the live table goes.
pub struct Screen {
    out: Out,
    terminal: bool,
    drawn_lines: usize,
}

impl Screen {
    /// The standard error of this process: standard output is for the report.
    pub fn stderr() -> Self {
        Screen { out: Out::Error, terminal: std::io::stderr().is_terminal(), drawn_lines: 0 }
    }

    /// The standard output, for a command whose result the table is.
    pub fn stdout() -> Self {
        Screen { out: Out::Standard, terminal: std::io::stdout().is_terminal(), drawn_lines: 0 }
    }

    /// Whether the table is drawn over itself.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Draws the view over the last one, or writes a line. A closed output is no reason to stop the engine.
    pub fn draw(&mut self, view: &LiveView) {
        let mut out: Box<dyn Write> = match self.out {
            Out::Standard => Box::new(std::io::stdout().lock()),
            Out::Error => Box::new(std::io::stderr().lock()),
        };
        let text = if self.terminal { self.frame(view) } else { plain_line(view) + "\n" };
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            self.terminal = false;
        }
    }

    fn frame(&mut self, view: &LiveView) -> String {
        let (width, height) = crossterm::terminal::size().unwrap_or((120, 40));
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let look = Look { colour, width: width.into(), height: usize::from(height).saturating_sub(1).max(4) };
        let text = render(view, look);
        let up = if self.drawn_lines > 0 { format!("\x1b[{}A", self.drawn_lines) } else { String::new() };
        self.drawn_lines = text.lines().count();
        let lines: String = text.lines().map(|line| format!("{line}\x1b[K\n")).collect();
        format!("{up}{lines}\x1b[J")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> LiveView {
        let row = |model: &str, skill: f64, champion: bool| LiveRow {
            coin: "BTC-USDT".into(),
            model: model.into(),
            horizon: "1m".into(),
            last: Some(43_250.0),
            prediction: Some(43_251.5),
            n: 1_000,
            mae: Some(12.0),
            rmse: Some(15.0),
            smape: Some(0.03),
            skill: Some(skill),
            champion,
        };
        LiveView {
            title: "quickstart · running".into(),
            counts: Counts { read: 3_000, processed: 2_990, late: 7, dead: 3 },
            rate: Some(60.4),
            lag: 2,
            stream_time: Some(Timestamp(0)),
            rows: vec![row("naive", 0.0, false), row("knn", 0.02, true)],
        }
    }

    #[test]
    fn the_table_names_each_coin_once_and_stars_the_champion() {
        let text = render(&view(), Look { colour: false, width: 200, height: 50 });
        assert_eq!(text.matches("BTC-USDT").count(), 1);
        assert!(text.lines().any(|line| line.contains('★') && line.contains("knn")), "{text}");
        assert!(!text.contains('\x1b'));
        assert!(text.contains("3,000 records (60/s) · 7 late · 3 dead · lag 2 · event time 1970-01-01T00:00:00.000Z"), "{text}");
    }

    #[test]
    fn it_fits_the_terminal() {
        let text = render(&view(), Look { colour: false, width: 30, height: 5 });
        assert!(text.lines().all(|line| line.chars().count() <= 30) && text.lines().count() == 5, "{text}");
        assert!(text.ends_with("… 2 more lines\n"), "{text}");
    }

    #[test]
    fn elsewhere_a_line_tells_the_champions() {
        assert!(plain_line(&view()).ends_with("champions BTC-USDT=knn@1m(+0.0200)"));
    }
}
