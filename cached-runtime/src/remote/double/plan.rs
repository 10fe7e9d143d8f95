//! One request as the steps that the server takes for it, each of them in one go.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::data::{Data, Full};
use super::generator::Generator;
use crate::remote::Fault;

type Step<T> = Arc<dyn Fn(&mut Data, &mut T) -> Result<(), Full> + Send + Sync>;

/// What a request does. All its bytes are drawn: taking the steps again sends the same ones.
pub(super) struct Plan<T> {
    reply: T,
    steps: Vec<Step<T>>,
    /// Where steps begin that come after all before them.
    stages: Vec<usize>,
}

impl<T> Plan<T> {
    /// `reply` is filled in by the steps.
    pub(super) fn new(reply: T) -> Self {
        Self {
            reply,
            steps: Vec::new(),
            stages: Vec::new(),
        }
    }

    pub(super) fn step(
        &mut self,
        step: impl Fn(&mut Data, &mut T) -> Result<(), Full> + Send + Sync + 'static,
    ) {
        self.steps.push(Arc::new(step));
    }

    /// What follows is done after what was added until now.
    pub(super) fn then(&mut self) {
        self.stages.push(self.steps.len());
    }

    /// Within a stage no order is promised.
    pub(super) fn scatter(&mut self, generator: &mut Generator) {
        let mut from = 0;
        for &to in self.stages.iter().chain([&self.steps.len()]) {
            generator.shuffle(&mut self.steps[from..to]);
            from = to;
        }
    }
}

/// A request on its way, whatever it asks for.
pub(super) trait Run: Send {
    /// Takes the next step, if there is one, and says whether another one is left.
    fn step(&mut self, data: &mut Data) -> bool;

    /// Ends it, with the reply or with a fault.
    fn end(&mut self, fault: Option<Fault>);

    /// Whoever waits for the reply, without the rest.
    fn caller(&mut self) -> Box<dyn Run>;

    /// The same bytes once more, with nobody who waits for the reply.
    fn copy(&self) -> Box<dyn Run>;
}

impl fmt::Debug for dyn Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Run")
    }
}

struct Running<T> {
    blank: T,
    reply: T,
    steps: Vec<Step<T>>,
    next: usize,
    refused: bool,
    caller: Option<oneshot::Sender<Result<T, Fault>>>,
}

/// A request, and where its reply will be.
pub(super) fn start<T: Clone + Send + 'static>(
    plan: Plan<T>,
) -> (Box<dyn Run>, oneshot::Receiver<Result<T, Fault>>) {
    let (caller, reply) = oneshot::channel();
    let running = Running {
        blank: plan.reply.clone(),
        reply: plan.reply,
        steps: plan.steps,
        next: 0,
        refused: false,
        caller: Some(caller),
    };
    (Box::new(running), reply)
}

impl<T: Clone + Send + 'static> Run for Running<T> {
    fn step(&mut self, data: &mut Data) -> bool {
        if let Some(step) = self.steps.get(self.next) {
            self.next += 1;
            self.refused |= step(data, &mut self.reply).is_err();
        }
        self.next < self.steps.len()
    }

    fn end(&mut self, fault: Option<Fault>) {
        let Some(caller) = self.caller.take() else {
            return;
        };
        let refused = || Fault::Refused("out of memory".to_owned());
        let reply = match fault.or_else(|| self.refused.then(refused)) {
            Some(fault) => Err(fault),
            None => Ok(self.reply.clone()),
        };
        // Whoever asked may have gone.
        let _ = caller.send(reply);
    }

    fn caller(&mut self) -> Box<dyn Run> {
        Box::new(Self {
            blank: self.blank.clone(),
            reply: self.blank.clone(),
            steps: Vec::new(),
            next: 0,
            refused: false,
            caller: self.caller.take(),
        })
    }

    fn copy(&self) -> Box<dyn Run> {
        Box::new(Self {
            blank: self.blank.clone(),
            reply: self.blank.clone(),
            steps: self.steps.clone(),
            next: 0,
            refused: false,
            caller: None,
        })
    }
}
