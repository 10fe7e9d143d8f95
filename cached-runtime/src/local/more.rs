//! What an entry has besides, if anything is out of the ordinary.

use std::sync::Arc;

use crate::clock::Moment;
use crate::coherence::Vouched;
use crate::freshness::Life;
use crate::tags::TagCell;

use super::behind::Behind;

pub(super) struct More {
    /// One that does not fit into the entry.
    pub(super) key: Option<Box<[u8]>>,
    /// Those that do not.
    pub(super) tags: Box<[Arc<TagCell>]>,
    /// Its life, of which the rest need not follow from the end of the carefree time.
    pub(super) born: Moment,
    pub(super) fresh_until: Moment,
    pub(super) usable_until: Moment,
    pub(super) weight: usize,
    /// What makes it an entry of the shared tier. Apart, for those that are none.
    pub(super) shared: Option<Box<(Behind, Vouched)>>,
}

impl More {
    /// Nothing but a life.
    pub(super) fn new(life: Life) -> Self {
        Self {
            key: None,
            tags: Box::default(),
            born: life.born,
            fresh_until: life.fresh_until,
            usable_until: life.usable_until,
            weight: 0,
            shared: None,
        }
    }
}
