//! Lamps that remember what they were told.

use std::collections::BTreeSet;
use std::sync::Mutex;

use tieline_model::{LightState, MessageCounts, Refusal, TraceId};
use tieline_ports::{Lamp, LampTarget, PortError, PortFuture, Signalling};

#[derive(Default)]
pub(crate) struct Lamps(Mutex<Told>);

#[derive(Default)]
struct Told {
    lamps: Vec<(String, u32, u32)>,
    subscribers: Vec<LightState>,
    traces: BTreeSet<TraceId>,
    deaf: BTreeSet<String>,
}

impl Lamps {
    /// What a target was told, as `(new, old)`.
    pub(crate) fn told(&self, target: &str) -> Vec<(u32, u32)> {
        let told = self.0.lock().unwrap();
        told.lamps.iter().filter(|(to, ..)| to == target).map(|(_, new, old)| (*new, *old)).collect()
    }

    pub(crate) fn subscribers(&self) -> Vec<LightState> {
        self.0.lock().unwrap().subscribers.clone()
    }

    pub(crate) fn saw(&self, trace: TraceId) -> bool {
        self.0.lock().unwrap().traces.contains(&trace)
    }

    /// A target that does not answer, or does again.
    pub(crate) fn deaf(&self, target: &str, deaf: bool) {
        let mut told = self.0.lock().unwrap();
        if deaf {
            told.deaf.insert(target.to_owned());
        } else {
            told.deaf.remove(target);
        }
    }
}

impl Signalling for Lamps {
    fn show<'a>(&'a self, lamp: &'a Lamp) -> PortFuture<'a, ()> {
        let mut told = self.0.lock().unwrap();
        let target = match &lamp.target {
            LampTarget::Notify { uri } => uri.clone(),
            LampTarget::Publish { uri } => format!("publish:{uri}"),
        };
        if told.deaf.contains(&target) {
            let refusal = Refusal::transient("no-answer", "the telephone does not answer", "nothing");
            return Box::pin(std::future::ready(Err(PortError::uncertain(refusal))));
        }
        told.lamps.push((target, lamp.voice.new, lamp.voice.old));
        told.traces.insert(lamp.trace);
        Box::pin(std::future::ready(Ok(())))
    }

    fn changed<'a>(
        &'a self,
        _account: &'a str,
        light: LightState,
        _fax: MessageCounts,
        _text: MessageCounts,
        _trace: TraceId,
    ) -> PortFuture<'a, ()> {
        self.0.lock().unwrap().subscribers.push(light);
        Box::pin(std::future::ready(Ok(())))
    }
}
