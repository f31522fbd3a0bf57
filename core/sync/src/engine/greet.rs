//! Items that only the mail system has: one of ours that was not known, a late double, a counterpart of one of Tieline's,
//! or new.

use std::collections::BTreeSet;

use tieline_model::{LinkId, Record};

use crate::command::{Fetched, LeftItem, Linked, RightItem, Unit};
use crate::link::{Link, Operation, RightRef, Seen};
use crate::settle::{Desk, Verdict};

/// An item that only the mail system has: one of ours that we did not know of, a late double, a counterpart of one of
/// Tieline's, or new. `None`: the link it belongs to was decided about a moment ago; its turn comes in the next pass.
pub(super) fn greet<R: Record>(
    desk: &Desk<'_, R>,
    link: Link<R>,
    item: RightItem<R>,
    kin: &[Linked<R>],
    taken: &mut BTreeSet<LinkId>,
    dry: bool,
) -> Option<Verdict<R>> {
    let owner =
        item.stamp.and_then(|stamp| kin.iter().find(|(kin, _)| kin.id == stamp.link && kin.id != link.id));
    if let Some((owner, _)) = owner {
        if taken.contains(&owner.id) {
            return None;
        }
        if owner.right.as_ref().is_some_and(|right| right.id == item.id) {
            return Some(Verdict::bookkeeping(Unit::remove(link.id)));
        }
        if let Some(intent) = owner.intent.as_ref().filter(|intent| intent.operation == Operation::Create) {
            // It may be what was asked for, or a copy that a user made of that, or come from an earlier request.
            let asked_for = item.stamp.is_some_and(|stamp| stamp.write == intent.write);
            if !asked_for && is_late_double(desk, owner, &item) {
                return Some(desk.remove_double(link, item));
            }
            if !asked_for || !desk.is_as_written(&intent.record, &item.record) {
                return None;
            }
            taken.insert(owner.id);
            let unit = Unit { absorbed: Some(link.id), ..desk.adopt(owner.clone(), item) };
            return Some(Verdict::bookkeeping(unit));
        }
        if is_late_double(desk, owner, &item) {
            return Some(desk.remove_double(link, item));
        }
    }
    let free = |id: &LinkId| *id != link.id && !taken.contains(id);
    for key in item.record.match_keys() {
        let recognised = |left: &LeftItem<R>| {
            left.record.match_keys().contains(&key) && (R::is_proof(&key) || left.record.may_be(&item.record))
        };
        let fits = |linked: &&Linked<R>, wanted: fn(&Link<R>) -> bool| {
            free(&linked.0.id) && wanted(&linked.0) && linked.1.as_ref().is_some_and(recognised)
        };
        let only = |wanted: fn(&Link<R>) -> bool| {
            let mut fitting = kin.iter().filter(|linked| fits(linked, wanted));
            fitting.next().filter(|_| fitting.next().is_none())
        };
        if kin.iter().any(|(kin, left)| kin.is_being_made() && left.as_ref().is_some_and(recognised)) {
            // It may have its counterpart in a moment, or has it since a moment ago: whether it is this item is decided
            // in the next pass.
            return None;
        }
        if let Some(one) = only(Link::is_unpaired_left) {
            return Some(pair(desk, link, item, one.clone(), taken, dry));
        }
        if let Some((moved, _)) =
            only(|link| link.base.is_some() && matches!(link.seen_right, Seen::Gone | Seen::Missing))
        {
            return moved.intent.is_none().then(|| follow(link, item, moved.clone(), taken));
        }
    }
    Some(desk.settle(link, None, Some(Fetched::Found(Box::new(item)))))
}

/// Made by a request of ours that took effect late or twice, and untouched since.
fn is_late_double<R: Record>(desk: &Desk<'_, R>, owner: &Link<R>, item: &RightItem<R>) -> bool {
    let created = item.created.unwrap_or(desk.now);
    let untouched = item.edited.is_some() && item.edited == item.created;
    let keys = |record: &R| record.match_keys().into_iter().collect::<BTreeSet<_>>();
    owner.birth.iter().chain(&owner.earlier_births).filter(|birth| created <= birth.until).any(|birth| {
        let (own, others) = (keys(&birth.written), keys(&item.record));
        let recognised = !own.is_empty() && own == others && birth.written.may_be(&item.record);
        desk.is_as_written(&birth.written, &item.record) || (untouched && recognised)
    })
}

/// The counterpart has another id: it was moved or restored. What both agreed on stays.
fn follow<R: Record>(
    link: Link<R>,
    item: RightItem<R>,
    mut moved: Link<R>,
    taken: &mut BTreeSet<LinkId>,
) -> Verdict<R> {
    taken.insert(moved.id);
    moved.right = Some(RightRef { id: item.id, etag: item.etag, before: None });
    moved.generation = link.generation;
    moved.observe_right(Seen::Changed);
    Verdict::bookkeeping(Unit { absorbed: Some(link.id), ..Unit::put(moved) })
}

/// Both sides made the same: two links become one.
fn pair<R: Record>(
    desk: &Desk<'_, R>,
    link: Link<R>,
    item: RightItem<R>,
    (mut ours, left): Linked<R>,
    taken: &mut BTreeSet<LinkId>,
    dry: bool,
) -> Verdict<R> {
    taken.insert(ours.id);
    ours.right = Some(RightRef { id: item.id.clone(), etag: item.etag.clone(), before: None });
    ours.generation = link.generation;
    ours.trouble = None;
    let absorbed = Some(link.id);
    if dry {
        // Noted only: what would be done with the pair is planned when its turn comes.
        ours.seen_left = Seen::Changed;
        ours.seen_right = Seen::Changed;
        return Verdict::bookkeeping(Unit { absorbed, ..Unit::put(ours) });
    }
    let verdict = desk.settle(ours, left, Some(Fetched::Found(Box::new(item))));
    Verdict { unit: Unit { absorbed, ..verdict.unit }, ..verdict }
}
