//! Locations and bodies as plain text: markup, entities, and what editors make of digits and spaces removed.

/// No more of a body is read.
const MOST: usize = 256 * 1024;

/// Plain text of text or HTML.
pub(crate) fn plain(text: &str) -> String {
    let end = (0..=MOST.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let text = text.get(..end).unwrap_or_default();
    let stripped = if is_html(text) { without_markup(text) } else { text.to_owned() };
    stripped.chars().filter_map(plain_char).collect()
}

fn is_html(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["<html", "<body", "<p>", "<p ", "<br", "<div", "<span", "</"].iter().any(|tag| lower.contains(tag))
}

fn plain_char(c: char) -> Option<char> {
    match c {
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => None,
        '\u{a0}' | '\u{2007}' | '\u{202f}' | '\t' | '\r' => Some(' '),
        '\u{2010}'..='\u{2015}' => Some('-'),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        other => Some(other),
    }
}

fn without_markup(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(open) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(open);
        text.push_str(before);
        rest = if from.starts_with('<') { tag(from, &mut text) } else { entity(from, &mut text) };
    }
    text.push_str(rest);
    text
}

/// Skips a tag; what breaks a line breaks it here as well, and styles and scripts are not text.
fn tag<'a>(from: &'a str, text: &mut String) -> &'a str {
    let Some(end) = from.find('>') else { return "" };
    let name: String = from
        .chars()
        .skip(1)
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '/')
        .collect::<String>()
        .to_ascii_lowercase();
    let rest = from.get(end + 1..).unwrap_or_default();
    match name.as_str() {
        "style" | "script" | "head" => {
            let close = format!("</{name}");
            let after = rest.to_ascii_lowercase().find(&close).and_then(|at| rest.get(at..));
            return after.unwrap_or_default();
        }
        "br" | "br/" | "/p" | "/div" | "/tr" | "/li" | "/td" => text.push('\n'),
        _ => {}
    }
    rest
}

fn entity<'a>(from: &'a str, text: &mut String) -> &'a str {
    let name = from.get(1..).and_then(|rest| rest.split_once(';')).filter(|(name, _)| name.len() <= 8);
    let Some((name, rest)) = name else {
        text.push('&');
        return from.get(1..).unwrap_or_default();
    };
    let number = |digits: &str| match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    };
    let meant = match name {
        "nbsp" => Some(' '),
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "shy" => Some('\u{ad}'),
        other => other.strip_prefix('#').and_then(number).and_then(char::from_u32),
    };
    text.extend(meant);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_goes_and_lines_stay() {
        let html = "<html><head><style>p{}</style></head><body><p>VMR&nbsp;<b>70</b>42</p><div>a&#38;b &lt;c&gt;</div></body>";
        assert_eq!(plain(html), "VMR 7042\na&b <c>\n");
        assert_eq!(plain("７０\u{200b}４２"), "7042");
        assert_eq!(plain("2 < 3 & 4"), "2 < 3 & 4");
    }

    proptest! {
        #[test]
        fn any_text_becomes_text(text: String) {
            let _ = plain(&text);
            let _ = plain(&format!("<p>{text}"));
        }
    }
}
