//! Asking, and taking the stream further.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, TryLockError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{fmt, io};

use ::redis::{Pipeline, RedisError, Value};

use super::super::error::Trouble;
use super::super::settings::Checked;
use super::deadlines::Deadlines;
use super::login::log_in;
use super::packed::Packed;
use super::queue::{Answer, Queue, Ticket};
use super::reply::{Received, Replies};
use super::stream::Stream;
use crate::background::{Task, beside, sleep, within};
use crate::clock::Clock;

/// How often the attendant looks, while somebody waits, whether it has to go on.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// The attendant keeps time limits from this one on; shorter ones are not to be a [`TICK`] late.
const PATIENCE: Duration = Duration::from_millis(50);

/// A server that answers within this time is on this host; one that was busy is asked again.
const NEAR: Duration = Duration::from_micros(300);
const TRIES: u32 = 3;

/// Nobody takes the stream further for others more often than this at a time.
const ROUNDS: u32 = 16;

/// A conversation with a server. It ends with the stream, and is never taken up again.
pub(in super::super) struct Session {
    queue: Arc<Queue>,
    /// Wakes who is answered next.
    waker: Waker,
    /// Only ever tried: who finds it taken leaves the work to who has it.
    work: Mutex<Work>,
    attendant: OnceLock<Task>,
    deadlines: Deadlines,
    /// Whether the kernel may put several questions into one packet.
    packs: AtomicBool,
}

/// The stream, and what is on its way.
struct Work {
    stream: Stream,
    outgoing: Vec<u8>,
    written: usize,
    flushed: bool,
    received: Received,
}

impl Session {
    /// Whoever calls it keeps the time.
    pub(in super::super) async fn open(settings: &Checked) -> Result<Arc<Self>, Trouble> {
        let stream = Stream::open(settings.way()).await.map_err(trouble)?;
        let session = Arc::new(Self::over(stream));
        if let Some(task) = beside(attend(Arc::downgrade(&session), Arc::clone(&session.queue))) {
            let _first = session.attendant.set(task);
        }
        log_in(&session, settings).await?;
        Ok(session)
    }

    pub(super) fn over(stream: Stream) -> Self {
        let queue = Arc::new(Queue::default());
        Self {
            packs: AtomicBool::new(false),
            waker: Waker::from(Arc::clone(&queue)),
            queue,
            work: Mutex::new(Work {
                stream,
                outgoing: Vec::new(),
                written: 0,
                flushed: true,
                received: Received::new(),
            }),
            attendant: OnceLock::new(),
            deadlines: Deadlines::default(),
        }
    }

    /// Whether the kernel may put several questions into one packet.
    pub(in super::super) fn packs(&self) -> bool {
        self.packs.load(Relaxed)
    }

    /// Has the kernel put small packets into one, if the server is on this host. It holds one back until the one
    /// before it is acknowledged, which comes with its reply: what is asked meanwhile waits for that, and costs
    /// one packet. Over a network that would be a round trip, and so it would where a tunnel ends here: a
    /// server on this host answers at once.
    pub(in super::super) async fn pack_if_near(&self) -> Result<(), Trouble> {
        let work = self.work.try_lock();
        if !work.is_ok_and(|work| work.stream.ends_here()) {
            return Ok(());
        }
        let mut ping = Pipeline::new();
        ping.cmd("PING");
        for _ in 0..TRIES {
            let asked = Clock::system().now();
            self.exchange(&ping).await?;
            if Clock::system().now().since(asked) < NEAR {
                let packs = self.work.try_lock().is_ok_and(|work| work.stream.pack());
                self.packs.store(packs, Relaxed);
                break;
            }
        }
        Ok(())
    }

    /// The output of `work`, which waits for this session, or `None` if it takes longer than `limit`;
    /// where the attendant runs on another runtime than the caller, that may stand still.
    pub(in super::super) async fn within<F: Future>(
        &self,
        limit: Duration,
        work: F,
    ) -> Option<F::Output> {
        if limit < PATIENCE || self.attendant.get().is_none() {
            return within(limit, work).await;
        }
        self.deadlines.within(limit, work).await
    }

    /// Sends commands in order, and gives their replies. None is sent twice. Whoever calls it keeps
    /// the time; if it goes away, the commands are sent all the same.
    pub(in super::super) async fn ask(&self, commands: Packed) -> Result<Replies, Trouble> {
        let count = commands.count();
        if count == 0 {
            return Ok(Replies::new(&[]));
        }
        let ticket = self.queue.ask(commands.into_bytes(), count)?;
        let question = Question {
            session: self,
            ticket: Some(ticket),
        };
        question.await
    }

    /// The same, and the replies as values.
    pub(in super::super) async fn exchange(
        &self,
        commands: &Pipeline,
    ) -> Result<Vec<Value>, Trouble> {
        let mut replies = self.ask(commands.into()).await?;
        Ok(replies.values(commands.len())?)
    }

    /// Writes and reads what can be written and read. `asker` looks for its answer itself afterwards, and
    /// is not woken for it.
    pub(super) fn go_on(&self, asker: Option<&Ticket>) {
        for _ in 0..ROUNDS {
            let mut work = match self.work.try_lock() {
                Ok(work) => work,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Who has it looks again once it has let go.
                Err(TryLockError::WouldBlock) => return,
            };
            self.queue.begin(&mut work.outgoing);
            if !self.queue.is_over()
                && let Err(why) =
                    work.go_on(&self.queue, asker, &mut Context::from_waker(&self.waker))
            {
                // A server that takes nobody in says so, and goes away.
                let said = work.received.first();
                let said = said.and_then(|mut reply| reply.refusal());
                self.queue.end(&why, said);
            }
            drop(work);
            if !self.queue.is_wanted() {
                return;
            }
        }
        // Others ask faster than this: the next one goes on.
        self.waker.wake_by_ref();
    }
}

impl Work {
    fn go_on(
        &mut self,
        queue: &Queue,
        asker: Option<&Ticket>,
        context: &mut Context<'_>,
    ) -> Result<(), Trouble> {
        // What the server said before it went away is heard, even if nothing can be written.
        let written = self.write(context);
        self.hand_out(queue, asker)?;
        loop {
            let room = self.received.room();
            match self.stream.poll_read(context, room) {
                Poll::Pending => return written.map_err(trouble),
                Poll::Ready(Ok(0)) => return Err(trouble(io::ErrorKind::UnexpectedEof.into())),
                Poll::Ready(Ok(count)) => self.received.put(count),
                Poll::Ready(Err(error)) => return Err(trouble(error)),
            }
            self.hand_out(queue, asker)?;
        }
    }

    fn write(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.written < self.outgoing.len() {
            let rest = &self.outgoing[self.written..];
            match self.stream.poll_write(context, rest) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    self.written += count;
                    self.flushed = false;
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        self.outgoing.clear();
        self.written = 0;
        if !self.flushed {
            self.flushed = match self.stream.poll_flush(context) {
                Poll::Pending => false,
                Poll::Ready(flushed) => flushed.map(|()| true)?,
            };
        }
        Ok(())
    }

    /// Gives those who wait what has come.
    fn hand_out(&mut self, queue: &Queue, asker: Option<&Ticket>) -> Result<(), Trouble> {
        while let Some(expected) = queue.expected() {
            match self.received.next(expected)? {
                Some(replies) => queue.answer(replies, asker),
                None => break,
            }
        }
        Ok(())
    }
}

/// Somebody who waits for an answer.
struct Question<'a> {
    session: &'a Session,
    /// Until the answer is there.
    ticket: Option<Ticket>,
}

impl Future for Question<'_> {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let session = self.session;
        let Some(ticket) = &self.ticket else {
            return Poll::Pending;
        };
        let mut answer = session.queue.collect(ticket, context.waker());
        if answer.is_none() {
            session.go_on(Some(ticket));
            answer = session.queue.collect(ticket, context.waker());
        }
        match answer {
            Some(answer) => {
                self.ticket = None;
                Poll::Ready(answer)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = &self.ticket {
            self.session.queue.leave(ticket);
        }
    }
}

/// Goes on where whoever is to read is not polled, and sees the end of a stream on which nobody
/// waits.
async fn attend(session: Weak<Session>, queue: Arc<Queue>) {
    loop {
        let mut woken = false;
        poll_fn(|context| {
            let ready = woken || queue.is_busy(context.waker());
            woken = true;
            if ready {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        sleep(TICK).await;
        match session.upgrade() {
            Some(session) if !queue.is_over() => {
                session.go_on(None);
                session.deadlines.pass(Clock::system().sharp());
            }
            _ => return,
        }
    }
}

fn trouble(error: io::Error) -> Trouble {
    RedisError::from(error).into()
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
