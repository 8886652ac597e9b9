//! `tidemill config`, and how every command gets its configuration.

use super::errors::ConfigErrors;
use super::options::{ConfigArgs, EngineArgs, TableForm};
use super::table::{Align, Table};
use crate::config::Config;

/// The configuration from file, environment and flags.
pub fn load(args: &EngineArgs) -> anyhow::Result<Config> {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut config = Config::load(args.config.as_deref(), variables, &args.set).map_err(ConfigErrors)?;
    if let Some(folder) = &args.state_dir {
        config.override_with("state.dir", &folder.to_string_lossy(), "--state-dir").map_err(|error| ConfigErrors(vec![error]))?;
    }
    Ok(config)
}

/// Runs the command.
pub fn run(args: &ConfigArgs) -> anyhow::Result<()> {
    let config = load(&args.engine)?;
    match args.format {
        TableForm::Text => print!("{}", text(&config)),
        TableForm::Json => println!("{}", json(&config)),
    }
    Ok(())
}

fn text(config: &Config) -> String {
    let left = Align::Left;
    let mut table = Table::new(&[("KEY", left), ("VALUE", left), ("FROM", left), ("TAKES", left), ("MEANING", left)]);
    for (key, value, origin) in config.entries() {
        let value = if value.is_empty() { "\"\"" } else { value };
        table.row([key.name.to_owned(), value.to_owned(), origin.to_owned(), key.kind.to_string(), key.doc.to_owned()]);
    }
    table.render()
}

fn json(config: &Config) -> serde_json::Value {
    let entry = |(key, value, origin): (&crate::config::Key, &str, &str)| serde_json::json!({ "key": key.name, "value": value, "from": origin, "variable": key.variable(), "default": key.default, "doc": key.doc });
    config.entries().map(entry).collect()
}
