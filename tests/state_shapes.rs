//! The states of all catalogued models have the shape that `SNAPSHOT_VERSION` stands for. Whoever changes a field has to raise the version, so that a state
//! of another shape is refused and never misread.
//!
//! `UPDATE_GOLDEN=1 cargo test --test state_shapes` records new models; it changes or removes a recorded shape only when the version has been raised.

mod common;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tidemill::learn::base::Schema;
use tidemill::learn::catalog::{Catalog, Model};
use tidemill::snapshot::{Envelope, Snapshot, SnapshotError};
use tidemill::task::{SNAPSHOT_VERSION, TaskSnapshot};

/// Length and CRC-32 of a state in which nothing has been learned: parameters and empty fields, in their order.
fn shape(state: &dyn Snapshot) -> String {
    let mut bytes = Vec::new();
    state.save(&mut bytes).unwrap();
    format!("{} bytes, {:08x}", bytes.len(), crc32fast::hash(&bytes))
}

/// The length of a model's state after a few records, where what is absent at first has come.
fn length_after_a_few(model: &mut Model) -> usize {
    for k in 0..5 {
        let (x, y) = ([f64::from(k), f64::from(k * k % 3), -f64::from(k)], f64::from(7 * k % 5));
        match model {
            Model::Regressor(model) => {
                model.predict_one(&x);
                model.learn_one(&x, y);
            }
            Model::Forecaster(model) => {
                model.forecast(1, &[&x]);
                model.learn_one(y, &x);
            }
        }
    }
    let mut bytes = Vec::new();
    model.save(&mut bytes).unwrap();
    bytes.len()
}

/// The shapes, by the specs of the catalogue's own examples.
fn shapes() -> BTreeMap<String, String> {
    let (catalog, schema) = (Catalog::standard(), Schema::new(["a", "b", "c"]));
    let mut found = BTreeMap::new();
    let mut note = |spec: &Value, shape: String| found.insert(spec.to_string(), shape);
    for spec in catalog.entries().flat_map(|entry| (entry.examples)()) {
        let mut model = catalog.build(&spec, &[], &schema, 7).unwrap_or_else(|errors| panic!("{spec}: {errors:?}"));
        let fresh = match &model {
            Model::Regressor(model) => shape(&**model),
            Model::Forecaster(model) => shape(&**model),
        };
        note(&spec, format!("{fresh}, then {} bytes", length_after_a_few(&mut model)));
    }
    for spec in catalog.transformers().flat_map(|entry| (entry.examples)()) {
        note(&spec, shape(&*catalog.transformer(&spec, &[], &schema, 7).unwrap()));
    }
    for spec in catalog.drift_detectors().flat_map(|entry| (entry.examples)()) {
        note(&spec, shape(&*catalog.drift_detector(&spec, &[], 7).unwrap()));
    }
    for spec in catalog.anomaly_detectors().flat_map(|entry| (entry.examples)()) {
        note(&spec, shape(&*catalog.anomaly_detector(&spec, &[], &schema, 7).unwrap()));
    }
    found
}

#[test]
fn a_state_changes_its_shape_only_with_the_version() {
    let path = common::root().join("tests/state_shapes.txt");
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    let mut lines = recorded.lines();
    let version: u16 = lines.next().and_then(|line| line.strip_prefix("version ")).map_or(0, |text| text.parse().unwrap());
    let recorded: BTreeMap<String, String> =
        lines.filter_map(|line| line.split_once('\t')).map(|(spec, shape)| (spec.to_owned(), shape.to_owned())).collect();
    let found = shapes();
    assert!(found.len() > 100, "only {} shapes", found.len());
    let changed: Vec<String> = recorded
        .iter()
        .filter(|(spec, shape)| found.get(*spec) != Some(shape))
        .map(|(spec, was)| format!("{spec}: {was}, now {}", found.get(spec).map_or("gone", |now| now)))
        .collect();
    assert!(
        changed.is_empty() || SNAPSHOT_VERSION > version,
        "these states have another shape than version {version} stands for: raise SNAPSHOT_VERSION in src/task/snapshot.rs, then \
         UPDATE_GOLDEN=1 cargo test --test state_shapes\n{}",
        changed.join("\n")
    );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let lines: String = found.iter().map(|(spec, shape)| format!("{spec}\t{shape}\n")).collect();
        fs::write(&path, format!("version {SNAPSHOT_VERSION}\n{lines}")).unwrap();
        return;
    }
    assert!(
        version == SNAPSHOT_VERSION && recorded == found,
        "the recorded shapes are of version {version} and not all: UPDATE_GOLDEN=1 cargo test --test state_shapes"
    );
}

#[test]
fn a_task_state_of_any_other_version_is_refused_and_says_so() {
    let snapshot = TaskSnapshot {
        topology: "t".to_owned(),
        source_fingerprint: "s".to_owned(),
        partition: tidemill::record::TopicPartition::new("candles", 0),
        position: tidemill::record::Offset(5),
        counts: Default::default(),
        coins: Vec::new(),
        nodes: Vec::new(),
    };
    let sealed = snapshot.to_bytes().unwrap();
    assert_eq!(TaskSnapshot::from_bytes(&sealed).unwrap(), snapshot);
    // The same payload, which would decode, under the versions before and after.
    let payload = Envelope::open(SNAPSHOT_VERSION, &sealed).unwrap().payload;
    for other in [SNAPSHOT_VERSION - 1, SNAPSHOT_VERSION + 1] {
        let error = TaskSnapshot::from_bytes(&Envelope::seal(other, payload)).unwrap_err();
        assert_eq!(error, SnapshotError::OtherVersion { found: other, supported: SNAPSHOT_VERSION });
        assert_eq!(
            error.to_string(),
            format!(
                "state has format version {other}; this program reads version {SNAPSHOT_VERSION} only: let it be made anew from the log, or use the \
                 program that wrote it"
            )
        );
    }
}
