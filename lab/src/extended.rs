//! Extended properties: one canonical name for each way of addressing one.

use roxmltree::Node;
use serde::{Deserialize, Serialize};
use tieline_proto_ews::{ExtendedFieldUri, ExtendedPropertyKey};

/// The value of an extended property in its XML Schema form; arrays keep their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExtendedValue {
    pub(crate) values: Vec<String>,
    pub(crate) array: bool,
}

/// The same text for every way of addressing the property; `None` when nothing is addressed. Tags from 0x8000 on
/// differ from mailbox to mailbox, so Exchange does not take them.
pub(crate) fn canonical(uri: &ExtendedFieldUri) -> Option<String> {
    let value_type = uri.property_type.as_str();
    Some(match uri.key()? {
        ExtendedPropertyKey::Tag(tag) if tag >= 0x8000 => return None,
        ExtendedPropertyKey::Tag(tag) => format!("0x{tag:04x}:{value_type}"),
        ExtendedPropertyKey::Name(set, name) => format!("{set}/{name}:{value_type}"),
        ExtendedPropertyKey::Id(set, id) => format!("{set}#{id}:{value_type}"),
    })
}

/// The tag of a tagged property.
pub(crate) fn tag(uri: &ExtendedFieldUri) -> Option<u16> {
    match uri.key()? {
        ExtendedPropertyKey::Tag(tag) => Some(tag),
        _ => None,
    }
}

impl ExtendedValue {
    /// A single value.
    pub(crate) fn one(value: impl Into<String>) -> Self {
        Self { values: vec![value.into()], array: false }
    }

    /// Reads a `t:ExtendedProperty`.
    pub(crate) fn from_element(element: Node<'_, '_>) -> Option<(String, Self)> {
        let child = |name: &str| element.children().find(|child| child.tag_name().name() == name);
        let uri = child("ExtendedFieldURI")?;
        let attribute = |name: &str| uri.attribute(name).map(str::to_owned);
        let name = canonical(&ExtendedFieldUri {
            distinguished_property_set_id: uri.attribute("DistinguishedPropertySetId").map(Into::into),
            property_set_id: attribute("PropertySetId"),
            property_tag: attribute("PropertyTag"),
            property_name: attribute("PropertyName"),
            property_id: uri.attribute("PropertyId").and_then(|id| id.parse().ok()),
            property_type: uri.attribute("PropertyType")?.into(),
        })?;
        let text = |node: Node<'_, '_>| node.text().unwrap_or_default().to_owned();
        let value = match child("Values") {
            Some(values) => {
                Self { values: values.children().filter(Node::is_element).map(text).collect(), array: true }
            }
            None => Self::one(text(child("Value")?)),
        };
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use tieline_proto_ews::{DistinguishedPropertySet, MapiPropertyType};

    use super::*;

    #[test]
    fn all_forms_of_address_meet_in_one_name() {
        let hex = ExtendedFieldUri::tag(0x0E07, MapiPropertyType::Integer);
        let decimal = ExtendedFieldUri { property_tag: Some("3591".to_owned()), ..hex.clone() };
        assert_eq!(canonical(&hex).as_deref(), Some("0x0e07:Integer"));
        assert_eq!(canonical(&hex), canonical(&decimal));
        let known = ExtendedFieldUri::name(
            DistinguishedPropertySet::PublicStrings,
            "TielineGuid",
            MapiPropertyType::String,
        );
        let guid = ExtendedFieldUri {
            distinguished_property_set_id: None,
            property_set_id: Some("00020329-0000-0000-C000-000000000046".to_owned()),
            ..known.clone()
        };
        assert!(canonical(&known).is_some());
        assert_eq!(canonical(&known), canonical(&guid));
        assert_eq!(canonical(&ExtendedFieldUri::tag(0x8001, MapiPropertyType::String)), None, "named range");
        assert_eq!(
            canonical(&ExtendedFieldUri { property_name: Some("x".to_owned()), ..Default::default() }),
            None
        );
    }
}
