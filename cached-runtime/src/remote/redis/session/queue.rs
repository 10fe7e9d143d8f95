//! Who waits for which reply.
//!
//! Locking: the lock is held for moments, and never while a stream is read, written or awaited. Wakers
//! are called without it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use super::super::error::Trouble;
use super::reply::Replies;
use crate::seats::Seats;

pub(super) type Answer = Result<Replies, Trouble>;

/// What was asked, in order. As a waker it wakes who is answered next.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What is to be written.
    outgoing: Vec<u8>,
    seats: Seats<Seat>,
    /// Who is to be answered, and by how many replies.
    order: VecDeque<(usize, usize)>,
    /// Somebody wants the stream to be taken further, and may have found it in use.
    wanted: bool,
    /// Who goes on where nobody else does.
    attendant: Option<Waker>,
    over: Option<Trouble>,
}

#[derive(Debug)]
enum Seat {
    Waits(Option<Waker>),
    /// Whoever asked has gone away.
    Left,
    Answered(Answer),
}

/// The place of one question.
#[derive(Debug)]
pub(super) struct Ticket(usize);

impl Queue {
    /// Takes a question of `count` commands in; `count` is not zero.
    pub(super) fn ask(&self, packed: Vec<u8>, count: usize) -> Result<Ticket, Trouble> {
        let mut state = self.state();
        if let Some(over) = &state.over {
            return Err(over.clone());
        }
        if state.outgoing.is_empty() {
            state.outgoing = packed;
        } else {
            state.outgoing.extend_from_slice(&packed);
        }
        let seat = state.seats.take(Seat::Waits(None));
        state.order.push_back((seat, count));
        let attendant = state.attendant.take();
        drop(state);
        if let Some(attendant) = attendant {
            attendant.wake();
        }
        Ok(Ticket(seat))
    }

    /// The answer, if it is there; else `waker` is woken when it is, or when this one is to read for
    /// all.
    pub(super) fn collect(&self, ticket: &Ticket, waker: &Waker) -> Option<Answer> {
        let mut state = self.state();
        if let Some(Seat::Waits(waiting)) = state.seats.get_mut(ticket.0) {
            match waiting {
                Some(waiting) => waiting.clone_from(waker),
                None => *waiting = Some(waker.clone()),
            }
            state.wanted = true;
            return None;
        }
        match state.seats.leave(ticket.0) {
            Some(Seat::Answered(answer)) => Some(answer),
            _ => None,
        }
    }

    /// Nobody wants the answer any more.
    pub(super) fn leave(&self, ticket: &Ticket) {
        let mut state = self.state();
        let left = match state.seats.get_mut(ticket.0) {
            Some(seat @ Seat::Waits(_)) => Some(std::mem::replace(seat, Seat::Left)),
            _ => state.seats.leave(ticket.0),
        };
        // If this one was woken to read, somebody else is.
        let next = state.next();
        drop(state);
        drop(left);
        if let Some(next) = next {
            next.wake();
        }
    }

    /// Whoever wants the stream to be taken further from now on finds it free, or is noticed by
    /// [`is_wanted`](Self::is_wanted).
    pub(super) fn begin(&self, outgoing: &mut Vec<u8>) {
        let mut state = self.state();
        state.wanted = false;
        if outgoing.is_empty() {
            std::mem::swap(outgoing, &mut state.outgoing);
        } else {
            outgoing.append(&mut state.outgoing);
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.state().wanted
    }

    /// How many replies the next answer has; nothing if nobody waits.
    pub(super) fn expected(&self) -> Option<usize> {
        let state = self.state();
        state.order.front().map(|(_, count)| *count)
    }

    /// Gives the next one its answer. `asker` is not woken for its own: it is about to look.
    pub(super) fn answer(&self, replies: Replies, asker: Option<&Ticket>) {
        let mut state = self.state();
        let Some((seat, _)) = state.order.pop_front() else {
            return;
        };
        let waker = state.settle(seat, Ok(replies));
        drop(state);
        if let Some(waker) = waker
            && asker.is_none_or(|asker| asker.0 != seat)
        {
            waker.wake();
        }
    }

    /// Nobody is answered any more; the next one learns what the server `said`, if it did.
    pub(super) fn end(&self, why: &Trouble, said: Option<Trouble>) {
        let mut state = self.state();
        if state.over.is_some() {
            return;
        }
        state.over = Some(why.clone());
        state.outgoing = Vec::new();
        let mut said = said;
        let mut wakers = Vec::new();
        while let Some((seat, _)) = state.order.pop_front() {
            let why = said.take().unwrap_or_else(|| why.clone());
            wakers.extend(state.settle(seat, Err(why)));
        }
        wakers.extend(state.attendant.take());
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_over(&self) -> bool {
        self.state().over.is_some()
    }

    /// Whether there is anything to attend to; if not, `waker` is woken when there is.
    pub(super) fn is_busy(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        let busy = !state.order.is_empty() || state.over.is_some();
        if !busy {
            state.attendant = Some(waker.clone());
        }
        busy
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn settle(&mut self, seat: usize, answer: Answer) -> Option<Waker> {
        if let Some(waits @ Seat::Waits(_)) = self.seats.get_mut(seat)
            && let Seat::Waits(waker) = std::mem::replace(waits, Seat::Answered(answer))
        {
            return waker;
        }
        self.seats.leave(seat);
        None
    }

    /// Who is to read: the first that waits.
    fn next(&mut self) -> Option<Waker> {
        let Self { order, seats, .. } = self;
        order
            .iter()
            .find_map(|(seat, _)| match seats.get_mut(*seat) {
                Some(Seat::Waits(waker)) => waker.clone(),
                _ => None,
            })
    }
}

impl Wake for Queue {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state();
        let next = state.next().or_else(|| state.attendant.take());
        drop(state);
        if let Some(next) = next {
            next.wake();
        }
    }
}
