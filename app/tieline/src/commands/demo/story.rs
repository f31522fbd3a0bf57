//! How the tour is told: a heading for each job, one line for each step, measured.

use std::time::Instant;

use serde_json::{Value, json};
use tieline_model::Refusal;

use crate::output::Output;

/// What a step found out: a sentence for people, figures for programs.
pub(super) struct Told {
    pub(super) sentence: String,
    pub(super) detail: Value,
}

impl Told {
    pub(super) fn new(sentence: impl Into<String>, detail: Value) -> Self {
        Self { sentence: sentence.into(), detail }
    }
}

/// The tour so far.
pub(super) struct Story {
    out: Output,
    job: String,
    broken: Option<Refusal>,
}

/// The column that milliseconds end in.
const WIDTH: usize = 92;

impl Story {
    pub(super) const fn new(out: Output) -> Self {
        Self { out, job: String::new(), broken: None }
    }

    pub(super) const fn out(&self) -> Output {
        self.out
    }

    pub(super) fn heading(&mut self, job: &str, about: &str) {
        self.job = job.to_lowercase().replace(' ', "-");
        if !self.out.json() {
            self.out.line(&format!("\n{}  {}", self.out.heading(job), self.out.quiet(about)));
        }
    }

    /// Carries a step out and tells it with its time. A step that fails ends the tour.
    pub(super) async fn step<T>(
        &mut self,
        name: &str,
        work: impl Future<Output = Result<(T, Told), Refusal>>,
    ) -> Result<T, Refusal> {
        let begun = Instant::now();
        let done = work.await;
        let ms = begun.elapsed().as_millis() as u64;
        match done {
            Ok((value, told)) => {
                self.tell(name, true, ms, &told);
                Ok(value)
            }
            Err(refusal) => {
                let told = Told::new(refusal.to_string(), json!({ "refusal": refusal }));
                self.tell(name, false, ms, &told);
                self.broken = Some(refusal.clone());
                Err(refusal)
            }
        }
    }

    fn tell(&self, name: &str, ok: bool, ms: u64, told: &Told) {
        if self.out.json() {
            let detail = &told.detail;
            self.out.line(
                &json!({"job": self.job, "step": name, "ok": ok, "ms": ms, "detail": detail}).to_string(),
            );
            return;
        }
        let gap = WIDTH.saturating_sub(told.sentence.chars().count());
        let time = self.out.quiet(&format!("{:>gap$}", format!("{ms} ms"), gap = gap.max(8)));
        self.out.line(&format!("  {} {}{time}", self.out.mark(ok), told.sentence));
    }

    /// Whether every step held.
    pub(super) fn outcome(self) -> Result<(), Refusal> {
        self.broken.map_or(Ok(()), Err)
    }
}
