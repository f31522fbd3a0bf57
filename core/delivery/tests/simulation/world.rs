//! The virtual clock, the workers, and the oracle.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rand::RngCore;
use tieline_delivery::{DeliveryState, Failure, Item, Outcome, Policy, Step};
use tieline_model::Class;

use crate::chance::{Chance, CreateFault};
use crate::mail::{Mail, Sent};
use crate::store::{Fenced, Lease, Store};

/// What follows a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    /// The process starts again at once and breaks its own leases.
    RestartAtOnce,
    /// It stays away; others take over when its lease expires.
    TakenOver,
    /// Now one, now the other.
    Mixed,
}

enum Event {
    Wake {
        worker: usize,
        life: u64,
    },
    Answer {
        worker: usize,
        life: u64,
        call: u64,
        answer: Answer,
    },
    /// A create takes effect; a live connection carries the answer back.
    Effect {
        message: usize,
        answer: Option<Caller>,
    },
    User,
    Retry {
        job: usize,
    },
}

/// Who waits for an answer.
#[derive(Clone, Copy)]
struct Caller {
    worker: usize,
    life: u64,
    call: u64,
}

enum Answer {
    Created(Item),
    Failed(Failure),
    Located(Vec<Item>, i64),
    Removed(String),
}

/// What happens at the server when a request is looked at there.
enum Request {
    Locate { asked_at: i64 },
    Remove(String),
}

#[derive(Default)]
struct Worker {
    life: u64,
    task: Option<Task>,
}

struct Task {
    lease: Lease,
    job: usize,
    message: usize,
    state: DeliveryState,
    /// The call that is waited for.
    call: Option<u64>,
    /// The peer asked to be left alone until then.
    back_off: i64,
}

/// The worker died here.
struct Crashed;

pub(crate) struct World {
    now: i64,
    order: u64,
    calls: u64,
    events: BTreeMap<(i64, u64), Event>,
    workers: Vec<Worker>,
    chance: Chance,
    policy: Policy,
    broken: Option<String>,
    pub(crate) store: Store,
    pub(crate) mail: Mail,
    pub(crate) trace: Vec<String>,
    /// How many points a crash could have happened at.
    pub(crate) points: u64,
    pub(crate) crashes: u64,
}

fn ts(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

impl World {
    pub(crate) fn new(chance: Chance) -> Self {
        let policy = Policy {
            confirm: chance.confirm,
            patience: SignedDuration::from_hours(24 * 365),
            ..Policy::default()
        };
        let mut world = Self {
            now: 0,
            order: 0,
            calls: 0,
            events: BTreeMap::new(),
            workers: (0..chance.workers).map(|_| Worker::default()).collect(),
            policy,
            broken: None,
            store: Store::new(chance.messages),
            mail: Mail::default(),
            trace: Vec::new(),
            points: 0,
            crashes: 0,
            chance,
        };
        for worker in 0..world.workers.len() {
            world.at(worker as i64, Event::Wake { worker, life: 0 });
        }
        if !world.chance.is_scripted() {
            for _ in 0..world.chance.between(0, 12) {
                let when = world.chance.between(0, 2_000_000);
                world.at(when, Event::User);
            }
        }
        world
    }

    pub(crate) fn seed(&self) -> u64 {
        self.chance.seed
    }

    pub(crate) fn into_trace(mut self) -> Vec<String> {
        self.run().unwrap();
        self.trace
    }

    fn at(&mut self, when: i64, event: Event) {
        self.order += 1;
        self.events.insert((when.max(self.now), self.order), event);
    }

    fn note(&mut self, line: String) {
        self.trace.push(format!("{:>10} {line}", self.now));
    }

    /// Runs until nothing happens any more, then asks the oracle.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        for _ in 0..200_000 {
            let Some(((when, _), event)) = self.events.pop_first() else { return self.verdict() };
            self.now = when;
            self.happen(event);
            if let Some(broken) = self.broken.take() {
                return Err(broken);
            }
        }
        Err("it does not come to rest".to_owned())
    }

    fn verdict(&self) -> Result<(), String> {
        if !self.store.is_done() {
            return Err("a job is left over".to_owned());
        }
        for (message, delivered) in self.store.delivered.iter().enumerate() {
            let items = self.mail.locate(message);
            if items.len() != 1 || !delivered {
                return Err(format!("message {message} has {} items, delivered: {delivered}", items.len()));
            }
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake { worker, life } if self.workers[worker].life == life => self.wake(worker),
            Event::Answer { worker, life, call, answer } if self.workers[worker].life == life => {
                self.answered(worker, call, answer);
            }
            Event::Wake { .. } | Event::Answer { .. } => {}
            Event::Effect { message, answer } => {
                let item = self.mail.apply_create(message);
                self.note(format!("server  message {message} becomes {}", item.item));
                if let Some(Caller { worker, life, call }) = answer {
                    let when = self.now + self.chance.between(0, 1000);
                    self.at(when, Event::Answer { worker, life, call, answer: Answer::Created(item) });
                }
            }
            Event::User => {
                let choice = self.chance.rng.next_u64();
                if let Some(done) = self.mail.user(choice) {
                    self.note(format!("user    {done}"));
                }
            }
            Event::Retry { job } => {
                self.note(format!("admin   retries job {job}"));
                self.store.retry(job, self.now);
            }
        }
    }

    /// A point at which the worker may die.
    fn point(&mut self, worker: usize, what: &str) -> Result<(), Crashed> {
        self.points += 1;
        if !self.chance.crash(self.points, self.now) {
            return Ok(());
        }
        self.crashes += 1;
        self.note(format!("w{worker} dies {what}"));
        self.workers[worker] = Worker { life: self.workers[worker].life + 1, task: None };
        let at_once = match self.chance.setup {
            Setup::RestartAtOnce => true,
            Setup::TakenOver => false,
            Setup::Mixed => self.chance.odds(0.5),
        };
        if at_once {
            self.store.break_leases_of(worker);
        }
        let away = match self.chance.setup {
            Setup::Mixed => self.chance.between(0, 181_000),
            _ if at_once => 0,
            _ => 1_000_000,
        };
        let life = self.workers[worker].life;
        self.at(self.now + away, Event::Wake { worker, life });
        Err(Crashed)
    }

    fn think(&mut self, worker: usize) {
        let pause = self.chance.think(self.now);
        let life = self.workers[worker].life;
        self.at(self.now + pause, Event::Wake { worker, life });
    }

    fn wake(&mut self, worker: usize) {
        let life = self.workers[worker].life;
        let Some(mut task) = self.workers[worker].task.take() else {
            match self.store.claim((worker, life), self.now) {
                Some((lease, job, state)) => {
                    let message = self.store.jobs[job].message;
                    self.note(format!("w{worker} claims job {job}, token {}: {state:?}", lease.token));
                    let task = Task { lease, job, message, state, call: None, back_off: 0 };
                    self.workers[worker].task = Some(task);
                    self.think(worker);
                }
                None if self.store.is_done() => {}
                None => {
                    let pause = self.chance.between(500, 5000);
                    self.at(self.now + pause, Event::Wake { worker, life });
                }
            }
            return;
        };
        // Nothing makes a worker renew in time: it may have been paused for minutes and not know it.
        if self.chance.odds(0.5) && !self.store.renew(&task.lease, self.now) {
            self.note(format!("w{worker} lost its lease"));
            self.think(worker);
            return;
        }
        match self.step(worker, &mut task) {
            Err(Crashed) => {}
            Ok(Next::Idle) => self.think(worker),
            Ok(Next::Think) => {
                self.workers[worker].task = Some(task);
                self.think(worker);
            }
            Ok(Next::Call) => self.workers[worker].task = Some(task),
        }
    }

    fn step(&mut self, worker: usize, task: &mut Task) -> Result<Next, Crashed> {
        let step = task.state.next(ts(self.now), &self.policy);
        self.note(format!("w{worker} message {}: {step:?}", task.message));
        match step {
            Step::RecordIntent { deadline } => {
                task.state.record_intent(deadline, &self.policy);
                self.point(worker, "before it records the intent")?;
                let kept = self.store.keep(&task.lease, task.job, &task.state);
                self.point(worker, "after it recorded the intent")?;
                if let Err(Fenced) = kept {
                    return Ok(self.fenced(worker));
                }
                task.state.on_intent_recorded();
                Ok(Next::Think)
            }
            Step::Create { deadline } => {
                self.point(worker, "before it creates")?;
                self.create(worker, task, deadline.as_millisecond());
                self.point(worker, "after it sent the create")?;
                Ok(Next::Call)
            }
            Step::Locate => self.call(worker, task, Request::Locate { asked_at: self.now }),
            Step::Remove { item } => self.call(worker, task, Request::Remove(item)),
            Step::Wait(until) => {
                self.point(worker, "before it puts the job off")?;
                let until = until.as_millisecond();
                let done = self.store.again(&task.lease, task.job, &task.state, until, task.back_off);
                self.after_last_commit(worker, task, done)
            }
            Step::Finish(outcome) => {
                self.point(worker, "before it finishes")?;
                let (lease, job, state) = (&task.lease, task.job, &task.state);
                let done = match outcome {
                    Outcome::Quarantined => {
                        let done = self.store.quarantine(lease, job, state);
                        if done.is_ok() {
                            let when = self.now + self.chance.between(1000, 400_000);
                            self.at(when, Event::Retry { job });
                        }
                        done
                    }
                    Outcome::Gone => {
                        self.broken = Some(format!("message {} is gone", task.message));
                        Ok(())
                    }
                    Outcome::Delivered(delivered) => {
                        let again = delivered.look_again.map(Timestamp::as_millisecond);
                        self.store.finish(lease, job, state, again)
                    }
                };
                self.after_last_commit(worker, task, done)
            }
        }
    }

    fn after_last_commit(
        &mut self,
        worker: usize,
        task: &Task,
        done: Result<(), Fenced>,
    ) -> Result<Next, Crashed> {
        self.point(worker, "after its last commit")?;
        if done.is_err() {
            return Ok(self.fenced(worker));
        }
        self.store.release(&task.lease);
        Ok(Next::Idle)
    }

    fn fenced(&mut self, worker: usize) -> Next {
        self.note(format!("w{worker} is fenced off"));
        Next::Idle
    }

    fn reply(&mut self, when: i64, worker: usize, task: &mut Task, answer: Answer) {
        let Caller { worker, life, call } = self.calling(worker, task);
        self.at(when, Event::Answer { worker, life, call, answer });
    }

    fn calling(&mut self, worker: usize, task: &mut Task) -> Caller {
        self.calls += 1;
        task.call = Some(self.calls);
        Caller { worker, life: self.workers[worker].life, call: self.calls }
    }

    /// A locate or removal: the server carries it out between request and answer.
    fn call(&mut self, worker: usize, task: &mut Task, request: Request) -> Result<Next, Crashed> {
        self.point(worker, "before it asks")?;
        let answered = self.now + self.chance.between(1, 3000);
        let faulty = self.now < self.chance.faulty_until;
        let answer = if faulty && self.chance.odds(0.1) {
            let class = if self.chance.odds(0.1) { Class::Permanent } else { Class::Transient };
            Answer::Failed(Failure { class, uncertain: true, back_off: None })
        } else {
            match request {
                Request::Locate { asked_at } => Answer::Located(self.mail.locate(task.message), asked_at),
                Request::Remove(item) => {
                    self.mail.remove(&item);
                    Answer::Removed(item)
                }
            }
        };
        self.reply(answered, worker, task, answer);
        self.point(worker, "after it asked")?;
        Ok(Next::Call)
    }

    fn create(&mut self, worker: usize, task: &mut Task, deadline: i64) {
        let settled = deadline + self.policy.late_effect_bound.as_millis() as i64;
        self.judge_create(task.message, deadline);
        let fault = self.chance.create_fault(self.now);
        let refused = fault.refusal().is_some();
        self.mail.sent.entry(task.message).or_default().push(Sent { at: self.now, settled, refused });
        self.note(format!("w{worker} creates message {}: {fault:?}", task.message));
        let soon = self.now + self.chance.between(1, 3000);
        let late = self.chance.late(self.now + 1, settled);
        let message = task.message;
        let certain = |class| Failure { class, uncertain: false, back_off: None };
        match fault {
            CreateFault::None | CreateFault::DoubledAnswered => {
                if fault == CreateFault::DoubledAnswered {
                    self.at(late, Event::Effect { message, answer: None });
                }
                let answer = Some(self.calling(worker, task));
                return self.at(soon, Event::Effect { message, answer });
            }
            CreateFault::Throttled => {
                let back_off = Some(SignedDuration::from_millis(self.chance.between(1, 200_000)));
                let failure = Failure { back_off, ..certain(Class::Transient) };
                return self.reply(soon, worker, task, Answer::Failed(failure));
            }
            CreateFault::Forbidden => {
                return self.reply(soon, worker, task, Answer::Failed(certain(Class::Operator)));
            }
            CreateFault::Rejected => {
                return self.reply(soon, worker, task, Answer::Failed(certain(Class::Permanent)));
            }
            _ => {}
        }
        self.mail.uncertain += 1;
        match fault {
            CreateFault::LostAnswer => self.at(soon, Event::Effect { message, answer: None }),
            CreateFault::Late => {
                let when = self.chance.late(deadline, settled);
                self.at(when, Event::Effect { message, answer: None });
            }
            CreateFault::ResetThenApplied | CreateFault::UncertainError => {
                self.at(late, Event::Effect { message, answer: None });
            }
            CreateFault::Doubled => {
                self.at(soon, Event::Effect { message, answer: None });
                self.at(late, Event::Effect { message, answer: None });
            }
            _ => {}
        }
        let (when, class) = match fault {
            CreateFault::ResetThenApplied => (soon, Class::Transient),
            CreateFault::UncertainError => (soon, Class::Permanent),
            _ => (deadline, Class::Transient),
        };
        let failure = Failure { class, uncertain: true, back_off: None };
        self.reply(when, worker, task, Answer::Failed(failure));
    }

    /// The oracle at the moment that matters most.
    fn judge_create(&mut self, message: usize, deadline: i64) {
        let now = self.now;
        let earlier = self.mail.sent.get(&message).map(Vec::as_slice).unwrap_or_default();
        let broken = if now >= deadline {
            Some("a create after its deadline".to_owned())
        } else if let Some(open) = earlier.iter().find(|sent| !sent.refused && now < sent.settled) {
            Some(format!("a create inside the window of the one sent at {}, until {}", open.at, open.settled))
        } else if !self.mail.locate(message).is_empty() {
            Some("a create although the item is there".to_owned())
        } else if now < self.store.backing_off[message] {
            Some(format!("a create before the back-off ends at {}", self.store.backing_off[message]))
        } else {
            None
        };
        if let Some(broken) = broken {
            self.broken = Some(format!("message {message}: {broken}"));
        }
    }

    fn answered(&mut self, worker: usize, call: u64, answer: Answer) {
        let random = self.chance.rng.next_u64();
        let (now, policy) = (ts(self.now), &self.policy);
        let Some(task) = self.workers[worker].task.as_mut().filter(|task| task.call == Some(call)) else {
            return;
        };
        task.call = None;
        match answer {
            Answer::Created(item) => task.state.on_created(item, policy),
            Answer::Located(items, asked_at) => task.state.on_located(items, ts(asked_at)),
            Answer::Removed(item) => task.state.on_removed(&item),
            Answer::Failed(failure) => {
                if let Some(back_off) = failure.back_off {
                    task.back_off = self.now + back_off.as_millis() as i64;
                }
                task.state.on_failed(failure, now, random, policy);
            }
        }
        self.think(worker);
    }
}

enum Next {
    /// Nothing in hand.
    Idle,
    /// Go on in a moment.
    Think,
    /// An answer will wake it.
    Call,
}
