//! Single passes, told one by one: a quiet site, and what the engine asks of it.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tieline_model::{Ids, Record};
use tieline_sync::{
    Action, Command, Commit, Engine, Event, Fetched, FieldPolicy, LeftItem, Pause, Plan, Policy, Rest,
    Restored, Resume, Side, Undo, Wanted, restore,
};

use crate::card::Card;
use crate::mail::Mail;
use crate::sim_record::SimRecord;
use crate::store::Store;

/// One after the other.
struct Count(AtomicU64);

impl Ids for Count {
    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) << 64 | 7)
    }
}

struct Site {
    store: Store<Card>,
    mail: Mail<Card>,
    policy: Policy,
    ids: Count,
    now: Timestamp,
    /// What was asked of the mail system.
    requests: Vec<&'static str>,
    commits: usize,
    /// The items that were wanted afresh.
    afresh: Vec<String>,
    /// The most links, items or units in hand at a time.
    most: usize,
    /// Listings do not show this.
    hidden: fn(&str) -> bool,
}

impl Site {
    fn new() -> Self {
        Self {
            store: Store::new(),
            mail: Mail::new(),
            policy: Policy::default(),
            ids: Count(AtomicU64::new(1)),
            now: "2026-03-02T09:00:00Z".parse().unwrap(),
            requests: Vec::new(),
            commits: 0,
            afresh: Vec::new(),
            most: 0,
            hidden: |_| false,
        }
    }

    fn made_there(&mut self, lineages: std::ops::Range<u64>) {
        for lineage in lineages {
            self.mail.create(&Card::make(lineage), None, self.now);
        }
    }

    fn made_here(&mut self, lineages: std::ops::Range<u64>) {
        for lineage in lineages {
            let (id, etag) = (format!("left-{lineage}"), "1".to_owned());
            let item = LeftItem { id: id.clone(), etag, edited: None, record: Card::make(lineage) };
            self.store.put(&id, Some(item));
        }
    }

    /// One pass of a new engine; dies before the command of this number.
    fn pass_until(&mut self, word: Option<Event<Card>>, dies: usize) -> Option<Rest> {
        self.requests.clear();
        self.commits = 0;
        let (mut engine, mut command) = Engine::new(self.policy.clone(), None);
        if let Some(word) = word {
            command = engine.handle(word, self.now, &self.ids);
        }
        for _ in 0..dies {
            self.now = self.now.saturating_add(SignedDuration::from_millis(1)).unwrap();
            if let Command::Rest(rest) = command {
                return Some(rest);
            }
            let event = self.carry(command);
            command = engine.handle(event, self.now, &self.ids);
        }
        None
    }

    fn pass(&mut self, word: Option<Event<Card>>) -> Rest {
        self.pass_until(word, 100_000).expect("a pass ends")
    }

    fn carry(&mut self, command: Command<Card>) -> Event<Card> {
        match command {
            Command::Load => Event::Loaded(self.store.state().cloned().map(Box::new)),
            Command::Identify => {
                self.requests.push("identify");
                Event::Identified(self.mail.identity())
            }
            Command::List { side: Side::Left, cursor, limit } => {
                Event::Page(self.store.page(cursor.as_deref(), limit))
            }
            Command::List { side: Side::Right, cursor, limit } => {
                self.requests.push("list");
                let page = self.mail.page(cursor.as_deref(), limit, &self.hidden);
                page.map_or(Event::CursorExpired, Event::Page)
            }
            Command::Links(query) => {
                let (links, backlog) = self.store.query(&query);
                self.most = self.most.max(links.len());
                Event::Links(links, backlog)
            }
            Command::Fetch { items } => {
                self.requests.push("fetch");
                self.most = self.most.max(items.len());
                let afresh = items.iter().filter(|item| item.afresh).map(|item| item.id.clone());
                self.afresh.extend(afresh);
                let one = |wanted: &Wanted| {
                    self.mail.get(&wanted.id).map_or(Fetched::NotFound, |item| Fetched::Found(Box::new(item)))
                };
                Event::Fetched(items.iter().map(one).collect())
            }
            Command::Locate { links } => {
                Event::Located(links.iter().map(|link| self.mail.located(*link)).collect())
            }
            Command::Snapshot => Event::SnapshotTaken(self.now),
            Command::Commit(commit) => {
                self.commits += 1;
                self.most = self.most.max(commit.units.len());
                let (refused, _) = self.store.commit(&commit);
                Event::Committed { refused }
            }
            Command::Write { writes, .. } => {
                self.requests.push("write");
                Event::Written(writes.iter().map(|write| self.mail.apply(write, self.now)).collect())
            }
            Command::Rest(_) => unreachable!("a rest ends the pass"),
        }
    }

    fn plan(&mut self) -> Plan {
        match self.pass(None) {
            Rest::AwaitApproval(plan) => *plan,
            other => panic!("no plan but {other:?}"),
        }
    }

    /// Dry run, approval, and everything done.
    fn in_step(&mut self) {
        let plan = self.plan();
        assert_eq!(self.pass(Some(Event::Approve(plan.approval()))), Rest::Done { until: None });
        // What was written comes back as a change once.
        assert_eq!(self.pass(None), Rest::Done { until: None });
    }

    fn all(&self) -> (Vec<u64>, Vec<u64>) {
        let mut left: Vec<u64> = self.store.items.values().map(|item| item.record.lineage()).collect();
        let mut right: Vec<u64> = self.mail.items().map(|item| item.record.lineage()).collect();
        left.sort_unstable();
        right.sort_unstable();
        (left, right)
    }
}

#[test]
fn a_pass_without_changes_is_one_request_and_no_commit() {
    let mut site = Site::new();
    site.made_there(0..30);
    site.made_here(30..60);
    site.in_step();
    assert_eq!(site.pass(None), Rest::Done { until: None });
    assert_eq!((site.requests.as_slice(), site.commits), (["list"].as_slice(), 0));
}

/// Covers: AV-63 (engine)
#[test]
fn the_first_run_writes_nothing_before_its_counts_are_approved() {
    let mut site = Site::new();
    site.made_there(0..7);
    site.made_here(5..12);
    let plan = site.plan();
    let counts = [Action::Join, Action::CreateLeft, Action::CreateRight].map(|action| plan.count(action));
    assert_eq!(counts, [2, 5, 5]);
    assert_eq!((site.mail.writes, site.store.writes), (0, 0));
    assert_eq!(site.plan().approval(), plan.approval(), "the same world gives the same plan");
    site.made_here(12..13);
    let Rest::WorldChanged(changed) = site.pass(Some(Event::Approve(plan.approval()))) else {
        panic!("the world changed")
    };
    assert_eq!((site.mail.writes, site.store.writes), (0, 0));
    assert_eq!(site.pass(Some(Event::Approve(changed.approval()))), Rest::Done { until: None });
    let everything: Vec<u64> = (0..13).collect();
    assert_eq!(site.all(), (everything.clone(), everything));
}

/// A plan that was approved is not made again when neither side changed; what changed meanwhile is noticed all the same.
#[test]
fn a_plan_is_carried_out_without_being_made_again() {
    let mut site = Site::new();
    site.made_there(0..511);
    let plan = site.plan();
    assert_eq!(site.requests, ["list", "identify", "fetch", "fetch"]);
    assert_eq!(site.pass(Some(Event::Approve(plan.approval()))), Rest::Done { until: None });
    assert_eq!(site.requests, ["list", "identify", "fetch", "fetch"], "once for the writing");
    assert!(site.afresh.is_empty(), "what was read for the plan would have done");

    for changed_there in [true, false] {
        let mut site = Site::new();
        site.made_there(0..3);
        let plan = site.plan();
        if changed_there {
            site.made_there(3..4)
        } else {
            site.made_here(3..4)
        }
        assert!(matches!(site.pass(Some(Event::Approve(plan.approval()))), Rest::WorldChanged(_)));
        assert_eq!((site.mail.writes, site.store.writes), (0, 0));
    }
}

/// Seed 41897: the administrator chose otherwise between approving a plan and the pass that was to carry it out.
#[test]
fn a_plan_that_was_made_under_other_choices_is_not_carried_out() {
    let mut site = Site::new();
    site.made_there(0..3);
    let plan = site.plan();
    site.policy.choices.fields = FieldPolicy::Left;
    let Rest::WorldChanged(other) = site.pass(Some(Event::Approve(plan.approval()))) else {
        panic!("it is another plan now")
    };
    assert_eq!((site.mail.writes, site.store.writes), (0, 0));
    assert_eq!(site.pass(Some(Event::Approve(other.approval()))), Rest::Done { until: None });
}

/// Covers: AV-85 (silence)
#[test]
fn what_may_be_gone_or_have_been_written_is_asked_for_afresh() {
    let mut site = Site::new();
    site.made_there(0..4);
    site.in_step();
    let ids: Vec<String> = site.mail.items().map(|item| item.id.clone()).collect();
    site.mail.delete(&ids[0]);
    let edited = site.mail.get(&ids[1]).unwrap().record;
    site.mail.edit(&ids[1], &edited, None, site.now);
    site.pass(None);
    assert_eq!(site.afresh, ids[..2]);
    site.afresh.clear();
    // A listing that does not show an item says nothing: it is asked for.
    site.mail.forget_cursors();
    site.hidden = |id| id == "item-3";
    site.pass(None);
    assert_eq!(site.afresh, [ids[2].clone()]);
}

/// Covers: AV-12 (resumes), AV-76 (resumes)
#[test]
fn a_first_run_that_dies_again_and_again_goes_on_and_holds_little_in_hand() {
    let mut site = Site::new();
    site.policy.limits.page = 20;
    site.policy.limits.batch = 10;
    site.made_there(0..1000);
    let mut deaths = 0_usize;
    let mut lists = 0;
    let mut word = None;
    let rest = loop {
        let rest = site.pass_until(word.take(), 40);
        lists += site.requests.iter().filter(|request| **request == "list").count();
        match rest {
            // The plan is asked for in one life, or it would never be whole.
            None if site
                .store
                .state()
                .is_some_and(|state| state.right_cursor.is_some() && !state.listing) =>
            {
                match site.pass(None) {
                    Rest::AwaitApproval(plan) => word = Some(Event::Approve(plan.approval())),
                    rest => break rest,
                }
                let approval = word.take();
                assert_eq!(site.pass(approval), Rest::Done { until: None });
                break Rest::Done { until: None };
            }
            None => deaths += 1,
            Some(rest) => break rest,
        }
    };
    assert_eq!(rest, Rest::Done { until: None });
    assert!(deaths > 3 && lists <= 1000 / 20 + deaths + 3, "{lists} listings, {deaths} deaths");
    assert!(site.most <= 20, "{} in hand", site.most);
    assert_eq!(site.all().0.len(), 1000);
}

/// Covers: AV-85 (window)
#[test]
fn what_leaves_the_window_of_a_listing_stays() {
    let mut site = Site::new();
    site.made_there(0..12);
    site.in_step();
    site.mail.forget_cursors();
    site.hidden = |id| id.ends_with('1') || id.ends_with('2');
    assert_eq!(site.pass(None), Rest::Done { until: None });
    assert_eq!((site.all().0.len(), site.all().1.len()), (12, 12));
}

/// A restored backup brings an item back behind the cursor, and new changes overtake the folder's number before anybody
/// asks for it: the next full listing shows it.
#[test]
fn what_comes_back_unseen_is_found_by_the_weekly_listing() {
    let mut site = Site::new();
    site.made_there(0..3);
    site.in_step();
    site.mail.back_up();
    site.mail.delete("item-1");
    assert_eq!(site.pass(None), Rest::Done { until: None });
    assert_eq!(site.all(), (vec![1, 2], vec![1, 2]));
    site.mail.restore();
    // Somebody else asks first; then users make more changes than there were.
    let _ = site.mail.identity();
    site.made_there(3..9);
    assert_eq!(site.pass(None), Rest::Done { until: None });
    // The first of the new changes has the number of the deletion, which was read.
    assert_eq!(site.all().0, [1, 2, 4, 5, 6, 7, 8]);
    assert_eq!(site.all().1, (0..9).collect::<Vec<_>>());
    site.now = site.now.saturating_add(site.policy.limits.list_every).unwrap();
    assert_eq!(site.pass(None), Rest::Done { until: None });
    assert_eq!(site.all().0, (0..9).collect::<Vec<_>>(), "it is there again");
    assert_eq!(site.pass(None), Rest::Done { until: None });
    assert_eq!(site.requests, ["list"], "changes are enough for another week");
}

/// Covers: AV-85 (silence)
#[test]
fn an_empty_listing_after_an_unknown_cursor_deletes_nothing() {
    let mut site = Site::new();
    site.made_there(0..40);
    site.in_step();
    site.mail.forget_cursors();
    site.hidden = |_| true;
    assert!(matches!(site.pass(None), Rest::Paused(Pause::ShortListing { missing: 40, linked: 40 })));
    assert_eq!((site.all().0.len(), site.all().1.len()), (40, 40));
}

/// Covers: AV-85 (brake)
#[test]
fn more_deletions_than_are_believed_wait_for_a_person() {
    let mut site = Site::new();
    site.made_there(0..30);
    site.in_step();
    let ids: Vec<String> = site.mail.items().map(|item| item.id.clone()).collect();
    ids.iter().take(25).for_each(|id| site.mail.delete(id));
    let Rest::Paused(pause) = site.pass(None) else { panic!("it is paused") };
    assert_eq!(pause, Pause::Brake { deletes: 25, edits: 0, limit: 20 });
    assert!(pause.what().contains("25 deletions"));
    assert_eq!(site.all().0.len(), 30);
    assert_eq!(site.pass(None), Rest::Paused(pause), "until it is answered");
    let accept = Resume::Accept { edits: 0, deletes: 25 };
    assert!(matches!(site.pass(Some(Event::Resume(accept))), Rest::Done { .. }));
    assert_eq!((site.all().0.len(), site.store.undos.len()), (5, 25));
}

fn brought_back(site: &mut Site, undo: &Undo<Card>) {
    let epoch = site.store.state().map_or(0, |state| state.epoch);
    let Restored::Unit(unit) = restore(undo, epoch, site.now, &site.ids) else {
        panic!("it is not too late")
    };
    let state = site.store.state().cloned().unwrap_or_default();
    let (refused, _) = site.store.commit(&Commit { state, units: vec![*unit] });
    assert!(refused.is_empty());
    assert!(matches!(site.pass(None), Rest::Done { .. }));
}

/// Covers: AV-85 (engine undo)
#[test]
fn a_deletion_of_either_side_is_undone_whole_and_under_its_id() {
    for side in [Side::Left, Side::Right] {
        let mut site = Site::new();
        site.made_here(0..3);
        site.in_step();
        let record = site.store.items.get("left-1").map(|item| item.record.clone()).unwrap();
        let there = site.mail.items().find(|item| item.record.lineage() == 1).map(|item| item.id.clone());
        match side {
            Side::Left => site.store.put("left-1", None),
            Side::Right => site.mail.delete(&there.unwrap()),
        }
        site.pass(None);
        assert_eq!(site.all(), (vec![0, 2], vec![0, 2]), "{side:?}");
        let undo = site.store.undos.first().cloned().unwrap();
        assert_eq!(undo.deleted_on, side);
        brought_back(&mut site, &undo);
        assert_eq!(site.all(), (vec![0, 1, 2], vec![0, 1, 2]), "{side:?}");
        assert!(site.store.items["left-1"].record.differences(&record).is_empty());
        let late = undo.until.saturating_add(SignedDuration::from_secs(1)).unwrap();
        assert_eq!(restore(&undo, 0, late, &site.ids), Restored::TooLate(undo.until));
    }
}
