//! An EasyVista auto connection link (EV-50 to EV-53):
//! `…/autoconnect_mail.php?field1=5C0F…&field2=&field4=%7B90D5…%7D&field5=ViewDialog&field6=morley`.
//!
//! Whoever has the link is signed in by it, so it is a password. It is read once, when an administrator pastes it;
//! afterwards only the value of `field6` is ever replaced and every other byte stays as EasyVista wrote it.

use std::fmt;

use tieline_model::Refusal;
use zeroize::Zeroizing;

use crate::address::{Address, SecretUrl, encoded};

const PAGE: &str = "/autoconnect_mail.php";

/// A checked link, cut around the value of `field6`. Printing shows no field.
#[derive(Clone, PartialEq, Eq)]
pub struct AutoConnectionLink {
    before: Zeroizing<String>,
    after: Zeroizing<String>,
    host: String,
    masked: String,
}

impl AutoConnectionLink {
    /// Reads a link as it was pasted; spaces and line breaks around it go. The value of `field6` may be anything,
    /// also `%contact-id%`.
    ///
    /// # Errors
    /// When it is no such link, with the reason; no part of it is repeated.
    pub fn parse(pasted: &str) -> Result<Self, Refusal> {
        let url = pasted.trim();
        let bad = |what: &str| {
            let next = "copy the whole link from Administration > Access Management > Auto Connection Link";
            Refusal::permanent("bad-link", what, next)
        };
        let address = Address::parse(url).map_err(|refusal| bad(&refusal.what))?;
        if !address.path().ends_with(PAGE) {
            return Err(bad("the link's page is not autoconnect_mail.php"));
        }
        if address.rest.contains('#') {
            return Err(bad("the link has a fragment (#), which no auto connection link has"));
        }
        let query = address.query().ok_or_else(|| bad("the link has no fields"))?;
        let fields: Vec<(&str, &str)> =
            query.split('&').map(|field| field.split_once('=').unwrap_or((field, ""))).collect();
        let field = |name: &str| {
            let mut values = fields.iter().filter(|(n, _)| *n == name).map(|(_, value)| *value);
            (values.next(), values.next())
        };
        match (field("field1"), field("field5")) {
            ((None | Some(""), _), _) => return Err(bad("the link has no field1")),
            ((_, Some(_)), _) => return Err(bad("the link has field1 twice")),
            (_, (Some("ViewDialog"), None)) => {}
            _ => return Err(bad("the link's field5 is not ViewDialog")),
        }
        match field("field4") {
            (Some(guid), None) if is_guid(guid) => {}
            _ => return Err(bad("the link's field4 is not a GUID in braces")),
        }
        if field("field2").0.is_none() {
            return Err(bad("the link has no field2; it is there, although empty"));
        }
        if !matches!(field("field6"), (Some(_), None)) {
            return Err(bad("the link has no field6, or has it twice"));
        }
        // Where field6's value begins, counted in the whole link.
        let start = url.len() - query.len();
        let mut at = start;
        let mut cut = None;
        for piece in query.split('&') {
            if let Some(value) = piece.strip_prefix("field6=") {
                let value_at = at + piece.len() - value.len();
                cut = Some((value_at, value_at + value.len()));
            }
            at += piece.len() + 1;
        }
        let (from, to) = cut.ok_or_else(|| bad("the link has no field6"))?;
        let (Some(before), Some(after)) = (url.get(..from), url.get(to..)) else {
            return Err(bad("the link cannot be read"));
        };
        Ok(Self {
            before: Zeroizing::new(before.to_owned()),
            after: Zeroizing::new(after.to_owned()),
            host: address.host_key(),
            masked: masked(url, query, &fields),
        })
    }

    /// Where it leads: lower case, with the port where it is not 443.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The link for a person: only `field6` replaced (EV-52).
    #[must_use]
    pub fn with_person(&self, key: &str) -> SecretUrl {
        let value = encoded(key);
        let whole = format!("{}{value}{}", self.before.as_str(), self.after.as_str());
        SecretUrl::new(whole, self.masked.replace(PLACE, &value))
    }

    /// The whole link with an empty `field6`, for the store's secret.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}{}", self.before.as_str(), self.after.as_str()))
    }
}

impl fmt::Debug for AutoConnectionLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AutoConnectionLink({})", self.masked)
    }
}

/// Stands for the person's key in the masked form; no address contains it.
const PLACE: &str = "\u{0}";

/// Host, page and names of fields; values only where they tell nothing.
fn masked(url: &str, query: &str, fields: &[(&str, &str)]) -> String {
    let page = url.strip_suffix(query).unwrap_or_default();
    let shown = fields.iter().map(|(name, value)| match *name {
        "field6" => format!("field6={PLACE}"),
        "field5" => format!("field5={value}"),
        _ if value.is_empty() => format!("{name}="),
        _ => format!("{name}=…"),
    });
    format!("{page}{}", shown.collect::<Vec<_>>().join("&"))
}

/// `{8-4-4-4-12}` with braces as they are or percent-encoded.
fn is_guid(text: &str) -> bool {
    let strip = |text: &str, raw: char, coded: &str, front: bool| -> Option<String> {
        let lower = text.to_ascii_lowercase();
        let cut = if front {
            lower.strip_prefix(raw).or_else(|| lower.strip_prefix(coded))
        } else {
            lower.strip_suffix(raw).or_else(|| lower.strip_suffix(coded))
        };
        cut.map(str::to_owned)
    };
    let inner = strip(text, '{', "%7b", true).and_then(|rest| strip(&rest, '}', "%7d", false));
    inner.is_some_and(|guid| guid.len() == 36 && uuid::Uuid::try_parse(&guid).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINK: &str = "https://companyname.easyvista.com/autoconnect_mail.php?field1=5C0F051E580F056F19&field2=&\
                        field4=%7B90D54E77-40A5-4F0F-8029-5A7A05F5814D%7D&field5=ViewDialog&field6=morley";

    /// Covers: EV-51, EV-52, EV-53
    #[test]
    fn only_field6_is_replaced_and_every_other_byte_stays() {
        let link = AutoConnectionLink::parse(&format!("  {LINK}\r\n")).unwrap();
        assert_eq!(
            link.with_person("firstname.lastname@domain.com").expose(),
            "https://companyname.easyvista.com/autoconnect_mail.php?field1=5C0F051E580F056F19&field2=&\
             field4=%7B90D54E77-40A5-4F0F-8029-5A7A05F5814D%7D&field5=ViewDialog&field6=firstname.lastname%40domain.com"
        );
        assert_eq!(link.host(), "companyname.easyvista.com");
        // As the note of the source document writes it into the registry.
        let with_placeholder = LINK.replace("morley", "%contact-id%");
        let other = AutoConnectionLink::parse(&with_placeholder).unwrap();
        assert_eq!(other.with_person("a@b.c").expose(), link.with_person("a@b.c").expose());
        // Fields in another order, raw braces and what comes behind stay as they are.
        let odd = "https://h.example/ev/autoconnect_mail.php?field6=x&field4={90d54e77-40a5-4f0f-8029-5a7a05f5814d}\
                   &field2=&field5=ViewDialog&field1=AA&lang=%46R";
        let odd_link = AutoConnectionLink::parse(odd).unwrap();
        assert_eq!(odd_link.with_person("p").expose(), odd.replace("field6=x", "field6=p"));
    }

    /// Covers: EV-53 (secret), EV-54, X-12
    #[test]
    fn no_printed_form_shows_the_codes() {
        let link = AutoConnectionLink::parse(LINK).unwrap();
        let url = link.with_person("a@b.example");
        let printed = format!("{link:?} {url:?} {url} {}", url.masked());
        assert!(!printed.contains("5C0F") && !printed.contains("90D54E77"), "{printed}");
        assert!(url.masked().ends_with("field1=…&field2=&field4=…&field5=ViewDialog&field6=a%40b.example"));
        for broken in [
            LINK.replace("ViewDialog", "Other"),
            LINK.replace("field6", "field7"),
            LINK.replace("https", "http"),
        ] {
            let refusal = AutoConnectionLink::parse(&broken).unwrap_err().to_string();
            assert!(!refusal.contains("5C0F") && !refusal.contains("90D54E77"), "{refusal}");
        }
    }

    /// Covers: EV-50
    #[test]
    fn a_paste_that_is_no_link_is_refused_with_the_reason() {
        for (pasted, reason) in [
            ("", "does not begin with https://"),
            ("https://companyname.easyvista.com/index.php?field6=x", "not autoconnect_mail.php"),
            ("https://companyname.easyvista.com/autoconnect_mail.php", "no fields"),
            (&LINK.replace("field1=5C0F051E580F056F19", "field1="), "no field1"),
            (&LINK.replace("&field2=", ""), "no field2"),
            (&LINK.replace("%7B90D54E77", "%7B90D54E7"), "field4 is not a GUID"),
            (&format!("{LINK}&field6=again"), "has it twice"),
            (&format!("{LINK}#x"), "fragment"),
            (&LINK.replace("https://", "http://"), "http://"),
            (&LINK.replace("morley", "mor ley"), "percent-encoded"),
        ] {
            let refusal = AutoConnectionLink::parse(pasted).unwrap_err();
            assert!(refusal.what.contains(reason), "{pasted:?}: {refusal}");
        }
    }

    proptest! {
        #[test]
        fn no_key_leaves_its_field(key: String) {
            let url = AutoConnectionLink::parse(LINK).unwrap().with_person(&key);
            let rest = url.expose().strip_prefix(LINK.trim_end_matches("morley")).unwrap();
            prop_assert!(!rest.contains(|c: char| "&=#?/ ".contains(c) || c.is_control()));
        }

        #[test]
        fn any_paste_is_a_link_or_refused(text: String) {
            let _ = AutoConnectionLink::parse(&text);
        }
    }
}
