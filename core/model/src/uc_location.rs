//! Where a user is, as the telephone side understands it.

use crate::record::named_values;

named_values! {
    /// A UC location. An event of a mail program's calendar is a [`UcLocation::Meeting`] unless somebody said otherwise.
    #[derive(Default)]
    UcLocation, "a UC location";
    /// At the desk.
    Office = "office",
    /// In a meeting.
    #[default]
    Meeting = "meeting",
    /// At home.
    Home = "home",
    /// Reached by mobile telephone.
    Mobile = "mobile",
    /// On a journey.
    Travel = "travel",
    /// Not at work today.
    OutOfOffice = "out-of-office",
    /// On holiday.
    Vacation = "vacation",
}

impl UcLocation {
    /// As shown to people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Office => "Office",
            Self::Meeting => "Meeting",
            Self::Home => "Home",
            Self::Mobile => "Mobile",
            Self::Travel => "Travel",
            Self::OutOfOffice => "Out of office",
            Self::Vacation => "Vacation",
        }
    }

    /// What a category of Outlook assigns: `Location: Home`. Other categories assign nothing.
    #[must_use]
    pub fn from_category(category: &str) -> Option<Self> {
        let (word, value) = category.split_once(':')?;
        if !word.trim().eq_ignore_ascii_case("location") {
            return None;
        }
        let value = value.trim();
        let named = |location: &&Self| {
            value.eq_ignore_ascii_case(location.label()) || value.eq_ignore_ascii_case(&location.to_string())
        };
        Self::ALL.iter().find(named).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AV-80 (default), AV-82 (category)
    #[test]
    fn the_default_is_meeting_and_a_category_assigns_another() {
        assert_eq!(UcLocation::default().label(), "Meeting");
        assert_eq!(UcLocation::from_category("Location: Home"), Some(UcLocation::Home));
        assert_eq!(UcLocation::from_category("location:out of OFFICE"), Some(UcLocation::OutOfOffice));
        assert_eq!(UcLocation::from_category("Red"), None);
        assert_eq!(UcLocation::from_category("Location: Mars"), None);
        for location in UcLocation::ALL {
            assert_eq!(location.to_string().parse(), Ok(*location));
        }
    }
}
