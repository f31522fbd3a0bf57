//! Deciding and merging, compared with a model that fits on a page.

use proptest::prelude::*;
use tieline_model::{Contact, ContactText, Record};
use tieline_sync::{
    Action, Base, Both, DeletePolicy, Faithful, FieldPolicy, FieldProvenance, Now, Side, decide,
};

/// Three fields of a contact; `None` is an item that is not there.
type Item = Option<[u8; 3]>;

fn item() -> impl Strategy<Value = Item> {
    prop::option::weighted(0.8, [0..3_u8, 0..3_u8, 0..3_u8])
}

fn contact(values: [u8; 3]) -> Contact {
    let mut contact = Contact::default();
    for (field, value) in ContactText::ALL.iter().zip(values) {
        *contact.text_mut(*field) = if value == 0 { String::new() } else { format!("v{value}") };
    }
    contact
}

fn stands(base: Item, side: Item) -> Now {
    match (base, side) {
        (None, None) => Now::Absent,
        (None, Some(_)) => Now::New,
        (Some(_), None) => Now::Gone,
        (Some(base), Some(side)) if base == side => Now::Same,
        (Some(_), Some(_)) => Now::Edited,
    }
}

/// What both sides should hold, said once more and differently: nobody's edit goes unless the other side's edit of
/// the same field won.
fn expected(base: Item, left: Item, right: Item, deletes: DeletePolicy) -> Item {
    match (base, left, right) {
        (None, left, None) => left,
        (None, None, right) => right,
        (Some(_), None, None) => None,
        (Some(base), Some(one), None) | (Some(base), None, Some(one)) => {
            (one != base && deletes == DeletePolicy::EditWins).then_some(one)
        }
        (base, Some(left), Some(right)) => {
            let base = base.unwrap_or_default();
            let field = |at: usize| if right[at] == base[at] { left[at] } else { right[at] };
            Some([field(0), field(1), field(2)])
        }
    }
}

/// What the table and the merge make of it; the mail system wins where both edited.
fn done(base: Item, left: Item, right: Item, deletes: DeletePolicy) -> (Option<Contact>, Option<Contact>) {
    let (left_is, right_is) = (left.map(contact), right.map(contact));
    match decide(stands(base, left), stands(base, right), deletes).1 {
        Action::Nothing => (left_is, right_is),
        Action::Forget | Action::DeleteLeft | Action::DeleteRight => (None, None),
        Action::CreateRight => (left_is.clone(), left_is),
        Action::CreateLeft => (right_is.clone(), right_is),
        Action::Join | Action::Merge | Action::UpdateLeft | Action::UpdateRight => {
            let (left, right) = (left_is.unwrap(), right_is.unwrap());
            let agreed = base.map(contact).map(|base| Base { left: base.clone(), right: base });
            let nobody = FieldProvenance::<Contact>::new();
            let both = Both {
                base: agreed.as_ref(),
                left: &left,
                right: &right,
                edited: (None, None),
                provenance: &nobody,
            };
            let merged = both.merge(FieldPolicy::Right, &Faithful);
            assert!(merged.conflicts.iter().all(|(_, winner)| *winner == Side::Right));
            (Some(merged.left), Some(merged.right))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn both_sides_end_with_what_the_reference_says(
        base in item(), left in item(), right in item(), delete_wins in any::<bool>()
    ) {
        let deletes = if delete_wins { DeletePolicy::DeleteWins } else { DeletePolicy::EditWins };
        let wanted = expected(base, left, right, deletes).map(contact);
        let (on_left, on_right) = done(base, left, right, deletes);
        for got in [on_left, on_right] {
            match (&got, &wanted) {
                (None, None) => {}
                (Some(got), Some(wanted)) => prop_assert_eq!(got.differences(wanted), vec![]),
                _ => prop_assert!(false, "{:?} instead of {:?}", got, wanted),
            }
        }
    }

    /// Who is left and who is right makes no difference but to who wins.
    #[test]
    fn the_table_is_the_same_from_the_other_side(base in item(), left in item(), right in item()) {
        let mirrored = |action| match action {
            Action::CreateLeft => Action::CreateRight,
            Action::CreateRight => Action::CreateLeft,
            Action::DeleteLeft => Action::DeleteRight,
            Action::DeleteRight => Action::DeleteLeft,
            Action::UpdateLeft => Action::UpdateRight,
            Action::UpdateRight => Action::UpdateLeft,
            other => other,
        };
        let (left, right) = (stands(base, left), stands(base, right));
        for deletes in [DeletePolicy::EditWins, DeletePolicy::DeleteWins] {
            prop_assert_eq!(mirrored(decide(left, right, deletes).1), decide(right, left, deletes).1);
        }
    }
}
