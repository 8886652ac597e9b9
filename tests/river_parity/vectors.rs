//! The folder of recorded predictions: manifest, input series, expected values.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::classes::spelled_out;

/// A folder of cases.
pub struct Folder {
    root: PathBuf,
    manifest: Value,
    /// The cases in the order of the manifest.
    pub cases: Vec<Case>,
}

/// One recorded run.
pub struct Case {
    /// Its name, for the table only.
    pub id: String,
    /// The series it ran on.
    pub series: String,
    /// The model, as River's constructor expression with remarks.
    pub river: String,
    /// The file of expected values.
    file: String,
    /// How many records of the series were run; all where it does not say.
    records_seen: Option<usize>,
    /// How exactly it can be repeated: exact, tol or seeded.
    pub class: String,
    /// How strongly one ulp in the targets is amplified.
    pub sensitivity: f64,
    /// From which record on only the same bits could agree.
    pub stable_until: Option<usize>,
    /// The measures over all records.
    pub final_metrics: Value,
}

/// A table of numbers; an empty cell is NaN.
pub struct Table {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<f64>>,
}

impl Table {
    /// Where a column stands.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c == name)
    }
}

impl Folder {
    /// The folder named by the environment, or the shared one beside the repository.
    pub fn find() -> Option<Folder> {
        let manifest_dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let beside = ["../shared/vectors/open", "../../shared/vectors/open"].map(|p| manifest_dir.join(p));
        let candidates = std::env::var_os("TIDEMILL_VECTORS").map(|named| vec![PathBuf::from(named)]).unwrap_or(beside.to_vec());
        let root = candidates.into_iter().find(|folder| folder.join("manifest.json").is_file())?;
        let text = fs::read_to_string(root.join("manifest.json")).expect("the manifest can be read");
        // Python writes what is not finite in a way that JSON does not know.
        let text = ["-Infinity", "Infinity", "NaN"].iter().fold(text, |text, word| text.replace(&format!(": {word}"), ": null"));
        let manifest: Value = serde_json::from_str(&text).expect("the manifest is JSON");
        let mut cases: Vec<Case> = manifest["cases"].as_array().expect("the manifest lists cases").iter().map(case).collect();
        spelled_out(&mut cases.iter_mut().map(|case| &mut case.river).collect::<Vec<_>>());
        Some(Folder { root, manifest, cases })
    }

    /// The input series of a case, the names of its features, and its target.
    pub fn input(&self, case: &Case) -> Option<(Table, Vec<String>, String)> {
        let series = self.manifest["series"].get(&case.series)?;
        let features = series["features"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let mut table = self.table(series["file"].as_str()?);
        table.rows.truncate(case.records_seen.unwrap_or(usize::MAX));
        Some((table, features, series["target"].as_str()?.to_owned()))
    }

    /// The expected values of a case.
    pub fn expected(&self, case: &Case) -> Table {
        self.table(&case.file)
    }

    fn table(&self, file: &str) -> Table {
        let text = fs::read_to_string(self.root.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let mut lines = text.lines().map(|line| line.split(','));
        let columns = lines.next().into_iter().flatten().map(str::to_owned).collect();
        let rows = lines.map(|cells| cells.map(|cell| cell.trim().parse().unwrap_or(f64::NAN)).collect()).collect();
        Table { columns, rows }
    }
}

fn case(value: &Value) -> Case {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Case {
        id: text("id"),
        series: text("series"),
        river: text("river"),
        file: text("file"),
        class: text("class"),
        records_seen: value["records_seen"].as_u64().map(|n| n as usize),
        sensitivity: value["sensitivity"].as_f64().unwrap_or(0.0),
        stable_until: value["stable_until"].as_u64().map(|n| n as usize),
        final_metrics: value["final_metrics"].clone(),
    }
}
