//! The one table that decides what becomes of an item.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::policy::DeletePolicy;

/// How one side stands to what both agreed on last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Now {
    /// Nothing was agreed on, and there is nothing.
    Absent,
    /// Nothing was agreed on, and there is an item.
    New,
    /// As agreed.
    Same,
    /// Some field is different.
    Edited,
    /// The item is gone: reported as gone or missing from a complete listing, and then asked for and not found.
    Gone,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Both made it: field by field, nothing that only one side has is lost.
    Join,
    /// Field by field.
    Merge,
    /// Tieline's changed fields go to the mail system.
    UpdateRight,
    /// The mail system's changed fields go to Tieline.
    UpdateLeft,
    /// Made in the mail system.
    CreateRight,
    /// Made in Tieline.
    CreateLeft,
    /// Deleted in the mail system; can be undone.
    DeleteRight,
    /// Deleted in Tieline; can be undone.
    DeleteLeft,
    /// The link is forgotten; no item is touched.
    Forget,
}

impl Action {
    /// In a person's words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Join => "join both",
            Self::Merge => "merge field by field",
            Self::UpdateRight => "update in the mail system",
            Self::UpdateLeft => "update in Tieline",
            Self::CreateRight => "create in the mail system",
            Self::CreateLeft => "create in Tieline",
            Self::DeleteRight => "delete in the mail system",
            Self::DeleteLeft => "delete in Tieline",
            Self::Forget => "forget the link",
        }
    }

    /// Whether it deletes an item.
    #[must_use]
    pub const fn deletes(self) -> bool {
        matches!(self, Self::DeleteLeft | Self::DeleteRight)
    }
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Stable name, for explanations.
    pub name: &'static str,
    /// Tieline's side.
    pub left: Now,
    /// The mail system's.
    pub right: Now,
    /// What is done by default: an edit beats a deletion.
    pub edit_wins: Action,
    /// What is done where a deletion beats an edit.
    pub delete_wins: Action,
    /// Why, one sentence.
    pub why: &'static str,
}

const fn rule(name: &'static str, left: Now, right: Now, action: Action, why: &'static str) -> Rule {
    Rule { name, left, right, edit_wins: action, delete_wins: action, why }
}

/// Every combination there is.
pub static TABLE: [Rule; 13] = {
    use Action as A;
    use Now::{Absent, Edited, Gone, New, Same};
    [
        rule("in-step", Same, Same, A::Nothing, "Neither side changed what both agreed on."),
        rule("edited-on-left", Edited, Same, A::UpdateRight, "Only Tieline's side changed."),
        rule("edited-on-right", Same, Edited, A::UpdateLeft, "Only the mail system's side changed."),
        rule(
            "edited-on-both",
            Edited,
            Edited,
            A::Merge,
            "Fields that one side changed go over; of a field that both changed one edit wins and the other is kept as a conflict.",
        ),
        rule(
            "deleted-on-left",
            Gone,
            Same,
            A::DeleteRight,
            "It was deleted in Tieline and nobody edited it in the mail system; the deletion can be undone.",
        ),
        rule(
            "deleted-on-right",
            Same,
            Gone,
            A::DeleteLeft,
            "It was deleted in the mail system and nobody edited it in Tieline; the deletion can be undone.",
        ),
        Rule {
            name: "deleted-on-left-edited-on-right",
            left: Gone,
            right: Edited,
            edit_wins: A::CreateLeft,
            delete_wins: A::DeleteRight,
            why: "An edit beats a deletion unless the policy says otherwise; what lost is kept as a conflict.",
        },
        Rule {
            name: "edited-on-left-deleted-on-right",
            left: Edited,
            right: Gone,
            edit_wins: A::CreateRight,
            delete_wins: A::DeleteLeft,
            why: "An edit beats a deletion unless the policy says otherwise; what lost is kept as a conflict.",
        },
        rule("deleted-on-both", Gone, Gone, A::Forget, "Both sides deleted it."),
        rule("new-on-left", New, Absent, A::CreateRight, "It was made in Tieline."),
        rule("new-on-right", Absent, New, A::CreateLeft, "It was made in the mail system."),
        rule(
            "new-on-both",
            New,
            New,
            A::Join,
            "Both sides made it: the same UID, or the same SIP or mail address with names that do not contradict.",
        ),
        rule("never-was", Absent, Absent, A::Forget, "It was gone before anybody could read it."),
    ]
};

/// The rule for an item, and what it says under this policy. What cannot be (an item agreed on by one side only) is
/// treated as nothing to do.
#[must_use]
pub fn decide(left: Now, right: Now, policy: DeletePolicy) -> (&'static Rule, Action) {
    let [in_step, ..] = &TABLE;
    let rule = TABLE.iter().find(|rule| rule.left == left && rule.right == right).unwrap_or(in_step);
    match policy {
        DeletePolicy::EditWins => (rule, rule.edit_wins),
        DeletePolicy::DeleteWins => (rule, rule.delete_wins),
    }
}

/// The table as Markdown, for the manual.
#[must_use]
pub fn decision_table() -> String {
    let state = |now: Now| match now {
        Now::Absent => "absent",
        Now::New => "new",
        Now::Same => "unchanged",
        Now::Edited => "edited",
        Now::Gone => "deleted",
    };
    let mut text =
        String::from("| Tieline | mail system | rule | what is done | why |\n|---|---|---|---|---|\n");
    for rule in &TABLE {
        let done = if rule.edit_wins == rule.delete_wins {
            rule.edit_wins.label().to_owned()
        } else {
            format!("{}; where deletions win: {}", rule.edit_wins.label(), rule.delete_wins.label())
        };
        let (left, right) = (state(rule.left), state(rule.right));
        let _ = writeln!(text, "| {left} | {right} | `{}` | {done} | {} |", rule.name, rule.why);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_that_can_be_stands_in_the_table_once() {
        let mut rows = 0;
        for (agreed, states) in
            [(false, vec![Now::Absent, Now::New]), (true, vec![Now::Same, Now::Edited, Now::Gone])]
        {
            for left in &states {
                for right in &states {
                    let found =
                        TABLE.iter().filter(|rule| rule.left == *left && rule.right == *right).count();
                    assert_eq!(found, 1, "{agreed} {left:?} {right:?}");
                    rows += 1;
                }
            }
        }
        assert_eq!(rows, TABLE.len());
    }

    /// Nothing is deleted that was never agreed on, and by default nothing that was edited.
    #[test]
    fn what_may_be_deleted() {
        for rule in &TABLE {
            if rule.edit_wins.deletes() {
                assert_eq!([rule.left, rule.right].iter().filter(|now| **now == Now::Same).count(), 1);
                assert_eq!([rule.left, rule.right].iter().filter(|now| **now == Now::Gone).count(), 1);
            }
            if rule.delete_wins.deletes() {
                assert!([rule.left, rule.right].contains(&Now::Gone), "{rule:?}");
            }
        }
    }
}
