//! The part of a call that knows the types of its function. It is compiled for each function anew,
//! in the program that has it, so it is no more than what needs them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::background::unless_late;
use crate::cache::Cache;
use crate::key::Ident;
use crate::mode::Mode;
use crate::outcome::{Answer, Codec};
use crate::policy::{AnyPolicy, Policy};
use crate::site::Site;

use super::Call;
use super::attempt::{Attempt, Begun};
use super::given::Given;
use super::loading::Loading;
use super::passenger::Passenger;

/// A call that was not answered at the first look.
pub struct Miss<R, T, E> {
    pub(super) caller: Caller,
    policy: fn(Policy<T>) -> AnyPolicy,
    types: PhantomData<fn() -> (R, E)>,
}

/// How it goes on.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the one that mostly comes, and is taken apart at once"
)]
pub(super) enum Caller {
    /// By itself.
    Calls(Call),
    /// With the load of another caller.
    Joins(Passenger),
}

type Body<F> = Pin<Box<F>>;

impl<R, T, E> Miss<R, T, E> {
    #[cold]
    pub(crate) fn new<I: Ident>(
        cache: &Cache,
        key: &I,
        mode: Option<Mode>,
        function: Option<&'static Site>,
        codec: &Codec<R, T, E>,
    ) -> Self {
        let call = match key.encode() {
            Ok(raw) => Call::new(cache, raw, mode, function, &codec.kind),
            Err(_) => Call::unkeyable(cache, key.prefix(), mode),
        };
        Self::of(Caller::Calls(call), codec)
    }

    #[cold]
    pub(super) fn joined(passenger: Passenger, codec: &Codec<R, T, E>) -> Self {
        Self::of(Caller::Joins(passenger), codec)
    }

    /// A call that can have no key loads every time.
    #[cold]
    pub(crate) fn uncacheable(
        cache: &Cache,
        prefix: &str,
        mode: Option<Mode>,
        codec: &Codec<R, T, E>,
    ) -> Self {
        let call = Call::uncacheable(cache, prefix, mode);
        Self::of(Caller::Calls(call), codec)
    }

    fn of(caller: Caller, codec: &Codec<R, T, E>) -> Self {
        Self {
            caller,
            policy: codec.policy,
            types: PhantomData,
        }
    }

    /// Gives the call its options. Evaluated only now: a plain hit needs none of them.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn rules(self, policy: impl Into<Policy<T>>) -> Self {
        self.rules_with(|| policy)
    }

    /// The same, where whoever joins a load needs none of its own.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn rules_with<P: Into<Policy<T>>>(mut self, policy: impl FnOnce() -> P) -> Self {
        if let Caller::Calls(call) = &mut self.caller {
            call.set_policy((self.policy)(policy().into()));
        }
        self
    }

    /// Answers by what was found, by another caller's load, or by `body`. The body may borrow: it
    /// runs inside this call and nowhere else.
    ///
    /// What goes on after a look stands on the heap: the function's own future stays small, which a
    /// hit, too, has to carry.
    pub fn run<F>(self, codec: Codec<R, T, E>, body: F) -> impl Future<Output = R>
    where
        F: Future<Output = R>,
    {
        match self.caller {
            Caller::Calls(call) => {
                let make = || Box::pin(body);
                Going::Calls(Box::pin(attend(Attempt::new(call), codec, make)))
            }
            Caller::Joins(passenger) => Going::Joins(Box::pin(ride(passenger, codec, body))),
        }
    }

    /// The same for a body that can outlive the call: `make` gives one that borrows nothing. It may
    /// be called before the load begins, so it must not read what is loaded: its future does.
    pub fn run_owned<M, F>(self, codec: Codec<R, T, E>, make: M) -> impl Future<Output = R>
    where
        M: FnOnce() -> F,
        F: Future<Output = R> + Send + 'static,
        R: Send + 'static,
        T: Send + Sync + 'static,
        E: 'static,
    {
        let make = || Box::pin(make());
        Box::pin(async move {
            let mut attempt = match self.caller {
                Caller::Calls(call) => Attempt::new(call),
                Caller::Joins(passenger) => match passenger.wait(&codec.kind).await {
                    Ok(entry) => return codec.open(&entry),
                    Err(attempt) => return Box::pin(attend(attempt, codec, make)).await,
                },
            };
            match attempt.begin_owned(&codec.kind).await {
                Begun::Here(given) => {
                    let given = given.and_then(|given| attempt.answer(given, &codec));
                    match given {
                        Some(answer) => answer,
                        None => Box::pin(attend(attempt, codec, make)).await,
                    }
                }
                Begun::Behind(permit, behind, given) => {
                    let body = make();
                    permit.spawn(async move {
                        attend(*behind, codec, || body).await;
                    });
                    given.into_answer(&codec)
                }
                Begun::Softly => {
                    let body = make();
                    Box::pin(load_softly(attempt, codec, body)).await
                }
            }
        })
    }
}

/// A call that goes on, in one way or the other.
enum Going<A, B> {
    Calls(Pin<Box<A>>),
    Joins(Pin<Box<B>>),
}

impl<R, A: Future<Output = R>, B: Future<Output = R>> Future for Going<A, B> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        match self.get_mut() {
            Self::Calls(call) => call.as_mut().poll(context),
            Self::Joins(joined) => joined.as_mut().poll(context),
        }
    }
}

/// Answers, or runs the body and lands what it returns.
#[expect(
    clippy::manual_async_fn,
    reason = "the arguments of an async function stand in its future twice"
)]
fn attend<R, T, E, M, F>(
    mut attempt: Attempt,
    codec: Codec<R, T, E>,
    make: M,
) -> impl Future<Output = R>
where
    M: FnOnce() -> Body<F>,
    F: Future<Output = R>,
{
    async move {
        while !attempt.has_begun()
            && let Some(given) = attempt.begin(&codec.kind).await
        {
            if let Some(answer) = attempt.answer(given, &codec) {
                return answer;
            }
        }
        let outcome = {
            let mut body = make();
            poll_fn(|context| {
                if let Poll::Ready(_polled) = attempt.enter(context)
                    && let Poll::Ready(outcome) = body.as_mut().poll(context)
                {
                    return Poll::Ready(Ok(outcome));
                }
                attempt.cut(&codec.kind, context).map(Err)
            })
            .await
        };
        // Taken apart before the store is waited for, not around that: an answer may not be `Send`.
        let (loading, value) = match arrive(&mut attempt, &codec, outcome) {
            Ok(arrived) => arrived,
            Err(answer) => return answer,
        };
        let stored = value.as_ref().map(codec.value);
        if let Some(landing) = attempt.call.land(&codec.kind, loading, stored) {
            landing.await;
        }
        codec.shape.put_back(value)
    }
}

/// Gives what another caller loads; or goes on by what has become of that.
#[expect(
    clippy::manual_async_fn,
    reason = "the arguments of an async function stand in its future twice"
)]
fn ride<R, T, E, F>(passenger: Passenger, codec: Codec<R, T, E>, body: F) -> impl Future<Output = R>
where
    F: Future<Output = R>,
{
    async move {
        match passenger.wait(&codec.kind).await {
            Ok(entry) => codec.open(&entry),
            Err(attempt) => Box::pin(attend(attempt, codec, || Box::pin(body))).await,
        }
    }
}

/// What there may be to store; or what the caller is given at once. `outcome` is what the body
/// returned, or what is given because it was cut.
///
/// No error of the function's is left when this returns `Ok`: it need not be `Send`, and the store
/// is waited for next.
fn arrive<R, T, E>(
    attempt: &mut Attempt,
    codec: &Codec<R, T, E>,
    outcome: Result<R, Given>,
) -> Result<(Loading, Option<T>), R> {
    let loading = attempt.leave();
    let (outcome, mut loading) = match (outcome, loading) {
        (Ok(outcome), Some(loading)) => (outcome, loading),
        (Ok(outcome), None) => return Err(outcome),
        (Err(given), loading) => {
            attempt.call.is_cut(loading);
            return Err(given.into_answer(codec));
        }
    };
    if !matches!((codec.shape.peek)(&outcome), Answer::Failed) {
        attempt.call.is_loaded();
        return (codec.shape.take)(outcome).map(|value| (loading, value));
    }
    let error = codec.shape.share(&outcome);
    match attempt.call.has_failed(&mut loading, error) {
        Some(older) => Err(older.into_answer(codec)),
        None => Err(outcome),
    }
}

/// Has the load run behind the call and waits for it, or for another caller's, no longer than the
/// soft time-out; then gives the stale value while the load goes on.
async fn load_softly<R, T, E, F>(mut attempt: Attempt, codec: Codec<R, T, E>, body: Body<F>) -> R
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
    T: Send + Sync + 'static,
    E: 'static,
{
    let load = attend(attempt.apart(), codec, || body);
    let call = &attempt.call;
    let limit = call.soft_limit();
    let stale = || call.fall_back();
    let Ok(permit) = call.background_permit() else {
        // As many run as may: this one is dropped if it takes too long.
        return unless_late(limit, load, stale)
            .await
            .unwrap_or_else(|stale| stale.into_answer(&codec));
    };
    let stale = match unless_late(limit, permit.spawn(load), stale).await {
        Err(stale) => stale,
        Ok(Ok(outcome)) => return outcome,
        Ok(Err(ended)) => match ended.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime of the load has ended.
            Err(_) => match call.fallback_answer() {
                Some(stale) => stale,
                None => std::future::pending().await,
            },
        },
    };
    stale.into_answer(&codec)
}

impl<R, T, E> fmt::Debug for Miss<R, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Miss")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}
