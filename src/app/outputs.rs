//! Output topics as files: `DIR/<topic>-<partition>.ndjson`, a line a record.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::record::{RecordBatch, write_ndjson};
use crate::topology::Graph;

/// Writes records to a file for each topic and partition.
pub struct OutputFiles {
    files: BTreeMap<(Arc<str>, u32), BufWriter<File>>,
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
        Ok(OutputFiles { files, line: Vec::new() })
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
        Ok(())
    }

    /// Writes out what is buffered.
    pub fn finish(mut self) -> anyhow::Result<()> {
        for ((topic, partition), file) in &mut self.files {
            file.flush().with_context(|| format!("cannot write topic {topic}, partition {partition}"))?;
        }
        Ok(())
    }
}
