//! Texts that many people have in common, kept once: domains, departments, companies.

use std::collections::HashMap;
use std::sync::Arc;

/// Texts by number. 0 stands for no text.
#[derive(Debug, Default)]
pub(super) struct Interner {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Interner {
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        let number = self.texts.len() as u32;
        self.numbers.insert(text, number);
        number
    }

    pub(super) fn text(&self, number: u32) -> Option<&str> {
        self.texts.get(number.checked_sub(1)? as usize).map(AsRef::as_ref)
    }

    pub(super) fn bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.len() + 32).sum();
        texts + self.texts.capacity() * 16 + self.numbers.capacity() * 8 / 7 * 25
    }
}
