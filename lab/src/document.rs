//! An item or attachment element taken apart: one XML fragment a property, extended properties beside them.
//!
//! Exchange sees an item as a bag of properties, and so does the lab: a property that the lab does not understand
//! is kept and given back as it came. The codec's types stand at both edges: fragments are cut from what
//! the codec wrote and handed to the codec for reading.

use std::{borrow::Cow, collections::BTreeMap};

use roxmltree::{Document as Tree, Node};
use serde::{Deserialize, Serialize};
use tieline_proto_ews::xml::{Choice, Limits, Ns, Reader, Writer};

use crate::extended::ExtendedValue;

/// The bag of properties of one element.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Document {
    /// Local name of the element: `Message`, `CalendarItem`, `FileAttachment` ...
    pub(crate) kind: String,
    /// Fragments by the local name of the property's element.
    pub(crate) parts: BTreeMap<String, String>,
    /// Extended properties by canonical name.
    pub(crate) extended: BTreeMap<String, ExtendedValue>,
}

impl Document {
    /// Takes apart what `write` writes, if that is an element.
    pub(crate) fn of(write: impl FnOnce(&mut Writer)) -> Option<Self> {
        let mut writer = Writer::with_capacity(1024);
        write(&mut writer);
        Self::from_xml(std::str::from_utf8(&writer.finish()).ok()?)
    }

    /// Takes apart an element in which the prefixes `t:`, `m:` and `i:` may stand undeclared.
    pub(crate) fn from_xml(xml: &str) -> Option<Self> {
        let wrapped = wrap(xml);
        let tree = Tree::parse(&wrapped).ok()?;
        let element = tree.root_element().first_element_child()?;
        let mut document = Self { kind: element.tag_name().name().to_owned(), ..Self::default() };
        for child in element.children().filter(Node::is_element) {
            let name = child.tag_name().name();
            if name == "ExtendedProperty" {
                if let Some((name, value)) = ExtendedValue::from_element(child) {
                    document.extended.insert(name, value);
                }
                continue;
            }
            let fragment = wrapped.get(child.range()).unwrap_or_default();
            document.parts.insert(name.to_owned(), fragment.to_owned());
        }
        Some(document)
    }

    /// The element with the parts that `keep` names, for the codec to read.
    pub(crate) fn to_xml(&self, keep: impl Fn(&str) -> bool) -> String {
        let mut xml = format!("<t:{}>", self.kind);
        for (_, fragment) in self.parts.iter().filter(|(name, _)| keep(name)) {
            xml.push_str(fragment);
        }
        xml.push_str(&format!("</t:{}>", self.kind));
        xml
    }

    /// The text of a property without child elements.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let wrapped = wrap(self.parts.get(name)?);
        let tree = Tree::parse(&wrapped).ok()?;
        let element = tree.root_element().first_element_child()?;
        Some(element.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect())
    }

    /// The first of the descendants `names` of a property that has text.
    pub(crate) fn text_below(&self, name: &str, names: &[&str]) -> Option<String> {
        self.texts_below(name, names).into_iter().next()
    }

    /// The texts of all descendants of a property with one of these names, in the order of the document.
    pub(crate) fn texts_below(&self, name: &str, names: &[&str]) -> Vec<String> {
        let Some(fragment) = self.parts.get(name) else { return Vec::new() };
        let wrapped = wrap(fragment);
        let Ok(tree) = Tree::parse(&wrapped) else { return Vec::new() };
        let wanted = |node: &Node<'_, '_>| names.contains(&node.tag_name().name());
        tree.descendants().filter(wanted).filter_map(|node| node.text()).map(str::to_owned).collect()
    }

    /// An attribute of a property's element.
    pub(crate) fn attribute(&self, name: &str, attribute: &str) -> Option<String> {
        let wrapped = wrap(self.parts.get(name)?);
        let tree = Tree::parse(&wrapped).ok()?;
        tree.root_element().first_element_child()?.attribute(attribute).map(str::to_owned)
    }

    /// Sets a property without child elements.
    pub(crate) fn set_text(&mut self, name: &str, text: &str) {
        self.parts.insert(name.to_owned(), element(name, text));
    }

    /// The text of one entry of an indexed property, for example `PhoneNumbers` and `MobilePhone`.
    pub(crate) fn entry(&self, list: &str, key: &str, field: Option<&str>) -> Option<String> {
        let wrapped = wrap(self.parts.get(list)?);
        let tree = Tree::parse(&wrapped).ok()?;
        let entry = tree.descendants().find(|node| node.attribute("Key") == Some(key))?;
        let node = match field {
            None => entry,
            Some(field) => entry.children().find(|child| child.tag_name().name() == field)?,
        };
        node.text().map(str::to_owned)
    }

    /// Writes one entry of an indexed property (`field` for one line of a postal address), or removes it.
    pub(crate) fn set_entry(&mut self, list: &str, key: &str, field: Option<&str>, text: Option<&str>) {
        let mut entries = self.entries(list);
        let fields = entries.entry(key.to_owned()).or_default();
        let name = field.unwrap_or_default().to_owned();
        match text {
            Some(text) => fields.insert(name, text.to_owned()),
            None => fields.remove(&name),
        };
        let mut fragment = format!("<t:{list}>");
        for (key, fields) in entries.iter().filter(|(_, fields)| !fields.is_empty()) {
            fragment.push_str(&format!("<t:Entry Key=\"{}\">", escape(key)));
            for (field, text) in fields {
                match field.is_empty() {
                    true => fragment.push_str(&escape(text)),
                    false => fragment.push_str(&element(field, text)),
                }
            }
            fragment.push_str("</t:Entry>");
        }
        fragment.push_str(&format!("</t:{list}>"));
        self.parts.insert(list.to_owned(), fragment);
    }

    fn entries(&self, list: &str) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut entries = BTreeMap::new();
        let Some(fragment) = self.parts.get(list) else { return entries };
        let wrapped = wrap(fragment);
        let Ok(tree) = Tree::parse(&wrapped) else { return entries };
        for entry in tree.descendants() {
            let Some(key) = entry.attribute("Key") else { continue };
            let mut fields = BTreeMap::new();
            for child in entry.children().filter(Node::is_element) {
                fields
                    .insert(child.tag_name().name().to_owned(), child.text().unwrap_or_default().to_owned());
            }
            if fields.is_empty() {
                fields.insert(String::new(), entry.text().unwrap_or_default().to_owned());
            }
            entries.insert(key.to_owned(), fields);
        }
        entries
    }

    /// The stored form.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the stored form.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }
}

/// The `t:Mailbox` entries of a recipient property as name and address; entries without an address are left out.
pub(crate) fn mailboxes(fragment: &str) -> Vec<(Option<String>, String)> {
    let wrapped = wrap(fragment);
    let Ok(tree) = Tree::parse(&wrapped) else { return Vec::new() };
    let one = |mailbox: Node<'_, '_>| {
        let child = |name: &str| {
            let found = mailbox.children().find(|child| child.tag_name().name() == name)?;
            found.text().map(str::to_owned)
        };
        Some((child("Name"), child("EmailAddress")?))
    };
    tree.descendants().filter(|node| node.tag_name().name() == "Mailbox").filter_map(one).collect()
}

/// `<t:name>text</t:name>`.
pub(crate) fn element(name: &str, text: &str) -> String {
    format!("<t:{name}>{}</t:{name}>", escape(text))
}

/// Escapes text for content and attributes.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\r', '\n', '\t']) {
        return Cow::Borrowed(text);
    }
    let mut writer = Writer::default();
    writer.text(text);
    Cow::Owned(String::from_utf8(writer.finish()).unwrap_or_default())
}

/// Lets the codec read an element of one of the choices `T`.
pub(crate) fn decode<T: Choice>(xml: &str) -> Option<T> {
    let wrapped = wrap(xml);
    let mut reader = Reader::new(wrapped.as_bytes(), &Limits::default()).ok()?;
    let root = reader.root().ok()?;
    let element = reader.child(&root).ok()??;
    T::read_choice(&mut reader, &element).ok()?
}

/// Makes the prefixes `t:`, `m:` and `i:` known around a fragment.
pub(crate) fn wrap(xml: &str) -> String {
    format!(
        "<w xmlns:t=\"{}\" xmlns:m=\"{}\" xmlns:i=\"{}\">{xml}</w>",
        Ns::Types.uri(),
        Ns::Messages.uri(),
        Ns::SchemaInstance.uri()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "<t:Message><t:Subject>a &amp; b</t:Subject><t:Body BodyType=\"HTML\">&lt;p></t:Body>\
        <t:From><t:Mailbox><t:Name>Bob</t:Name><t:EmailAddress>bob@lab.example</t:EmailAddress></t:Mailbox></t:From>\
        <t:PhoneNumbers><t:Entry Key=\"MobilePhone\">1</t:Entry><t:Entry Key=\"HomePhone\">2</t:Entry></t:PhoneNumbers>\
        </t:Message>";

    #[test]
    fn parts_are_cut_read_and_given_back() {
        let document = Document::from_xml(MESSAGE).expect("document");
        assert_eq!(document.kind, "Message");
        assert_eq!(document.text("Subject").as_deref(), Some("a & b"));
        assert_eq!(document.attribute("Body", "BodyType").as_deref(), Some("HTML"));
        assert_eq!(document.text_below("From", &["EmailAddress"]).as_deref(), Some("bob@lab.example"));
        assert_eq!(
            document.to_xml(|name| name == "Subject"),
            "<t:Message><t:Subject>a &amp; b</t:Subject></t:Message>"
        );
        assert_eq!(Document::from_bytes(&document.to_bytes()), document);
        assert_eq!(Document::from_xml(&document.to_xml(|_| true)), Some(document));
    }

    #[test]
    fn entries_are_set_and_removed_singly() {
        let mut document = Document::from_xml(MESSAGE).expect("document");
        document.set_entry("PhoneNumbers", "MobilePhone", None, Some("<3>"));
        document.set_entry("PhoneNumbers", "HomePhone", None, None);
        document.set_entry("PhysicalAddresses", "Business", Some("Street"), Some("Main"));
        assert_eq!(document.entry("PhoneNumbers", "MobilePhone", None).as_deref(), Some("<3>"));
        assert_eq!(document.entry("PhoneNumbers", "HomePhone", None), None);
        assert_eq!(document.entry("PhysicalAddresses", "Business", Some("Street")).as_deref(), Some("Main"));
    }
}
