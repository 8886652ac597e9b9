//! What is said of topologies full of mistakes, word for word. `UPDATE_GOLDEN=1 cargo test --test topology_errors` writes the files anew; read the
//! difference before committing it.

use std::fs;
use std::path::{Path, PathBuf};

use tidemill::operators::standard_catalog;
use tidemill::topology::{TopologyErrors, compile};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/topology_errors")
}

fn errors(name: &str) -> TopologyErrors {
    let text = fs::read_to_string(folder().join(name)).unwrap();
    match compile(&text, &format!("topologies/{name}"), &standard_catalog()) {
        Ok(_) => panic!("nothing is wrong with {name}"),
        Err(errors) => errors,
    }
}

fn golden(name: &str, text: &str) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == kept, "{} differs from what is said now:\n{text}", path.display());
}

#[test]
fn many_mistakes_are_told_in_one_go() {
    let errors = errors("many.toml");
    assert!(errors.errors.len() >= 25, "{errors}");
    golden("many.txt", &errors.to_string());
}

#[test]
fn the_same_is_told_to_editors_as_json() {
    let errors = errors("many.toml");
    let json = errors.to_json();
    assert_eq!(json.as_array().map(Vec::len), Some(errors.errors.len() + errors.warnings.len()));
    for told in json.as_array().unwrap() {
        assert!(told["line"].is_u64() && told["column"].is_u64() && told["file"] == "topologies/many.toml", "{told}");
    }
    let near =
        |message: &str| json.as_array().unwrap().iter().find(|told| told["message"] == message).map(|told| &told["suggestion"]);
    assert_eq!(near("unknown key `sed` in [topology]"), Some(&"did you mean `seed`?".into()));
    assert_eq!(near("no node and no source is called `candels`"), Some(&"did you mean `candles`?".into()));
}

#[test]
fn broken_syntax_is_told_without_guessing_at_the_rest() {
    golden("broken.txt", &errors("broken.toml").to_string());
}

#[test]
fn what_the_nodes_themselves_refuse_is_told_in_one_go_too() {
    golden("operators.txt", &errors("operators.toml").to_string());
}

#[test]
fn mending_one_mistake_leaves_the_others_told() {
    let text = fs::read_to_string(folder().join("many.toml")).unwrap();
    let told = |text: &str| match compile(text, "many.toml", &standard_catalog()) {
        Err(errors) => errors.errors.len(),
        Ok(_) => 0,
    };
    let all = told(&text);
    for (wrong, right) in [
        ("sed = 7", "seed = 7"),
        ("\"Many Mistakes\"", "\"many\""),
        ("horizn", "horizon"),
        ("\"scores\"", "\"score\""),
        ("weekdy", "weekday"),
        ("\"mea\"", "\"mae\""),
    ] {
        assert!(text.contains(wrong));
        assert_eq!(told(&text.replace(wrong, right)), all - 1, "{wrong}");
    }
}
