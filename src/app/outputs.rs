//! Output topics as files: `DIR/<topic>-<partition>.ndjson`, a line a record; evaluations also as CSV, and the leaderboard.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use serde_json::Value;

use super::report::leaderboard_csv;
use crate::processor::EventKind;
use crate::record::{RecordBatch, write_ndjson};
use crate::task::LeaderboardRow;
use crate::topology::Graph;

/// The columns of evaluations as CSV: keys of the record, those of the naive forecast after a dot.
const EVALUATION_COLUMNS: [&str; 18] = [
    "at",
    "coin",
    "model",
    "horizon_ms",
    "nowcast",
    "target",
    "window",
    "n",
    "mae",
    "rmse",
    "smape",
    "r2",
    "directional_accuracy",
    "naive.mae",
    "naive.rmse",
    "naive.smape",
    "skill",
    "champion",
];

/// Writes records to a file for each topic and partition.
pub struct OutputFiles {
    folder: PathBuf,
    files: BTreeMap<(Arc<str>, u32), BufWriter<File>>,
    /// The same evaluations as CSV, for topics that carry nothing else.
    tables: BTreeMap<(Arc<str>, u32), csv::Writer<File>>,
    line: Vec<u8>,
}

impl OutputFiles {
    /// Files in `folder`, which is made if it does not exist: one for each output topic and partition, so that an empty topic shows as an empty
    /// file. Files of the same names are overwritten.
    pub fn create(folder: &Path, graph: &Graph, partitions: u32) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the output folder {}", folder.display()))?;
        let mut files = BTreeMap::new();
        for (topic, partition) in
            graph.output_topics().into_iter().flat_map(|topic| (0..partitions).map(move |p| (topic.clone(), p)))
        {
            let path = folder.join(format!("{topic}-{partition}.ndjson"));
            let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
            files.insert((topic, partition), BufWriter::with_capacity(1 << 16, file));
        }
        let mut tables = BTreeMap::new();
        for (topic, partition) in
            evaluation_topics(graph).into_iter().flat_map(|topic| (0..partitions).map(move |p| (topic.clone(), p)))
        {
            let path = folder.join(format!("{topic}-{partition}.csv"));
            let mut table = csv::Writer::from_path(&path).with_context(|| format!("cannot write {}", path.display()))?;
            table.write_record(EVALUATION_COLUMNS).with_context(|| format!("cannot write {}", path.display()))?;
            tables.insert((topic, partition), table);
        }
        Ok(OutputFiles { folder: folder.to_owned(), files, tables, line: Vec::new() })
    }

    /// Appends the records of one topic and partition.
    pub fn write(&mut self, topic: &Arc<str>, partition: u32, records: &RecordBatch) -> anyhow::Result<()> {
        let Some(file) = self.files.get_mut(&(topic.clone(), partition)) else {
            anyhow::bail!("topic {topic} has no partition {partition} among the output files: this is a bug in tidemill");
        };
        for record in records.iter() {
            self.line.clear();
            write_ndjson(&record, None, &mut self.line);
            file.write_all(&self.line).with_context(|| format!("cannot write topic {topic}, partition {partition}"))?;
        }
        let Some(table) = self.tables.get_mut(&(topic.clone(), partition)) else { return Ok(()) };
        for value in records.iter().filter_map(|record| record.value) {
            let evaluation: Value =
                serde_json::from_slice(value).context("an evaluation is no JSON: this is a bug in tidemill")?;
            table
                .write_record(EVALUATION_COLUMNS.map(|name| cell(&evaluation, name)))
                .with_context(|| format!("cannot write topic {topic}, partition {partition} as CSV"))?;
        }
        Ok(())
    }

    /// Writes out what is buffered, and the leaderboard as `leaderboard.csv`.
    pub fn finish(mut self, leaderboard: &[LeaderboardRow]) -> anyhow::Result<()> {
        let path = self.folder.join("leaderboard.csv");
        std::fs::write(&path, leaderboard_csv(leaderboard)?).with_context(|| format!("cannot write {}", path.display()))?;
        for ((topic, partition), table) in &mut self.tables {
            table.flush().with_context(|| format!("cannot write topic {topic}, partition {partition} as CSV"))?;
        }
        for ((topic, partition), file) in &mut self.files {
            file.flush().with_context(|| format!("cannot write topic {topic}, partition {partition}"))?;
        }
        Ok(())
    }
}

/// The topics to which every sink gives evaluations.
fn evaluation_topics(graph: &Graph) -> Vec<Arc<str>> {
    let only = |topic: &Arc<str>| {
        let mut kinds = graph.sinks.iter().filter(|sink| sink.topic == *topic).map(|sink| sink.kind).peekable();
        kinds.peek().is_some() && kinds.all(|kind| kind == EventKind::Evaluation)
    };
    graph.output_topics().into_iter().filter(only).collect()
}

/// The text of a value of a record; nothing for `null`.
fn cell(evaluation: &Value, name: &str) -> String {
    let value = match name.split_once('.') {
        Some((outer, inner)) => &evaluation[outer][inner],
        None => &evaluation[name],
    };
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
