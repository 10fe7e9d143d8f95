//! A process of a fleet, seen from the test and from inside.
//!
//! The test asks in lines `NUMBER COMMAND ARGUMENTS` and is answered `NUMBER ANSWER`, in any order.
//! In between it is told `stopped HOLD` for each load that has read the source and is held.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use cache_aside::Coherence;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::PATIENCE;
use super::coherence::now;
use super::depot::{Depot, Instance, settings};
use crate::support::process::{Child, Parent};

pub(super) struct Member {
    child: Child,
    asked: u32,
    /// The number of the last hold.
    hold: u64,
    /// What came while something else was waited for.
    said: Vec<String>,
}

/// A question that is still to be answered.
#[must_use]
pub(super) struct Asked(u32);

impl Asked {
    /// The command that ends the call in the middle.
    pub(super) fn abort(&self) -> String {
        format!("abort {}", self.0)
    }
}

impl Member {
    pub(super) async fn join(url: &str, depot: &str, env: &[(&str, &str)]) -> Self {
        let mut all = vec![("URL", url), ("DEPOT", depot)];
        all.extend(env);
        let mut child = Child::spawn("member", &all).await;
        child.expect("ready").await;
        Self {
            child,
            asked: 0,
            hold: 0,
            said: Vec::new(),
        }
    }

    pub(super) fn ask(&mut self, command: &str) -> Asked {
        self.asked += 1;
        self.child.send(&format!("{} {command}", self.asked));
        Asked(self.asked)
    }

    pub(super) async fn answer(&mut self, asked: Asked) -> String {
        let number = format!("{} ", asked.0);
        let line = self.line(|line| line.starts_with(&number)).await;
        line[number.len()..].to_owned()
    }

    /// Asks and waits for the answer.
    pub(super) async fn tell(&mut self, command: &str) -> String {
        let asked = self.ask(command);
        self.answer(asked).await
    }

    /// From now on its loads stop after they have read.
    pub(super) async fn hold(&mut self) {
        let hold = self.tell("hold").await;
        self.hold = hold.parse().expect("a number");
    }

    pub(super) async fn let_go(&mut self) {
        self.tell("let_go").await;
    }

    /// Waits for a load that the last hold has stopped.
    pub(super) async fn loading(&mut self) {
        let stopped = format!("stopped {}", self.hold);
        self.line(|line| line == stopped).await;
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    async fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        if let Some(at) = self.said.iter().position(|line| wanted(line)) {
            return self.said.remove(at);
        }
        loop {
            let line = timeout(PATIENCE, self.child.receive()).await;
            let line = line.unwrap_or_else(|_| panic!("no answer; it said {:?}", self.said));
            if wanted(&line) {
                return line;
            }
            self.said.push(line);
        }
    }
}

/// The role of a process that has a cache and does with it what it is told.
pub(crate) async fn serve(mut parent: Parent) {
    let depot = Depot::at(parent.env("DEPOT"));
    let mut settings = settings(&parent.env("URL"));
    if let Ok(window) = std::env::var("WINDOW") {
        let window = Duration::from_millis(window.parse().expect("a number"));
        settings = settings.coherence(Coherence::Bounded(window));
        settings = settings.read_timeout(window).write_timeout(window);
    }
    let on = Instance::with(settings, &depot).await;
    let (says, mut said) = mpsc::unbounded_channel();
    let tells = (on.clone(), says.clone());
    tokio::spawn(async move {
        loop {
            let hold = tells.0.stop().await;
            let _ = tells.1.send(format!("stopped {hold}"));
        }
    });
    parent.send("ready");
    let mut running: HashMap<String, AbortHandle> = HashMap::new();
    loop {
        let line = tokio::select! {
            line = parent.receive() => line,
            Some(line) = said.recv() => {
                parent.send(&line);
                continue;
            }
        };
        let (number, command) = line.split_once(' ').expect("a number and a command");
        if let Some(number) = command.strip_prefix("abort ") {
            running.remove(number).expect("it was begun").abort();
        }
        let (on, says) = (on.clone(), says.clone());
        let (number, command) = (number.to_owned(), command.to_owned());
        let doing = number.clone();
        let task = tokio::spawn(async move {
            let answer = obey(&on, &command).await;
            let _ = says.send(format!("{doing} {answer}"));
        });
        running.insert(number, task.abort_handle());
    }
}

async fn obey(on: &Instance, command: &str) -> String {
    let words: Vec<_> = command.split(' ').collect();
    let number = |text: &str| text.parse::<u64>().expect("a number");
    match words[..] {
        ["hold"] => on.hold().to_string(),
        ["let_go"] => on.let_go().to_string(),
        ["abort", _] => "aborted".to_owned(),
        ["call", function, id] => on.call(function, number(id)).await,
        ["report", function, id] => {
            let (value, report) = on.report(function, number(id)).await;
            format!("{value} {:?}", report.outcome)
        }
        ["watch", function, id, version] => watch(on, function, number(id), number(version)).await,
        ["vouched", function, id] => on.vouched(function, number(id)).await,
        ["calls", count, function, id] => {
            let values = crowd(on, number(count), function, number(id)).await;
            Vec::from_iter(values).join(",")
        }
        ["invalidate", how, function, id] => match on.invalidate(how, function, number(id)).await {
            Ok(()) => "done".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        },
        ["end", how, function, id, settled] => {
            let mut invalidation = on.invalidation(how, function, number(id));
            if settled == "settled" {
                invalidation = invalidation.settled();
            }
            match invalidation.await {
                Ok(()) => now().to_string(),
                Err(error) => format!("{:?}", error.kind()),
            }
        }
        ["hits"] => on.cache.stats().total.hits.to_string(),
        ["misses"] => on.cache.stats().total.misses.to_string(),
        ["wall"] => {
            let wall = std::time::SystemTime::now();
            let since = wall
                .duration_since(std::time::UNIX_EPOCH)
                .expect("after 1970");
            since.as_secs().to_string()
        }
        _ => panic!("what is `{command}`?"),
    }
}

/// Calls without a pause until `version` is given: when the last call began that was given an older
/// one, and how many such calls there were.
async fn watch(on: &Instance, function: &str, id: u64, version: u64) -> String {
    let (mut last, mut calls) = (0, 0u64);
    loop {
        let began = now();
        let value = on.call(function, id).await;
        if value.parse::<u64>().expect("a version") >= version {
            return format!("{last} {calls}");
        }
        (last, calls) = (began, calls + 1);
        tokio::task::yield_now().await;
    }
}

/// Concurrent calls of one key: which answers there were.
async fn crowd(on: &Instance, count: u64, function: &str, id: u64) -> BTreeSet<String> {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let (on, function) = (on.clone(), function.to_owned());
        calls.spawn(async move { on.call(&function, id).await });
    }
    calls.join_all().await.into_iter().collect()
}
