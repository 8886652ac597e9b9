//! Pages that derive from the program stay equal to it. `TIDEMILL_UPDATE_DOCS=1 cargo test --test docs` writes them anew.

mod common;

use std::fmt::Write as _;
use std::fs;

use tidemill::operators::standard_catalog;
use tidemill::operators::wire::schema;
use tidemill::processor::EventKind;
use tidemill::topology::{compile, reference};

fn check_page(name: &str, text: &str) {
    let path = common::root().join("docs").join(name);
    if std::env::var_os("TIDEMILL_UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "docs/{name} is not what the program says: run TIDEMILL_UPDATE_DOCS=1 cargo test --test docs");
}

#[test]
fn the_topology_reference_is_that_of_the_catalogue() {
    check_page("topology-reference.md", &reference(&standard_catalog()));
}

#[test]
fn the_schemas_are_those_of_the_encoders() {
    let mut page = "# Records as tidemill writes them\n\nKeys are coins, timestamps are event time in milliseconds, values are JSON. One JSON Schema (draft 2020-12) for each kind \
                    of record;\na sink's `records` names the kind. Late and dead letters are the original records with `tidemill.*` headers.\n"
        .to_owned();
    for kind in EventKind::ALL.into_iter().filter(|kind| *kind != EventKind::Trade) {
        let text = serde_json::to_string_pretty(&schema(kind)).unwrap();
        writeln!(page, "\n## {}\n\n```json\n{text}\n```", kind.name()).unwrap();
    }
    check_page("schemas.md", &page);
}

#[test]
fn the_topology_in_the_readme_is_valid() {
    let readme = fs::read_to_string(common::root().join("README.md")).unwrap();
    let blocks: Vec<&str> = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty(), "the README shows a topology");
    for block in blocks {
        let (_, warnings) = compile(block, "README.md", &standard_catalog()).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}

#[test]
fn the_readme_names_files_that_exist() {
    for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(common::root().join(page)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://")) {
            assert!(common::root().join(link.split('#').next().unwrap()).exists(), "{page} points to {link}, which is not there");
        }
        for test in text.split("`tests/").skip(1).filter_map(|rest| rest.split('`').next()) {
            let (file, folder) = (format!("tests/{test}"), format!("tests/{}/main.rs", test.trim_end_matches(".rs")));
            assert!(
                common::root().join(&file).exists() || common::root().join(&folder).exists(),
                "{page} names {file}, which is not there"
            );
        }
    }
}
