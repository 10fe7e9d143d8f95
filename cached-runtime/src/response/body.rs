//! The bodies of responses: stored, passed on, or read in part and passed on.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// What comes after the part of a body that was read.
type Next<B> = Result<Frame<Bytes>, <B as Body>::Error>;

pin_project! {
    /// The body of a response that came through a [`ResponseCache`](crate::ResponseCache): a stored one,
    /// or that of the service below.
    pub struct ResponseBody<B: Body> {
        #[pin]
        source: Source<B>,
    }
}

pin_project! {
    #[project = Projected]
    enum Source<B: Body> {
        /// All of it is here.
        Whole { bytes: Option<Bytes> },
        /// As the service made it.
        Passed {
            #[pin]
            body: B,
        },
        /// It was read until it was clear that it is not stored.
        Resumed {
            read: Option<Bytes>,
            next: Option<Next<B>>,
            rest: Option<Pin<Box<B>>>,
        },
    }
}

/// What became of a body that was read to be stored.
pub(super) enum Collected<B: Body> {
    Whole(Bytes),
    /// It is not stored, for this reason; who reads the body gets all of it.
    Unstorable(&'static str, ResponseBody<B>),
    /// It failed; who reads the body gets what came before, and then the error.
    Failed(ResponseBody<B>),
}

impl<B: Body> ResponseBody<B> {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self {
            source: Source::Whole {
                bytes: Some(bytes).filter(|bytes| !bytes.is_empty()),
            },
        }
    }

    pub(super) fn passed(body: B) -> Self {
        Self {
            source: Source::Passed { body },
        }
    }

    fn resumed(read: BytesMut, next: Option<Next<B>>, rest: Option<Pin<Box<B>>>) -> Self {
        Self {
            source: Source::Resumed {
                read: Some(read.freeze()).filter(|read| !read.is_empty()),
                next,
                rest,
            },
        }
    }

    /// Reads a body to its end, or until it is clear that it cannot be stored: it never holds more than
    /// `limit` bytes and one frame.
    pub(super) async fn collect(body: B, limit: usize) -> Collected<B> {
        let hint = body.size_hint();
        if hint.lower() > limit as u64 {
            return Collected::Unstorable(TOO_LARGE, Self::passed(body));
        }
        let expected = usize::try_from(hint.lower()).unwrap_or(0);
        let (mut body, mut read) = (Box::pin(body), BytesMut::with_capacity(expected));
        loop {
            let frame = match poll_fn(|context| body.as_mut().poll_frame(context)).await {
                None => return Collected::Whole(read.freeze()),
                Some(Err(error)) => {
                    let failed = Self::resumed(read, Some(Err(error)), None);
                    return Collected::Failed(failed);
                }
                Some(Ok(frame)) => frame,
            };
            let data = match frame.into_data() {
                Ok(data) => data,
                Err(trailers) => {
                    let next = Some(Ok(plain(trailers)));
                    let whole = Self::resumed(read, next, Some(body));
                    return Collected::Unstorable("trailers", whole);
                }
            };
            if data.remaining() > limit - read.len() {
                let next = Some(Ok(plain(Frame::data(data))));
                let whole = Self::resumed(read, next, Some(body));
                return Collected::Unstorable(TOO_LARGE, whole);
            }
            read.extend_from_slice(&taken(data));
        }
    }
}

/// Why a body of more than `max_size` is not stored.
pub(super) const TOO_LARGE: &str = "larger than `max_size`";

fn taken(mut data: impl Buf) -> Bytes {
    data.copy_to_bytes(data.remaining())
}

fn plain(frame: Frame<impl Buf>) -> Frame<Bytes> {
    frame.map_data(taken)
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = match self.project().source.project() {
            Projected::Whole { bytes } => {
                return Poll::Ready(bytes.take().map(Frame::data).map(Ok));
            }
            Projected::Passed { body } => ready!(body.poll_frame(context)),
            Projected::Resumed { read, next, rest } => {
                if let Some(read) = read.take() {
                    return Poll::Ready(Some(Ok(Frame::data(read))));
                }
                if let Some(next) = next.take() {
                    return Poll::Ready(Some(next));
                }
                match rest {
                    Some(rest) => ready!(rest.as_mut().poll_frame(context)),
                    None => None,
                }
            }
        };
        Poll::Ready(frame.map(|frame| frame.map(plain)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole { bytes } => bytes.is_none(),
            Source::Passed { body } => body.is_end_stream(),
            Source::Resumed { read, next, rest } => {
                let ended = rest.as_ref().is_none_or(Body::is_end_stream);
                read.is_none() && next.is_none() && ended
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole { bytes } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Source::Passed { body } => body.size_hint(),
            Source::Resumed { read, next, rest } => {
                let next = next
                    .as_ref()
                    .and_then(|next| next.as_ref().ok()?.data_ref());
                let here = [read.as_ref(), next].into_iter().flatten().map(Bytes::len);
                let here = here.sum::<usize>() as u64;
                let rest = rest.as_ref().map(Body::size_hint);
                let mut hint = SizeHint::new();
                hint.set_lower(here.saturating_add(rest.as_ref().map_or(0, SizeHint::lower)));
                if let Some(upper) = rest.map_or(Some(0), |rest| rest.upper()) {
                    hint.set_upper(here.saturating_add(upper));
                }
                hint
            }
        }
    }
}

impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what is in it.
        f.write_str(match &self.source {
            Source::Whole { .. } => "ResponseBody(whole)",
            Source::Passed { .. } => "ResponseBody(passed)",
            Source::Resumed { .. } => "ResponseBody(resumed)",
        })
    }
}
