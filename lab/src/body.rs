//! Bodies in the form the client asks for: text out of HTML, HTML around text, a preview of either.

/// The text that a reader of the HTML would see.
pub(crate) fn text_of_html(html: &str) -> String {
    mail_parser::decoders::html::html_to_text(html).trim().to_owned()
}

/// HTML that shows the text as it is.
pub(crate) fn html_of_text(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let lines: Vec<_> = escaped.lines().collect();
    format!(
        "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"></head><body>\
         <div class=\"PlainText\">{}</div></body></html>",
        lines.join("<br>\r\n")
    )
}

/// The first 255 characters on one line.
pub(crate) fn preview(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(255).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_convert() {
        assert_eq!(text_of_html("<p>Hello <b>you</b> &amp; me</p>"), "Hello you & me");
        assert!(html_of_text("a < b\nc").contains("a &lt; b<br>\r\nc"));
        assert_eq!(preview("a\r\n  b"), "a b");
        assert_eq!(preview(&"ä".repeat(300)).chars().count(), 255);
    }
}
