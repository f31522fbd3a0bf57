//! What a command prints: a table or a line for people, JSON for programs.

use std::io::{IsTerminal, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
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
    for row in &rows {
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        // Ids, addresses and times are copied: they are never broken; sentences wrap.
        let whole = |row: &Vec<String>| row.get(index).is_none_or(|cell| is_word(cell));
        if rows.iter().all(whole) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A cell that stays on one line: an id, an address, a time.
fn is_word(cell: &str) -> bool {
    cell.chars().count() <= 48 && (!cell.contains(' ') || is_time(cell))
}

/// `key  value` lines with the keys padded to one width; what is empty is a dash, and what is long goes on below itself.
pub(crate) fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    let line = |(key, value): &(&str, String)| {
        let value = if value.is_empty() { "–" } else { value };
        let room = usize::from(WIDTH).saturating_sub(width + 2);
        format!(
            "{key:width$}  {}",
            wrapped(value, room).join(&format!("\n{:indent$}", "", indent = width + 2))
        )
    };
    pairs.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The text in lines of at most so many characters, as far as its words allow.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// An instant as people read it, to the second and with its zone: `2026-11-23 09:40:35Z`. Anything else stays as it is.
pub(crate) fn time(text: &str) -> String {
    let read = text.parse::<jiff::Timestamp>();
    read.map_or_else(|_| text.to_owned(), |at| at.strftime(TIME).to_string())
}

const TIME: &str = "%Y-%m-%d %H:%M:%SZ";

fn is_time(cell: &str) -> bool {
    cell.len() == 20 && cell.ends_with('Z') && cell.as_bytes().get(10) == Some(&b' ')
}

/// Milliseconds as people read them: `326 ms`, `5.9 s`, `12 min`.
pub(crate) fn lasting(ms: &Value) -> String {
    match ms.as_u64() {
        None => "–".to_owned(),
        Some(ms) if ms < 1000 => format!("{ms} ms"),
        Some(ms) if ms < 120_000 => format!("{:.1} s", ms as f64 / 1000.0),
        Some(ms) if ms < 7_200_000 => format!("{} min", ms / 60_000),
        Some(ms) => format!("{} h", ms / 3_600_000),
    }
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
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_fit_a_hundred_columns_and_empty_ones_say_how_to_begin() {
        let wide = "a long cell that must wrap because the table may not be wider ".repeat(4);
        let shown = table(&["name", "what"], vec![vec!["corp".into(), wide]], "none");
        assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
        assert_eq!(table(&["name"], Vec::new(), "No endpoints yet."), "No endpoints yet.");
    }

    #[test]
    fn ids_and_times_are_never_broken() {
        let id = "vm_01a207c75c2474bc8d4656387533c277".to_owned();
        let at = time("2026-11-23T09:40:35.49258405Z");
        assert_eq!(at, "2026-11-23 09:40:35Z");
        let caller = "a caller whose name is much longer than the column that is left for it".to_owned();
        let row = vec![id.clone(), at.clone(), "1001".into(), caller, "unread".into(), "quarantined".into()];
        let shown = table(&["id", "received", "mailbox", "caller", "state", "delivery"], vec![row], "none");
        assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
        assert!(shown.contains(&id) && shown.contains(&at), "{shown}");
    }

    #[test]
    fn fields_wrap_below_themselves() {
        let shown = fields(&[("id", String::new()), ("cause", "word ".repeat(40))]);
        assert!(shown.starts_with("id     –\ncause  word word"), "{shown}");
        assert!(
            shown.lines().count() > 2 && shown.lines().all(|line| line.chars().count() <= 100),
            "{shown}"
        );
    }

    #[test]
    fn durations_have_the_unit_that_suits_them() {
        let shown =
            [json!(326), json!(5895), json!(600_000), json!(7_200_000), Value::Null].map(|ms| lasting(&ms));
        assert_eq!(shown, ["326 ms", "5.9 s", "10 min", "2 h", "–"]);
    }

    #[test]
    fn missing_values_are_dashes() {
        let value = serde_json::json!({"a": {"b": null, "c": true, "d": 0}});
        assert_eq!([text(&value, "a.b"), text(&value, "a.c"), text(&value, "a.d")], ["–", "yes", "0"]);
    }
}
