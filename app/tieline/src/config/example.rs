//! `tieline config example`: every setting with its meaning and its default, made from the schema.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Config, schema};

/// The example file. Settings that have a default are commented out: the file says what would hold anyway.
pub(crate) fn example() -> String {
    let schema = schema();
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut text = String::from("# Tieline's configuration. Every setting is shown with its default.\n");
    for (section, property) in sections(&schema) {
        let list = property.get("type").is_some_and(|kind| kind == "array");
        let shape = resolve(&schema, if list { property.get("items").unwrap_or(property) } else { property });
        comment(&mut text, "", property.get("description").or_else(|| shape.get("description")), "\n");
        let header = if list { format!("# [[{section}]]\n") } else { format!("[{section}]\n") };
        text.push_str(&header);
        let fields = shape.get("properties").and_then(Value::as_object);
        for (name, field) in fields.into_iter().flatten() {
            let default = defaults.get(&section).and_then(|d| d.get(name));
            comment(&mut text, "# ", field.get("description"), "");
            line(&mut text, &schema, name, field, default);
        }
    }
    text
}

fn sections(schema: &Value) -> Vec<(String, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, value)| (name.clone(), value)).collect()
}

/// Follows a `$ref` into the schema's definitions, also through the `anyOf` of an optional section.
fn resolve<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    let value = value
        .get("anyOf")
        .and_then(Value::as_array)
        .and_then(|ways| ways.iter().find(|way| way.get("$ref").is_some()))
        .unwrap_or(value);
    value
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| schema.pointer(path.trim_start_matches('#')))
        .unwrap_or(value)
}

fn comment(text: &mut String, mark: &str, description: Option<&Value>, before: &str) {
    let Some(description) = description.and_then(Value::as_str) else { return };
    text.push_str(before);
    for line in description.lines() {
        let _ = writeln!(text, "{}# {}", if mark.is_empty() { "" } else { "  " }, line);
    }
}

fn line(text: &mut String, schema: &Value, name: &str, field: &Value, default: Option<&Value>) {
    match default.filter(|value| !value.is_null()) {
        Some(value) => {
            let _ = writeln!(text, "  # {name} = {value}");
        }
        None => {
            let shape = resolve(schema, field);
            match shape.get("properties").and_then(Value::as_object) {
                Some(inner) => {
                    let names: Vec<_> = inner.keys().map(|key| format!("{key} = …")).collect();
                    let _ = writeln!(text, "  # {name} = {{ {} }}", names.join(", "));
                }
                None => {
                    let _ = writeln!(text, "  # {name} = …");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    /// `docs/tieline.example.toml` is where people read about settings without the program at hand.
    #[test]
    fn the_documents_show_the_example_as_it_is() {
        let shown = include_str!("../../../../docs/tieline.example.toml");
        assert!(shown == super::example(), "stale: tieline config example > docs/tieline.example.toml");
    }
}
