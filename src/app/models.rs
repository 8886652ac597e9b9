//! `tidemill models`: the catalogue of models, for people and programs.

use super::errors::UsageError;
use super::options::TableForm;
use super::table::{Align, Table};
use crate::learn::catalog::{Catalog, Entry};
use crate::learn::params::{ParamInfo, nearest};

/// Runs the command: all models, or one explained.
pub fn run(name: Option<&str>, form: TableForm) -> anyhow::Result<()> {
    let catalog = Catalog::standard();
    let chosen: Vec<&Entry> = match name {
        None => catalog.entries().collect(),
        Some(name) => vec![find(&catalog, name)?],
    };
    match form {
        TableForm::Json => println!("{}", serde_json::to_string_pretty(&chosen.iter().map(|e| json(e)).collect::<Vec<_>>())?),
        TableForm::Text if name.is_some() => chosen.iter().for_each(|entry| print!("{}", explain(entry))),
        TableForm::Text => print!("{}", list(&chosen)),
    }
    Ok(())
}

fn find<'a>(catalog: &'a Catalog, name: &str) -> anyhow::Result<&'a Entry> {
    catalog.entries().find(|entry| entry.name == name).ok_or_else(|| {
        let near = nearest(name, catalog.entries().map(|entry| entry.name));
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        UsageError(format!("there is no model {name:?}{near} `tidemill models` lists them all")).into()
    })
}

fn list(entries: &[&Entry]) -> String {
    let mut table = Table::new(&[("MODEL", Align::Left), ("WHAT IT IS", Align::Left)]);
    entries.iter().for_each(|entry| table.row([entry.name.to_owned(), entry.summary.to_owned()]));
    format!(
        "{}\n`tidemill models NAME` explains one: every parameter, its default and range, and where it comes from.\n",
        table.render()
    )
}

fn explain(entry: &Entry) -> String {
    let mut text = format!("{}\n  {}\n  Reference: {}\n\n", entry.name, entry.summary, entry.reference);
    if entry.params.is_empty() {
        text.push_str("It takes no parameters.\n");
        return text;
    }
    let left = Align::Left;
    let mut table = Table::new(&[("PARAMETER", left), ("TYPE", left), ("DEFAULT", left), ("RANGE", left), ("MEANING", left)]);
    entry.params.iter().for_each(|param| add_param(&mut table, "", param));
    text.push_str(&table.render());
    text.push_str(&format!("\nIn a topology file:\n  model = \"{}\"\n", entry.name));
    if let Some((name, default)) = entry.params.iter().find_map(|param| Some((param.name, param.default.as_ref()?))) {
        text.push_str(&format!("  model = {{ {} = {{ {name} = {default} }} }}\n", entry.name));
    }
    text
}

/// A parameter, and below it what its choices take.
fn add_param(table: &mut Table, indent: &str, param: &ParamInfo) {
    let unit = param.unit.map(|unit| format!(" ({unit})")).unwrap_or_default();
    table.row([
        format!("{indent}{}", param.name),
        param.type_text.clone(),
        param.default.clone().unwrap_or_else(|| "required".to_owned()),
        param.range.clone().unwrap_or_default() + &unit,
        param.doc.lines().next().unwrap_or_default().to_owned(),
    ]);
    param.params.iter().for_each(|inner| add_param(table, &format!("{indent}  ."), inner));
    for choice in &param.choices {
        let name = format!("{indent}  = {}", choice.name);
        table.row([name, String::new(), String::new(), String::new(), choice.doc.lines().next().unwrap_or_default().to_owned()]);
        choice.params.iter().for_each(|param| add_param(table, &format!("{indent}    "), param));
    }
}

fn json(entry: &Entry) -> serde_json::Value {
    serde_json::json!({ "name": entry.name, "summary": entry.summary, "reference": entry.reference, "params": entry.params })
}
