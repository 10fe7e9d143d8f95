//! Makes large payloads smaller, and large again without trusting what they say about themselves.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// No payload is larger than this after decompression.
pub(crate) const LARGEST: usize = 256 << 20;

/// What compresses payloads, if a feature has it. Of any type, since what is for none would be refused here and not
/// where it is asked for.
#[derive(Debug)]
pub struct Compressor<T>(PhantomData<fn() -> T>);

/// There is something that compresses.
#[diagnostic::on_unimplemented(
    message = "nothing here can compress",
    note = "`compress_above` needs the feature `lz4` or `zstd` of `cache-aside`"
)]
pub trait Compresses {}

#[cfg(any(feature = "lz4", feature = "zstd"))]
impl<T> Compresses for Compressor<T> {}

/// How a payload is compressed; the number is written in its envelope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Compression {
    #[default]
    None = 0,
    Lz4 = 1,
    Zstd = 2,
}

impl Compression {
    pub(crate) fn from_id(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::None),
            1 => Some(Self::Lz4),
            2 => Some(Self::Zstd),
            _ => None,
        }
    }

    pub(crate) fn id(self) -> u8 {
        self as u8
    }
}

/// A payload as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed {
    pub(crate) compression: Compression,
    /// The length before compression.
    pub(crate) raw_len: usize,
    pub(crate) bytes: Vec<u8>,
}

/// Compresses what is longer than `above`, if it becomes smaller by that; 0 is "never".
pub(crate) fn compress(raw: Vec<u8>, above: usize) -> Packed {
    let raw_len = raw.len();
    let large = above > 0 && raw_len > above && raw_len <= LARGEST;
    let smaller = if large { shrink(&raw) } else { None };
    let (compression, bytes) = smaller
        .filter(|(_, bytes)| bytes.len() < raw_len)
        .unwrap_or((Compression::None, raw));
    Packed {
        compression,
        raw_len,
        bytes,
    }
}

fn shrink(raw: &[u8]) -> Option<(Compression, Vec<u8>)> {
    #[cfg(feature = "zstd")]
    let smaller = zstd::compress(raw).map(|bytes| (Compression::Zstd, bytes));
    #[cfg(all(feature = "lz4", not(feature = "zstd")))]
    let smaller = Some((Compression::Lz4, lz4_flex::block::compress(raw)));
    #[cfg(not(any(feature = "lz4", feature = "zstd")))]
    let smaller = {
        let _ = raw;
        None
    };
    smaller
}

/// The payload is not what its envelope says, or this build cannot read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CannotDecompress;

impl fmt::Display for CannotDecompress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the payload cannot be decompressed")
    }
}

impl std::error::Error for CannotDecompress {}

/// The bytes before compression, which were `raw_len` many: otherwise an error.
///
/// Memory is bounded by what the payload itself can be shown to hold, whatever `raw_len` claims.
pub(crate) fn decompress(
    compression: Compression,
    bytes: &[u8],
    raw_len: usize,
) -> Result<Cow<'_, [u8]>, CannotDecompress> {
    if raw_len > LARGEST {
        return Err(CannotDecompress);
    }
    let raw = match compression {
        Compression::None => Some(Cow::Borrowed(bytes)),
        #[cfg(feature = "lz4")]
        Compression::Lz4 => lz4(bytes, raw_len).map(Cow::Owned),
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd::decompress(bytes, raw_len).map(Cow::Owned),
        #[cfg(not(all(feature = "lz4", feature = "zstd")))]
        _ => None,
    };
    raw.filter(|raw| raw.len() == raw_len)
        .ok_or(CannotDecompress)
}

#[cfg(feature = "lz4")]
fn lz4(bytes: &[u8], raw_len: usize) -> Option<Vec<u8>> {
    /// A byte of a block stands for at most so many.
    const LARGEST_RATIO: usize = 255;
    if raw_len > bytes.len().saturating_mul(LARGEST_RATIO) {
        return None;
    }
    lz4_flex::block::decompress(bytes, raw_len).ok()
}

#[cfg(feature = "zstd")]
mod zstd {
    //! One context per thread and direction: making one costs more than most payloads.

    use std::cell::RefCell;
    use std::thread::LocalKey;

    use ::zstd::zstd_safe::{
        CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective,
    };

    const LEVEL: i32 = 1;
    /// Larger than any window of [`LEVEL`]. It bounds what a frame can make the context allocate.
    const LARGEST_WINDOW_LOG: u32 = 20;
    const FIRST_STEP: usize = 64 << 10;

    thread_local! {
        static TO_BYTES: RefCell<Option<CCtx<'static>>> = const { RefCell::new(None) };
        static FROM_BYTES: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
    }

    /// `None` if it would not become smaller.
    pub(super) fn compress(raw: &[u8]) -> Option<Vec<u8>> {
        with(&TO_BYTES, compressor, |context| {
            let mut bytes = Vec::with_capacity(raw.len().saturating_sub(1));
            let done = context.compress2(&mut bytes, raw).is_ok();
            let reusable = done || context.reset(ResetDirective::SessionOnly).is_ok();
            (done.then_some(bytes), reusable)
        })
    }

    /// Works with the thread's context, which stays if it is said to be reusable.
    fn with<C, R>(
        contexts: &'static LocalKey<RefCell<Option<C>>>,
        new: fn() -> Option<C>,
        work: impl FnOnce(&mut C) -> (Option<R>, bool),
    ) -> Option<R> {
        contexts
            .try_with(|kept| {
                let mut kept = kept.try_borrow_mut().ok()?;
                let mut context = kept.take().or_else(new)?;
                let (done, reusable) = work(&mut context);
                *kept = reusable.then_some(context);
                done
            })
            .ok()
            .flatten()
    }

    fn compressor() -> Option<CCtx<'static>> {
        let mut context = CCtx::try_create()?;
        context
            .set_parameter(CParameter::CompressionLevel(LEVEL))
            .ok()?;
        Some(context)
    }

    /// Exactly one frame of at most `raw_len` bytes.
    pub(super) fn decompress(bytes: &[u8], raw_len: usize) -> Option<Vec<u8>> {
        with(&FROM_BYTES, decompressor, |context| {
            let raw = frame(context, bytes, raw_len);
            (raw, context.reset(ResetDirective::SessionOnly).is_ok())
        })
    }

    fn decompressor() -> Option<DCtx<'static>> {
        let mut context = DCtx::try_create()?;
        context
            .set_parameter(DParameter::WindowLogMax(LARGEST_WINDOW_LOG))
            .ok()?;
        Some(context)
    }

    /// The buffer grows as data comes, to one byte more than `raw_len`: that one must stay free.
    fn frame(context: &mut DCtx<'static>, bytes: &[u8], raw_len: usize) -> Option<Vec<u8>> {
        let limit = raw_len + 1;
        let likely = bytes.len().saturating_mul(16).max(FIRST_STEP);
        let mut raw = Vec::with_capacity(limit.min(likely));
        let mut input = InBuffer::around(bytes);
        loop {
            let read = input.pos();
            let written = raw.len();
            let left = {
                let mut output = OutBuffer::around_pos(&mut raw, written);
                context.decompress_stream(&mut output, &mut input).ok()?
            };
            if raw.len() > raw_len {
                return None;
            }
            if left == 0 {
                return (input.pos() == bytes.len()).then_some(raw);
            }
            if raw.len() == raw.capacity() {
                let double = raw.capacity().min(limit.saturating_sub(raw.len()));
                raw.reserve_exact(double);
            } else if input.pos() == read && raw.len() == written {
                return None; // truncated
            }
        }
    }
}
