//! The part of a call that knows the types of its function. It is compiled for each function anew,
//! in the program that has it, so it is no more than what needs them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

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
    /// On the heap: it is moved from hand to hand before it begins.
    pub(super) attempt: Box<Attempt>,
    policy: fn(Policy<T>) -> Arc<AnyPolicy>,
    types: PhantomData<fn() -> (R, E)>,
}

/// The same of a function whose calls may join the load of another one: its answer, or the call that
/// goes on. It holds no body, which is made where it is needed.
pub struct Joining<R, T, E, C> {
    caller: Option<Caller<R, T, E>>,
    codec: C,
}

enum Caller<R, T, E> {
    /// By itself.
    Calls(Miss<R, T, E>),
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
        Self::of(Attempt::new(call), codec)
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
        Self::of(Attempt::new(call), codec)
    }

    fn of(attempt: Attempt, codec: &Codec<R, T, E>) -> Self {
        Self {
            attempt: Box::new(attempt),
            policy: codec.policy,
            types: PhantomData,
        }
    }

    /// Gives the call its options. Evaluated only now: a plain hit needs none of them.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn rules(mut self, policy: impl Into<Policy<T>>) -> Self {
        self.attempt.call.set_policy((self.policy)(policy.into()));
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
        Box::pin(attend(self.attempt, codec, || Box::pin(body)))
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
            let mut attempt = self.attempt;
            match attempt.look_owned(&codec.kind).await {
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
                        attend(behind, codec, || body).await;
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

impl<R, T, E, C> Joining<R, T, E, C> {
    pub(super) fn joins(passenger: Passenger, codec: C) -> Self {
        Self::of(Caller::Joins(passenger), codec)
    }

    pub(super) fn calls(miss: Miss<R, T, E>, codec: C) -> Self {
        Self::of(Caller::Calls(miss), codec)
    }

    fn of(caller: Caller<R, T, E>, codec: C) -> Self {
        Self {
            caller: Some(caller),
            codec,
        }
    }

    /// Gives the call its options: whoever joins a load needs none of its own.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn rules<P: Into<Policy<T>>>(self, policy: impl FnOnce() -> P) -> Self {
        match self.caller {
            Some(Caller::Calls(miss)) => Self::calls(miss.rules(policy()), self.codec),
            caller => Self { caller, ..self },
        }
    }
}

impl<R, T, E, C> Unpin for Joining<R, T, E, C> {}

impl<R, T, E, C: Fn() -> Codec<R, T, E>> Future for Joining<R, T, E, C> {
    type Output = Result<R, Miss<R, T, E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(Caller::Joins(passenger)) = &mut this.caller {
            ready!(passenger.poll(context));
            if let Some(entry) = passenger.answer()
                && let Some(answer) = (this.codec)().try_open(entry)
            {
                passenger.was_answered();
                return Poll::Ready(Ok(answer));
            }
        }
        Poll::Ready(Err(match this.caller.take() {
            Some(Caller::Calls(miss)) => miss,
            Some(Caller::Joins(passenger)) => Miss::of(passenger.go_on(), &(this.codec)()),
            None => unreachable!("it has given the call away"),
        }))
    }
}

/// Answers, or runs the body and lands what it returns.
#[expect(
    clippy::manual_async_fn,
    reason = "the arguments of an async function stand in its future twice"
)]
fn attend<R, T, E, M, F>(
    mut attempt: Box<Attempt>,
    codec: Codec<R, T, E>,
    make: M,
) -> impl Future<Output = R>
where
    M: FnOnce() -> Body<F>,
    F: Future<Output = R>,
{
    async move {
        while !attempt.has_begun()
            && let Some(given) = attempt.look(&codec.kind).await
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
async fn load_softly<R, T, E, F>(
    mut attempt: Box<Attempt>,
    codec: Codec<R, T, E>,
    body: Body<F>,
) -> R
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
    T: Send + Sync + 'static,
    E: 'static,
{
    let load = attend(Box::new(attempt.apart()), codec, || body);
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
            .field("call", &self.attempt.call)
            .finish_non_exhaustive()
    }
}

impl<R, T, E, C> fmt::Debug for Joining<R, T, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining").finish_non_exhaustive()
    }
}
