//! A store: jobs in streams, leases with fencing tokens, atomic commits. States are kept as the text that a crash
//! leaves behind.

use tieline_delivery::DeliveryState;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) stream: usize,
    pub(crate) token: u64,
    owner: (usize, u64),
    expires: i64,
}

#[derive(Debug)]
pub(crate) struct Fenced;

pub(crate) struct Job {
    pub(crate) message: usize,
    stream: usize,
    state: String,
    not_before: i64,
    open: bool,
    pub(crate) quarantined: bool,
}

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) jobs: Vec<Job>,
    leases: Vec<Option<Lease>>,
    tokens: u64,
    /// What is known to be delivered, by message.
    pub(crate) delivered: Vec<bool>,
    /// The latest back-off that was made durable, by message.
    pub(crate) backing_off: Vec<i64>,
    pub(crate) takeovers: u64,
}

const TTL: i64 = 30_000;

impl Store {
    /// Messages go to two mailboxes in turn; each mailbox has a stream for deliveries and one for second looks.
    pub(crate) fn new(messages: usize) -> Self {
        let mut store = Self {
            leases: vec![None; 4],
            delivered: vec![false; messages],
            backing_off: vec![0; messages],
            ..Self::default()
        };
        for message in 0..messages {
            store.push(message, message % 2, &DeliveryState::new(), 0);
        }
        store
    }

    fn push(&mut self, message: usize, stream: usize, state: &DeliveryState, not_before: i64) {
        let state = serde_json::to_string(state).unwrap();
        self.jobs.push(Job { message, stream, state, not_before, open: true, quarantined: false });
    }

    pub(crate) fn is_done(&self) -> bool {
        self.jobs.iter().all(|job| !job.open && !job.quarantined)
    }

    /// The due head of a stream that nobody holds.
    pub(crate) fn claim(&mut self, owner: (usize, u64), now: i64) -> Option<(Lease, usize, DeliveryState)> {
        let free = |lease: &Option<Lease>| lease.is_none_or(|lease| lease.expires <= now);
        let job = (0..self.leases.len()).find_map(|stream| {
            let head = self.jobs.iter().position(|job| job.stream == stream && job.open)?;
            (free(&self.leases[stream]) && self.jobs[head].not_before <= now).then_some(head)
        })?;
        let stream = self.jobs[job].stream;
        self.takeovers += u64::from(self.leases[stream].is_some());
        self.tokens += 1;
        let lease = Lease { stream, token: self.tokens, owner, expires: now + TTL };
        self.leases[stream] = Some(lease);
        Some((lease, job, serde_json::from_str(&self.jobs[job].state).unwrap()))
    }

    fn holds(&self, lease: &Lease) -> bool {
        self.leases[lease.stream].is_some_and(|held| held.token == lease.token)
    }

    pub(crate) fn renew(&mut self, lease: &Lease, now: i64) -> bool {
        let holds = self.holds(lease);
        if holds {
            self.leases[lease.stream].as_mut().unwrap().expires = now + TTL;
        }
        holds
    }

    pub(crate) fn release(&mut self, lease: &Lease) {
        if self.holds(lease) {
            self.leases[lease.stream] = None;
        }
    }

    /// Where one process owns the file, what an earlier one held is free.
    pub(crate) fn break_leases_of(&mut self, worker: usize) {
        for lease in &mut self.leases {
            if lease.is_some_and(|lease| lease.owner.0 == worker) {
                *lease = None;
            }
        }
    }

    fn guard(&self, lease: &Lease) -> Result<(), Fenced> {
        if self.holds(lease) { Ok(()) } else { Err(Fenced) }
    }

    pub(crate) fn keep(&mut self, lease: &Lease, job: usize, state: &DeliveryState) -> Result<(), Fenced> {
        self.guard(lease)?;
        self.jobs[job].state = serde_json::to_string(state).unwrap();
        Ok(())
    }

    pub(crate) fn again(
        &mut self,
        lease: &Lease,
        job: usize,
        state: &DeliveryState,
        until: i64,
        back_off: i64,
    ) -> Result<(), Fenced> {
        self.keep(lease, job, state)?;
        self.jobs[job].not_before = until;
        let message = self.jobs[job].message;
        self.backing_off[message] = self.backing_off[message].max(back_off);
        Ok(())
    }

    pub(crate) fn finish(
        &mut self,
        lease: &Lease,
        job: usize,
        state: &DeliveryState,
        look_again: Option<i64>,
    ) -> Result<(), Fenced> {
        self.keep(lease, job, state)?;
        let (message, stream) = (self.jobs[job].message, self.jobs[job].stream);
        self.jobs[job].open = false;
        self.delivered[message] = true;
        if let Some(at) = look_again {
            let settled = jiff::Timestamp::from_millisecond(at).unwrap();
            self.push(message, 2 + stream % 2, &DeliveryState::confirming(settled), at);
        }
        Ok(())
    }

    pub(crate) fn quarantine(
        &mut self,
        lease: &Lease,
        job: usize,
        state: &DeliveryState,
    ) -> Result<(), Fenced> {
        self.keep(lease, job, state)?;
        (self.jobs[job].open, self.jobs[job].quarantined) = (false, true);
        Ok(())
    }

    /// An administrator's retry button.
    pub(crate) fn retry(&mut self, job: usize, now: i64) {
        let mut state: DeliveryState = serde_json::from_str(&self.jobs[job].state).unwrap();
        state.retry();
        let job = &mut self.jobs[job];
        job.state = serde_json::to_string(&state).unwrap();
        (job.open, job.quarantined, job.not_before) = (true, false, now);
    }
}
