//! The sentences of answers, a file for each language.

use std::collections::HashMap;
use std::sync::LazyLock;

use tieline_model::Language;

type Sentences = HashMap<String, String>;

static ALL: LazyLock<HashMap<Language, Sentences>> = LazyLock::new(|| {
    // The files are part of the program, and a test reads them all.
    let read = |text: &str| toml::from_str(text).unwrap_or_default();
    HashMap::from([
        (Language::English, read(include_str!("phrases/en.toml"))),
        (Language::German, read(include_str!("phrases/de.toml"))),
        (Language::French, read(include_str!("phrases/fr.toml"))),
        (Language::Spanish, read(include_str!("phrases/es.toml"))),
    ])
});

/// The sentences of one language.
#[derive(Clone, Copy)]
pub(super) struct Phrases(Language);

impl Phrases {
    pub(super) const fn of(language: Language) -> Self {
        Self(language)
    }

    /// A sentence with its places filled in.
    pub(super) fn say(self, name: &str, values: &[(&str, &str)]) -> String {
        let template = |language| ALL.get(&language).and_then(|sentences: &Sentences| sentences.get(name));
        let template = template(self.0).or_else(|| template(Language::English)).map_or(name, String::as_str);
        let mut said = String::with_capacity(template.len());
        let mut rest = template;
        // Filled in one pass: what is filled in is not looked at again.
        while let Some((before, from)) = rest.split_once('{') {
            said.push_str(before);
            let (place, after) = from.split_once('}').unwrap_or((from, ""));
            let value = values.iter().find(|(name, _)| *name == place).map_or("", |(_, value)| value);
            said.push_str(value);
            rest = after;
        }
        said.push_str(rest);
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(place, _)| place).collect()
    }

    #[test]
    fn every_language_has_every_sentence_with_the_same_places() {
        let english = &ALL[&Language::English];
        assert!(english.len() > 40);
        for language in Language::ALL {
            let sentences = &ALL[language];
            assert_eq!(sentences.len(), english.len(), "{language}");
            for (name, text) in english {
                let other = sentences.get(name).unwrap_or_else(|| panic!("{language} lacks {name}"));
                assert_eq!(places(other), places(text), "{language} {name}");
            }
        }
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let said =
            Phrases::of(Language::English).say("invalid-number", &[("text", "{number}"), ("number", "x")]);
        assert!(said.contains("\"{number}\""), "{said}");
    }
}
