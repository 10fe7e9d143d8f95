//! A call from its first wait to its landing, whatever the types of its function: it begins with an
//! answer or with a body, stands around the body while that runs, and lands what it returned.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::background::{Limit, NotSpawned, Permit};
use crate::flight::Leader;
use crate::limiter::{Place, Polled};
use crate::mode::{Outcome, Report};
use crate::nesting::{Inside, Load};
use crate::observe::Event;
use crate::outcome::{Codec, Kind};
use crate::pause::{Point, Stop};
use crate::remote::Fault;

use super::Call;
use super::ask::{Ask, Further};
use super::fallback::RestsInPanic;
use super::found::{Open, Waited};
use super::given::{AtOnce, Given, Stored};
use super::loading::Loading;
use super::look::Errand;
use super::venture::{Meeting, Wished};

/// A call that is under way.
pub(super) struct Attempt {
    pub(super) call: Call,
    stage: Stage,
    /// Once the body may run.
    running: Option<Box<Running>>,
}

/// How far it has come before it begins.
enum Stage {
    /// It has looked in this process.
    Looked,
    /// It asks the shared tier.
    Asks(Ask),
    /// It was answered, and not by all it has to know.
    Further(Box<Further>),
    /// It was told what there is.
    Told,
    /// It was told the answer, if that can be read.
    Stored(Stored),
    /// It has looked, and waited for a load that it found.
    Waited(Waited),
    /// It is its turn to load, as the leader or by itself.
    Leads(Option<Leader>),
}

/// What stands around a body.
struct Running {
    /// Before the load, which tells those who wait that it panicked: then the answer rests already.
    _panics: Option<RestsInPanic>,
    /// `None`: the cache is left alone.
    loading: Option<Loading>,
    /// What it loads, for the calls in it.
    load: Option<Load>,
    stop: Option<Stop>,
    time: Option<Duration>,
    limit: Limit,
}

/// Held while a body is polled.
pub(super) struct Entered {
    _place: Polled,
    _load: Option<Inside>,
}

/// What a call comes to whose body can outlive it.
pub(super) enum Begun {
    /// What is given, or a body that is to be run in this call.
    Here(Option<AtOnce>),
    /// Something is given, and another call is to refresh it behind this one.
    Behind(Permit, Box<Attempt>, Given),
    /// There is an older answer, so the load is waited for no longer than the soft time-out.
    Softly,
}

/// On the heap as something of one type: what waits for it is compiled for each function.
pub(super) type Later<'a, B> = Pin<Box<dyn Future<Output = B> + Send + 'a>>;

impl Begun {
    fn given(given: Given) -> Self {
        Self::Here(Some(AtOnce::Given(given)))
    }
}

impl Attempt {
    pub(super) fn new(call: Call) -> Self {
        Self {
            call,
            stage: Stage::Looked,
            running: None,
        }
    }

    pub(super) fn having_waited(call: Call, waited: Waited) -> Self {
        Self {
            call,
            stage: Stage::Waited(waited),
            running: None,
        }
    }

    fn leading(call: Call, leader: Option<Leader>) -> Self {
        Self {
            call,
            stage: Stage::Leads(leader),
            running: None,
        }
    }

    /// The load of a call that is to go on without it.
    pub(super) fn apart(&mut self) -> Self {
        let stage = std::mem::replace(&mut self.stage, Stage::Looked);
        Self {
            call: self.call.clone(),
            stage,
            running: None,
        }
    }

    /// Whether the body may run.
    pub(super) fn has_begun(&self) -> bool {
        self.running.is_some()
    }

    /// Asks the shared tier, where one question mostly tells all. Whether that is the answer; if not,
    /// nothing is lost of what was told.
    async fn ask(&mut self, codec: &Kind) -> bool {
        let Self { call, stage, .. } = self;
        if matches!(stage, Stage::Looked)
            && let Some(ask) = call.question(codec)
        {
            *stage = Stage::Asks(ask);
        }
        let Stage::Asks(ask) = stage else {
            return false;
        };
        let mut reading = match ask.send() {
            Some(reply) => reply.await,
            None => Err(Fault::Unavailable("something is owed to it".to_owned())),
        };
        ask.complete(&mut reading);
        if let Some(stored) = ask.stored(call, codec, &mut reading) {
            call.subject.stats.looked(true);
            *stage = Stage::Stored(stored);
            return true;
        }
        if let Stage::Asks(ask) = std::mem::replace(stage, Stage::Looked) {
            *stage = match call.hears(codec, ask, reading) {
                (Meeting::Stored(stored), _) => Stage::Stored(stored),
                (_, Some(further)) => Stage::Further(further),
                (_, None) => Stage::Told,
            };
        }
        matches!(stage, Stage::Stored(_))
    }

    /// What is given, unless the body is to run. Asks first, on no memory but its own.
    pub(super) async fn look(&mut self, codec: &Kind) -> Option<AtOnce> {
        if self.ask(codec).await {
            return Some(AtOnce::Stored);
        }
        self.begin(codec).await
    }

    /// The same where the body can outlive the call.
    pub(super) async fn look_owned(&mut self, codec: &Kind) -> Begun {
        if self.ask(codec).await {
            return Begun::Here(Some(AtOnce::Stored));
        }
        self.begin_owned(codec).await
    }

    async fn meet(&mut self, stage: Stage, codec: &Kind) -> Meeting {
        match stage {
            Stage::Told => Meeting::Told,
            Stage::Further(further) => self.call.asks_further(codec, *further).await,
            _ => self.call.meet(codec).await,
        }
    }

    fn take_stage(&mut self) -> Stage {
        std::mem::replace(&mut self.stage, Stage::Looked)
    }

    fn begin<'a>(&'a mut self, codec: &'a Kind) -> Later<'a, Option<AtOnce>> {
        Box::pin(async move {
            let given = match self.take_stage() {
                Stage::Leads(leader) => Box::pin(self.prepare(leader, None, codec)).await,
                Stage::Waited(waited) => {
                    let turn = Box::pin(self.call.wait_for_turn(codec, Some(waited))).await;
                    match turn {
                        Ok(given) => Some(given),
                        Err(leader) => Box::pin(self.prepare(leader, None, codec)).await,
                    }
                }
                // On the heap, what follows: who waits for the store carries nothing of it.
                stage => match self.meet(stage, codec).await {
                    Meeting::Stored(stored) => {
                        self.stage = Stage::Stored(stored);
                        return Some(AtOnce::Stored);
                    }
                    Meeting::Told => {
                        let open = self.call.open();
                        Box::pin(self.go_on(open, codec)).await
                    }
                    Meeting::Asked(leader, wished) => {
                        Box::pin(self.prepare(Some(leader), Some(wished), codec)).await
                    }
                },
            };
            given.map(AtOnce::Given)
        })
    }

    fn begin_owned<'a>(&'a mut self, codec: &'a Kind) -> Later<'a, Begun> {
        Box::pin(async move {
            let stage = self.take_stage();
            match self.meet(stage, codec).await {
                Meeting::Stored(stored) => {
                    self.stage = Stage::Stored(stored);
                    return Begun::Here(Some(AtOnce::Stored));
                }
                Meeting::Told => {}
                Meeting::Asked(leader, wished) => {
                    let given = Box::pin(self.prepare(Some(leader), Some(wished), codec)).await;
                    return Begun::Here(given.map(AtOnce::Given));
                }
            }
            match self.call.open() {
                Open::Behind(found) if !self.call.mode.in_front => {
                    match self.call.background_permit() {
                        Ok(permit) => match self.call.lead_only(codec) {
                            Some(leader) => {
                                let behind = Self::leading(self.call.behind(), Some(leader));
                                Begun::Behind(permit, Box::new(behind), self.call.answer(&found))
                            }
                            None => Begun::given(self.call.answer(&found)),
                        },
                        Err(NotSpawned::Full) => {
                            self.call.gives_back(&found);
                            Begun::given(self.call.answer(&found))
                        }
                        Err(NotSpawned::NoRuntime) => {
                            let given = Box::pin(self.go_on(Open::Behind(found), codec)).await;
                            Begun::Here(given.map(AtOnce::Given))
                        }
                    }
                }
                Open::Load if self.call.may_answer_softly() => {
                    match Box::pin(self.call.wait_for_turn(codec, None)).await {
                        Ok(given) => Begun::given(given),
                        Err(leader) => {
                            self.stage = Stage::Leads(leader);
                            Begun::Softly
                        }
                    }
                }
                open => {
                    let given = Box::pin(self.go_on(open, codec)).await;
                    Begun::Here(given.map(AtOnce::Given))
                }
            }
        })
    }

    /// With nothing running behind the call: who refreshes does so before it answers.
    async fn go_on(&mut self, open: Open, codec: &Kind) -> Option<Given> {
        let call = &mut self.call;
        let leader = match open {
            Open::Answer(found) => return Some(call.answer(&found)),
            Open::Alone => {
                call.count(Event::Bypassed);
                let bypassed = || Report::loaded(Outcome::Bypassed);
                call.mode.report.report(bypassed);
                self.running = Some(Box::new(Running::alone()));
                return None;
            }
            Open::Behind(found) | Open::Early(found) => match call.lead_only(codec) {
                Some(leader) => {
                    call.errand = Errand::Refresh;
                    Some(leader)
                }
                None => return Some(call.answer(&found)),
            },
            Open::Unshared => None,
            Open::Load => match call.wait_for_turn(codec, None).await {
                Ok(given) => return Some(given),
                Err(leader) => leader,
            },
        };
        self.prepare(leader, None, codec).await
    }

    /// The answer that is given. `None`: what the store has cannot be read, so this begins again.
    pub(super) fn answer<R, T, E>(&mut self, given: AtOnce, codec: &Codec<R, T, E>) -> Option<R> {
        if let AtOnce::Given(given) = given {
            return Some(given.into_answer(codec));
        }
        let Stage::Stored(stored) = &self.stage else {
            return None;
        };
        let answer = stored.answer(codec);
        self.call.was_given(stored, answer.is_some());
        self.stage = Stage::Looked;
        answer
    }

    async fn prepare(
        &mut self,
        leader: Option<Leader>,
        wished: Option<Wished>,
        codec: &Kind,
    ) -> Option<Given> {
        match self.call.prepare(codec, leader, wished).await {
            Ok(loading) => {
                self.running = Some(Box::new(Running::new(&self.call, loading)));
                None
            }
            Err(given) => Some(given),
        }
    }

    /// Ready when the body may be polled, while what this returns is held.
    pub(super) fn enter(&mut self, context: &mut Context<'_>) -> Poll<Entered> {
        let Some(running) = &mut self.running else {
            return Poll::Ready(Entered {
                _place: Polled::apart(),
                _load: None,
            });
        };
        if let Some(stop) = &mut running.stop {
            ready!(stop.as_mut().poll(context));
            running.stop = None;
        }
        let loading = running.loading.as_ref();
        Poll::Ready(Entered {
            _place: loading.map_or_else(Polled::apart, |loading| loading.place.poll()),
            _load: running.load.as_ref().map(Load::poll),
        })
    }

    /// What is given in place of a body that is over its limit. Without anything to give it goes on.
    pub(super) fn cut(&mut self, codec: &Kind, context: &mut Context<'_>) -> Poll<Given> {
        let Some(running) = &mut self.running else {
            return Poll::Pending;
        };
        ready!(running.limit.poll(context));
        match running
            .time
            .and_then(|limit| self.call.instead(codec, limit))
        {
            Some(given) => Poll::Ready(given),
            None => Poll::Pending,
        }
    }

    /// The body has ended; the load that it was, unless the cache is left alone.
    pub(super) fn leave(&mut self) -> Option<Loading> {
        let mut loading = self.running.as_mut()?.loading.take()?;
        loading.place = Place::none();
        Some(loading)
    }
}

impl Running {
    fn new(call: &Call, loading: Loading) -> Self {
        let time = call.subject.policy.options.load_timeout;
        Self {
            _panics: call.rest_if_it_panics(),
            loading: Some(loading),
            load: Some(Load::of(&call.cache, &call.subject.key)),
            stop: call.cache.stop(Point::Loading, &call.subject.key),
            time,
            limit: Limit::of(time),
        }
    }

    fn alone() -> Self {
        Self {
            _panics: None,
            loading: None,
            load: None,
            stop: None,
            time: None,
            limit: Limit::of(None),
        }
    }
}
