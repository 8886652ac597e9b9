//! One self-contained HTML file: data, style and script inside, nothing fetched, and a content policy that says so.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::curves::PageData;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page of `data` with a title and a line that says where the data come from.
///
/// # Errors
/// When the data cannot be written as JSON.
pub fn render(data: &PageData, title: &str, source: &str) -> Result<String, serde_json::Error> {
    // Within a script element only "<" can end it.
    let json = serde_json::to_string(data)?.replace('<', "\\u003c");
    let mut page = String::with_capacity(json.len() + TEMPLATE.len() + STYLE.len() + SCRIPT.len());
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        page.push_str(before);
        match name {
            "style" => page.push_str(STYLE),
            "script" => page.push_str(SCRIPT),
            "style_hash" => page.push_str(&policy_hash(STYLE)),
            "script_hash" => page.push_str(&policy_hash(SCRIPT)),
            "data" => page.push_str(&json),
            "title" => page.push_str(&escaped(title)),
            "source" => page.push_str(&escaped(source)),
            "version" => page.push_str(env!("CARGO_PKG_VERSION")),
            other => unreachable!("the template is a constant and names no {other}"),
        }
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

/// The source expression of a content policy that allows exactly this text.
fn policy_hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::page::collect::Collected;
    use crate::app::page::curves::page_data;

    #[test]
    fn nothing_is_fetched_and_no_text_breaks_out() {
        let mut all = Collected::default();
        let line = r#"{"coin":"</script><b>","model":"{{data}}","target":"close","horizon_ms":1,"asked_at":1,"due_at":2,"last":1,"prediction":2,"price":2,"nowcast":false}"#;
        assert!(all.take(line.as_bytes()));
        all.complete();
        let page = render(&page_data(&all, 10), "a <title> & {{script}}", "from \"x\"").unwrap();
        assert_eq!(page.matches("</script>").count(), 2, "the data's element and the script's");
        assert!(page.contains("<h1>a &lt;title&gt; &amp; {{script}}</h1>"));
        for outside in ["src=", "href=", "@import", "url(http", "fetch(", "http://", "https://"] {
            let found = page.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(outside), "{outside}");
        }
    }
}
