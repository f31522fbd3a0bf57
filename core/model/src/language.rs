//! The languages in which Tieline answers people.

use crate::record::named_values;

named_values! {
    /// A language of answers.
    #[derive(Default)]
    Language, "a language that Tieline answers in";
    /// English.
    #[default]
    English = "en",
    /// German.
    German = "de",
    /// French.
    French = "fr",
    /// Spanish.
    Spanish = "es",
}

impl Language {
    /// The language of a tag (RFC 5646) such as `de-CH`, whatever its region; `None` for one that has no templates.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.iter().copied().find(|language| language.to_string().eq_ignore_ascii_case(primary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_do_not_matter() {
        assert_eq!(Language::of_tag("de-CH"), Some(Language::German));
        assert_eq!(Language::of_tag("FR"), Some(Language::French));
        assert_eq!(Language::of_tag("es_ES"), Some(Language::Spanish));
        assert_eq!(Language::of_tag("ja"), None);
        assert_eq!(Language::of_tag("deutsch"), None);
    }
}
