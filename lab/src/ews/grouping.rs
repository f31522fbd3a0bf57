//! Groups in FindItem: items with the same value of a property together, groups in the order of what stands for them.

use std::collections::BTreeMap;

use tieline_proto_ews::{
    FieldUri, Item as ItemElement, PropertyPath,
    operations::{Aggregate, GroupedItems, Grouping, SortDirection},
};

use crate::{property::sort_of, view::View};

/// By what items are grouped, and what stands for a group.
struct Plan {
    by: PropertyPath,
    on: PropertyPath,
    greatest: bool,
    falling: bool,
}

impl Plan {
    fn of(wanted: &Grouping) -> Self {
        match wanted {
            Grouping::By(group) => Self {
                by: group.path.clone().unwrap_or_default(),
                on: group.aggregate_on.path.clone().unwrap_or_default(),
                greatest: group.aggregate_on.aggregate != Aggregate::Minimum,
                falling: group.order == SortDirection::Descending,
            },
            // The one standard grouping there is: conversations, by their newest message.
            Grouping::Distinguished(group) => Self {
                by: FieldUri::new("message:ConversationTopic").into(),
                on: FieldUri::new("item:DateTimeReceived").into(),
                greatest: true,
                falling: group.order == SortDirection::Descending,
            },
        }
    }
}

/// Brings the items of each group together, groups in order; the name of the group of each item. What lacks the
/// property is a group without a name; within a group the order stays.
pub(super) fn arrange(wanted: &Grouping, views: &mut Vec<View<'_>>) -> Vec<String> {
    let plan = Plan::of(wanted);
    let mut groups: BTreeMap<String, (Option<String>, Vec<View<'_>>)> = BTreeMap::new();
    for view in views.drain(..) {
        let name = view.values(&plan.by).into_iter().next().unwrap_or_default();
        let value = view.values(&plan.on).into_iter().next();
        let (best, members) = groups.entry(name).or_default();
        *best = better(&plan, best.take(), value);
        members.push(view);
    }
    let sort = sort_of(&plan.on);
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(_, (left, _)), (_, (right, _))| {
        let order = match (left, right) {
            (Some(left), Some(right)) => sort.compare(left, right).unwrap_or(std::cmp::Ordering::Equal),
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if plan.falling { order.reverse() } else { order }
    });
    let mut names = Vec::new();
    for (name, (_, members)) in groups {
        names.extend(members.iter().map(|_| name.clone()));
        views.extend(members);
    }
    names
}

fn better(plan: &Plan, known: Option<String>, new: Option<String>) -> Option<String> {
    let (Some(known_text), Some(new_text)) = (&known, &new) else { return known.or(new) };
    let order = sort_of(&plan.on).compare(new_text, known_text)?;
    let takes = if plan.greatest { order.is_gt() } else { order.is_lt() };
    if takes { new } else { known }
}

/// The groups of one page, whose first item is the `from`-th of all.
pub(super) fn groups(names: &[String], from: usize, items: Vec<ItemElement>) -> Vec<GroupedItems> {
    let mut groups: Vec<GroupedItems> = Vec::new();
    for (name, item) in names.iter().skip(from).zip(items) {
        match groups.last_mut().filter(|group| group.group_index == *name) {
            Some(group) => group.items.push(item),
            None => groups.push(GroupedItems {
                group_index: name.clone(),
                items: vec![item],
                group_summary: None,
            }),
        }
    }
    groups
}
