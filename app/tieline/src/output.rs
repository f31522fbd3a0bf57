//! What a command prints: a table or a line for people, JSON for programs.

use std::io::{IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;
use tieline_model::Refusal;

/// Where a command's answer goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    colour: bool,
}

/// The columns that tables may fill when the terminal does not say how wide it is.
const WIDTH: u16 = 100;

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let colour = std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal();
        Self { json, colour }
    }

    pub(crate) const fn json(self) -> bool {
        self.json
    }

    /// Prints `value` as JSON, or what `people` makes of it.
    pub(crate) fn show(self, value: &Value, people: impl FnOnce(&Value) -> String) {
        let text = if self.json { value.to_string() } else { people(value) };
        self.line(text.trim_end());
    }

    /// One line, unless standard output is closed: then the command's work is done all the same.
    pub(crate) fn line(self, text: &str) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// A tick or a cross before a line: the word is never the only sign, nor is the colour.
    pub(crate) fn mark(self, ok: bool) -> &'static str {
        match (ok, self.colour) {
            (true, true) => "\u{1b}[32m✓\u{1b}[0m",
            (true, false) => "✓",
            (false, true) => "\u{1b}[31m✗\u{1b}[0m",
            (false, false) => "✗",
        }
    }

    /// Bold on a terminal.
    pub(crate) fn heading(self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Grey on a terminal.
    pub(crate) fn quiet(self, text: &str) -> String {
        if self.colour { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Says no: one line on standard error, and the refusal as an object when JSON was asked for.
    pub(crate) fn refuse(self, refusal: &Refusal) {
        if self.json {
            self.line(&serde_json::json!({ "refusal": refusal }).to_string());
        }
        let _ = writeln!(std::io::stderr().lock(), "tieline: {refusal}");
    }
}

/// A table of what a list answered; without rows, the sentence that says how the first one comes about.
pub(crate) fn table(headers: &[&str], rows: Vec<Vec<String>>, empty: &str) -> String {
    if rows.is_empty() {
        return empty.to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(headers.iter().map(|h| h.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// `key  value` lines with the keys padded to one width.
pub(crate) fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    pairs.iter().map(|(key, value)| format!("{key:width$}  {value}")).collect::<Vec<_>>().join("\n")
}

/// A member of a JSON object as people read it: text bare, a missing value as a dash.
pub(crate) fn text(value: &Value, path: &str) -> String {
    match value.pointer(&format!("/{}", path.replace('.', "/"))) {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// The items of a list's answer.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fit_a_hundred_columns_and_empty_ones_say_how_to_begin() {
        let wide = "a long cell that must wrap because the table may not be wider ".repeat(4);
        let shown = table(&["name", "what"], vec![vec!["corp".into(), wide]], "none");
        assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
        assert_eq!(table(&["name"], Vec::new(), "No endpoints yet."), "No endpoints yet.");
    }

    #[test]
    fn missing_values_are_dashes() {
        let value = serde_json::json!({"a": {"b": null, "c": true, "d": 0}});
        assert_eq!([text(&value, "a.b"), text(&value, "a.c"), text(&value, "a.d")], ["–", "yes", "0"]);
    }
}
