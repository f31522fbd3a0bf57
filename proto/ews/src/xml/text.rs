use std::borrow::Cow;

use super::Writer;

/// A simple type: the text of an element or an attribute.
pub trait Text: Sized {
    /// Reads the value; `None` if the text is none of this type.
    fn parse(text: Cow<'_, str>) -> Option<Self>;

    /// Writes the text, escaped.
    fn write_text(&self, w: &mut Writer);
}

/// Makes simple types usable as elements. (A blanket implementation would collide with that of sequences.)
macro_rules! text_values {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::xml::Value for $type {
            fn read(
                r: &mut $crate::xml::Reader<'_>,
                element: &$crate::xml::Start<'_>,
            ) -> Result<Option<Self>, $crate::Error> {
                Ok(<Self as $crate::xml::Text>::parse(r.text(element)?))
            }
            fn write(&self, w: &mut $crate::xml::Writer, ns: $crate::xml::Ns, name: &[u8]) {
                w.element(ns, name, self);
            }
        }
    )+};
}
pub(crate) use text_values;

text_values!(String, bool, i32, u32, i64, f64);

impl Text for String {
    fn parse(text: Cow<'_, str>) -> Option<Self> {
        Some(text.into_owned())
    }
    fn write_text(&self, w: &mut Writer) {
        w.text(self);
    }
}

impl Text for bool {
    fn parse(text: Cow<'_, str>) -> Option<Self> {
        match text.trim() {
            "true" | "1" | "True" => Some(true),
            "false" | "0" | "False" => Some(false),
            _ => None,
        }
    }
    fn write_text(&self, w: &mut Writer) {
        w.plain(if *self { b"true" } else { b"false" });
    }
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl Text for $type {
            fn parse(text: Cow<'_, str>) -> Option<Self> {
                text.trim().parse().ok()
            }
            fn write_text(&self, w: &mut Writer) {
                w.plain(self.to_string().as_bytes());
            }
        }
    )+};
}
numbers!(i32, u32, i64);

impl Text for f64 {
    fn parse(text: Cow<'_, str>) -> Option<Self> {
        text.trim().parse().ok().filter(|n: &f64| n.is_finite())
    }
    fn write_text(&self, w: &mut Writer) {
        w.plain(self.to_string().as_bytes());
    }
}
