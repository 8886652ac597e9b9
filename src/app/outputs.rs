//! Output topics as files: `DIR/<topic>-<partition>.ndjson`, a line a record.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::record::{RecordBatch, write_ndjson};

/// Writes records to a file for each topic and partition.
pub struct OutputFiles {
    folder: PathBuf,
    files: BTreeMap<(Arc<str>, u32), BufWriter<File>>,
    line: Vec<u8>,
}

impl OutputFiles {
    /// Files in `folder`, which is made if it does not exist; files of the same names are overwritten.
    pub fn create(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the output folder {}", folder.display()))?;
        Ok(OutputFiles { folder: folder.to_owned(), files: BTreeMap::new(), line: Vec::new() })
    }

    /// Appends the records of one topic and partition. The file is made even for no record, so that an empty topic shows as an empty file.
    pub fn write(&mut self, topic: &Arc<str>, partition: u32, records: &RecordBatch) -> anyhow::Result<()> {
        let key = (topic.clone(), partition);
        if !self.files.contains_key(&key) {
            let path = self.folder.join(format!("{topic}-{partition}.ndjson"));
            let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
            self.files.insert(key.clone(), BufWriter::with_capacity(1 << 16, file));
        }
        let file = self.files.get_mut(&key).expect("made above");
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
