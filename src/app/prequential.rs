//! `tidemill prequential`: any model on any CSV stream, test then learn, beside the naive forecast.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::errors::UsageError;
use super::model_spec;
use super::options::{PrequentialArgs, TableForm};
use super::report::{grouped, number};
use super::table::{Align, Table};
use crate::connect::csv::NumberFile;
use crate::learn::base::Schema;
use crate::learn::catalog::{Catalog, Kind};
use crate::learn::evaluate::{Comparison, Judged, Progressive};
use crate::learn::metrics::Scores;
use crate::learn::params::nearest;

/// Records between two looks at the progress bar.
const LOOK: u64 = 4_096;

/// Runs the command.
pub fn run(args: &PrequentialArgs) -> anyhow::Result<()> {
    let spec = model_spec::read(&args.model)?;
    let mut file = NumberFile::open(&args.input)?;
    let columns = Columns::choose(&file, args)?;
    let (progressive, horizon) = build(&spec, args, &columns)?;
    let predictions = args.output.as_deref().map(Predictions::create).transpose()?;
    let bar = progress_bar(file.progress().1);
    let run = Run { args, columns: &columns, horizon, spec: &spec };
    let started = Instant::now();
    let (records, comparison) = run.through(&mut file, progressive, predictions, &bar)?;
    let elapsed_s = started.elapsed().as_secs_f64();
    bar.finish_and_clear();
    run.print_end(records, &comparison, elapsed_s)
}

/// The model under validation and the horizon in force.
fn build(spec: &Value, args: &PrequentialArgs, columns: &Columns) -> anyhow::Result<(Progressive, usize)> {
    let catalog = Catalog::standard();
    let told = |errors: Vec<crate::learn::params::ParamError>| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::Error::from(UsageError(format!("{}\n`tidemill models` lists them all", lines.join("\nerror: "))))
    };
    let path = ["model".to_owned()];
    let (entry, ..) = catalog.resolve(spec, &path).map_err(told)?;
    let forecaster = entry.kind == Kind::Forecaster;
    let horizon = match args.horizon {
        Some(0) if forecaster => {
            return Err(
                UsageError(format!("--horizon: {} is a forecaster and looks ahead; expected 1 or more", entry.name)).into()
            );
        }
        Some(horizon) => horizon,
        None => usize::from(forecaster),
    };
    if entry.diverges_unscaled {
        let name = entry.name;
        eprintln!(
            "note: {name} can diverge on unscaled inputs such as prices; to scale them: {{ pipeline = {{ steps = [\"standard_scaler\", …{name}…] }} }}"
        );
    }
    let schema = Schema::new(columns.features.iter().map(|(_, name)| name.as_str()));
    let model = catalog.build(spec, &path, &schema, args.seed).map_err(told)?;
    Ok((Progressive::new(model, horizon, schema.len()), horizon))
}

/// What is read of each row.
struct Columns {
    target: (usize, String),
    /// Place and name, in the order the model is given them.
    features: Vec<(usize, String)>,
}

impl Columns {
    fn choose(file: &NumberFile, args: &PrequentialArgs) -> anyhow::Result<Columns> {
        let place = |flag: &str, name: &str| {
            let found = file.columns().iter().position(|column| column == name).map(|at| (at, name.to_owned()));
            found.ok_or_else(|| UsageError(unknown_column(flag, name, file, &args.input)))
        };
        let target = place("--target", &args.target)?;
        let features = match &args.features {
            Some(names) => names
                .iter()
                .filter(|name| !name.is_empty())
                .map(|name| place("--features", name))
                .collect::<Result<Vec<_>, _>>()?,
            None => {
                let named = file.columns().iter().zip(file.numeric()).enumerate();
                let usable = named.filter(|(at, (name, numeric))| **numeric && !name.is_empty() && *at != target.0);
                usable.map(|(at, (name, _))| (at, name.clone())).collect()
            }
        };
        if let Some((_, twice)) = features.iter().enumerate().find(|(at, name)| features[..*at].contains(name)) {
            return Err(UsageError(format!("--features: {:?} stands twice; expected every column once", twice.1)).into());
        }
        if features.iter().any(|(at, _)| *at == target.0) && args.horizon.unwrap_or(0) == 0 {
            let message = format!("--features: {:?} is the target, which a model is not told in advance", target.1);
            return Err(UsageError(format!("{message}; leave it out, or look ahead with --horizon 1")).into());
        }
        Ok(Columns { target, features })
    }

    /// The places to read: the features in order, then the target.
    fn picked(&self) -> Vec<usize> {
        self.features.iter().chain([&self.target]).map(|(at, _)| *at).collect()
    }

    fn names(&self) -> Vec<&str> {
        self.features.iter().map(|(_, name)| name.as_str()).collect()
    }
}

fn unknown_column(flag: &str, name: &str, file: &NumberFile, path: &Path) -> String {
    let names: Vec<&str> = file.columns().iter().map(String::as_str).collect();
    let near = nearest(name, names.iter().copied()).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!("{flag}: {} has no column {name:?}; expected one of {}{near}", path.display(), names.join(", "))
}

/// One run over a file.
struct Run<'a> {
    args: &'a PrequentialArgs,
    columns: &'a Columns,
    horizon: usize,
    spec: &'a Value,
}

impl Run<'_> {
    /// Takes the model through all records; answers how many there were and how good it was.
    fn through(
        &self,
        file: &mut NumberFile,
        mut progressive: Progressive,
        mut predictions: Option<Predictions>,
        bar: &ProgressBar,
    ) -> anyhow::Result<(u64, Comparison)> {
        let (picked, mut row, mut records) = (self.columns.picked(), Vec::new(), 0u64);
        let mut out = std::io::stdout().lock();
        let every = self.args.every.unwrap_or(u64::MAX);
        while file.next_row(&picked, &mut row)? {
            let Some((y, x)) = row.split_last() else { continue };
            records += 1;
            let judged = progressive.step(x, *y);
            if let Some(predictions) = &mut predictions {
                predictions.write(records, *y, judged.as_ref())?;
            }
            if records.is_multiple_of(every) {
                let line = self.line(records, &progressive.comparison(), records == every);
                // A reader of our output that has seen enough ends the lines, not the run.
                bar.suspend(|| writeln!(out, "{line}").and_then(|()| out.flush())).unwrap_or_default();
            }
            if records.is_multiple_of(LOOK) {
                bar.set_position(file.progress().0);
            }
        }
        predictions.map_or(Ok(()), Predictions::finish)?;
        Ok((records, progressive.comparison()))
    }

    /// How things stand after so many records, as a line.
    fn line(&self, records: u64, found: &Comparison, first: bool) -> String {
        if self.args.format == TableForm::Json {
            return json!({ "records": records, "model": scores_json(&found.model), "naive": scores_json(&found.naive), "skill": found.skill })
                .to_string();
        }
        let cells = |cells: [String; 6]| cells.map(|cell| format!("{cell:>12}")).concat();
        let heading = cells(["RECORDS", "MAE", "RMSE", "R2", "NAIVE MAE", "SKILL"].map(str::to_owned));
        let (model, naive) = (&found.model, &found.naive);
        let line = cells([
            grouped(records),
            number(Some(model.mae)),
            number(Some(model.rmse)),
            format!("{:.4}", model.r2),
            number((naive.n > 0).then_some(naive.mae)),
            skill_text(found.skill),
        ]);
        if first { format!("{heading}\n{line}") } else { line }
    }

    fn print_end(&self, records: u64, found: &Comparison, elapsed_s: f64) -> anyhow::Result<()> {
        let rate = if elapsed_s > 0.0 { records as f64 / elapsed_s } else { 0.0 };
        if self.args.format == TableForm::Json {
            let report = json!({
                "input": self.args.input.display().to_string(),
                "spec": Catalog::standard().in_force(self.spec),
                "target": self.columns.target.1,
                "features": self.columns.names(),
                "horizon": self.horizon,
                "seed": self.args.seed,
                "records": records,
                "model": scores_json(&found.model),
                "naive": scores_json(&found.naive),
                "skill": found.skill,
                "elapsed_s": elapsed_s,
                "records_per_s": rate,
            });
            println!("{report}");
            return Ok(());
        }
        let mut table = Table::new(&[
            ("", Align::Left),
            ("N", Align::Right),
            ("MAE", Align::Right),
            ("RMSE", Align::Right),
            ("SMAPE", Align::Right),
            ("R2", Align::Right),
            ("DIRECTION", Align::Right),
            ("SKILL", Align::Right),
        ]);
        table.row(score_cells("model", &found.model, skill_text(found.skill)));
        table.row(score_cells("naive", &found.naive, String::new()));
        let features = if self.columns.features.is_empty() { "none".to_owned() } else { self.columns.names().join(", ") };
        let asked = match self.horizon {
            0 => "of the same record".to_owned(),
            1 => "one record ahead".to_owned(),
            more => format!("{more} records ahead"),
        };
        println!(
            "{}\ntarget {} {asked}, features {features}\n\n{}\n{} records in {elapsed_s:.2} s, {} records/s",
            self.spec,
            self.columns.target.1,
            table.render(),
            grouped(records),
            grouped(rate as u64)
        );
        Ok(())
    }
}

fn skill_text(skill: Option<f64>) -> String {
    skill.map_or_else(|| "-".to_owned(), |skill| format!("{skill:+.4}"))
}

fn score_cells(name: &str, scores: &Scores, skill: String) -> [String; 8] {
    let any = scores.n > 0;
    let dash = || "-".to_owned();
    [
        name.to_owned(),
        grouped(scores.n),
        number(any.then_some(scores.mae)),
        number(any.then_some(scores.rmse)),
        if any { format!("{:.4}%", scores.smape) } else { dash() },
        if scores.n > 1 { format!("{:.6}", scores.r2) } else { dash() },
        scores.directional_accuracy.map_or_else(dash, |share| format!("{:.2}%", share * 100.0)),
        skill,
    ]
}

/// The measures as JSON; over no prediction there are none.
fn scores_json(scores: &Scores) -> Value {
    let some = |value: f64| (scores.n > 0).then_some(value);
    json!({
        "n": scores.n,
        "mae": some(scores.mae),
        "rmse": some(scores.rmse),
        "smape": some(scores.smape),
        "r2": some(scores.r2),
        "directional_accuracy": scores.directional_accuracy,
    })
}

/// The file of predictions: a row for every record that one was made for.
struct Predictions {
    file: BufWriter<File>,
    name: String,
}

impl Predictions {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut predictions = Predictions { file: BufWriter::with_capacity(1 << 16, file), name: path.display().to_string() };
        predictions.put(format_args!("record,truth,prediction,naive"))?;
        Ok(predictions)
    }

    fn write(&mut self, record: u64, truth: f64, judged: Option<&Judged>) -> anyhow::Result<()> {
        match judged {
            Some(Judged { prediction, naive: Some(naive), .. }) => {
                self.put(format_args!("{record},{truth},{prediction},{naive}"))
            }
            Some(Judged { prediction, naive: None, .. }) => self.put(format_args!("{record},{truth},{prediction},")),
            None => Ok(()),
        }
    }

    fn put(&mut self, line: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
        writeln!(self.file, "{line}").with_context(|| format!("cannot write {}", self.name))
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.file.flush().with_context(|| format!("cannot write {}", self.name))
    }
}

/// A bar over the bytes of the file; nothing where standard error is no terminal.
fn progress_bar(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(bytes);
    bar.enable_steady_tick(Duration::from_millis(200));
    let template = "{wide_bar} {bytes}/{total_bytes}, {eta} left";
    bar.with_style(ProgressStyle::with_template(template).expect("the template is a constant"))
}
