//! Readers: look-up, lock, load, tag, epoch once more, fill.

use super::config::{Config, Rule};
use super::state::{Entry, INTENT, Phase, State, V};

impl Config {
    pub(super) fn start(s: &mut State, r: u8) {
        s.readers[r as usize].floor = s.floor;
        s.readers[r as usize].phase = Self::lookup();
    }

    pub(super) fn start_join(s: &mut State, r: u8, l: u8) {
        s.readers[r as usize].floor = s.floor;
        s.readers[r as usize].phase = Phase::Joined { leader: l };
    }

    pub(super) fn read_value(s: &mut State, r: u8) {
        let (now, incarnation) = (s.data.value, s.incarnation[V]);
        if let Phase::Lookup {
            value,
            value_incarnation,
            ..
        } = &mut s.readers[r as usize].phase
        {
            *value = Some(now);
            *value_incarnation = incarnation;
        }
    }

    pub(super) fn read_epoch(&self, s: &mut State, r: u8) {
        let now = Self::epoch(s);
        self.first_epoch_read(s, r as usize);
        if let Phase::Lookup { e, .. } = &mut s.readers[r as usize].phase {
            *e = Some(now);
        }
    }

    pub(super) fn read_tag(s: &mut State, r: u8) {
        let now = Self::tag(s);
        if let Phase::Lookup { t, .. } = &mut s.readers[r as usize].phase {
            *t = Some(now);
        }
    }

    pub(super) fn decide(s: &mut State, r: u8) {
        let r = r as usize;
        if let Phase::Lookup {
            value: Some(v),
            value_incarnation,
            e,
            t,
        } = s.readers[r].phase
        {
            let t = t.unwrap_or_default();
            match Self::hit(v, value_incarnation, t) {
                Some(e) => Self::ret(s, r, e.version),
                None if t.id & INTENT != 0 => s.readers[r].phase = Phase::Bypass,
                None => {
                    s.readers[r].phase = Phase::Lock {
                        seen: v,
                        e: e.unwrap_or_default(),
                    }
                }
            }
        }
    }

    pub(super) fn acquire(&self, s: &mut State, r: u8) {
        let r = r as usize;
        if let Phase::Lock { seen, e } = s.readers[r].phase {
            if s.data.value != seen {
                s.readers[r].phase = Self::lookup();
            } else if s.data.lock != 0 {
                s.readers[r].phase = Phase::Wait;
            } else {
                let lease = s.next_lease;
                s.next_lease += 1;
                s.data.lock = lease;
                let lock_incarnation = s.incarnation[V];
                s.readers[r].phase = if e.id == 0 && self.rule != Rule::NoEpoch {
                    Phase::Ensure {
                        lease,
                        lock_incarnation,
                    }
                } else {
                    Phase::Load {
                        lease,
                        lock_incarnation,
                        e,
                    }
                };
            }
        }
    }

    pub(super) fn ensure_epoch(&self, s: &mut State, r: u8) {
        if s.data.epoch == 0 {
            s.data.epoch = Self::fresh(s);
        }
        self.first_epoch_read(s, r as usize);
        let e = Self::epoch(s);
        if let Phase::Ensure {
            lease,
            lock_incarnation,
        } = s.readers[r as usize].phase
        {
            s.readers[r as usize].phase = Phase::Load {
                lease,
                lock_incarnation,
                e,
            };
        }
    }

    pub(super) fn load(s: &mut State, r: u8) {
        let version = s.version;
        if let Phase::Load {
            lease,
            lock_incarnation,
            e,
        } = s.readers[r as usize].phase
        {
            s.readers[r as usize].phase = Phase::Tag {
                lease,
                lock_incarnation,
                e,
                version,
                t: None,
                epoch_again: None,
            };
        }
    }

    pub(super) fn tag_after_load(s: &mut State, r: u8) {
        if s.data.tag == 0 {
            s.data.tag = Self::fresh(s);
        }
        let now = Self::tag(s);
        if let Phase::Tag { t, .. } = &mut s.readers[r as usize].phase {
            *t = Some(now);
        }
    }

    pub(super) fn epoch_again(s: &mut State, r: u8) {
        let now = Self::epoch(s);
        if let Phase::Tag { epoch_again, .. } = &mut s.readers[r as usize].phase {
            *epoch_again = Some(now);
        }
    }

    pub(super) fn judge(&self, s: &mut State, r: u8) {
        let r = r as usize;
        if let Phase::Tag {
            lease,
            lock_incarnation,
            e,
            version,
            t: Some(t),
            epoch_again,
        } = s.readers[r].phase
        {
            let epoch_same = self.rule == Rule::NoEpoch || (e.id != 0 && epoch_again == Some(e));
            let ok = epoch_same && Self::good(t) && !s.readers[r].old;
            s.readers[r].phase = Phase::Fill {
                lease,
                lock_incarnation,
                version,
                t,
                ok,
            };
        }
    }

    pub(super) fn fill(s: &mut State, r: u8) {
        let r = r as usize;
        if let Phase::Fill {
            lease,
            lock_incarnation,
            version,
            t,
            ok,
        } = s.readers[r].phase
        {
            let mine = s.data.lock == lease;
            if mine {
                s.data.lock = 0;
                if ok {
                    let now = Self::tag(s);
                    if let Some(o) = Self::hit(s.data.value, s.incarnation[V], now)
                        && o.version > version
                    {
                        s.broken |= 2;
                    }
                    s.data.value = Some(Entry {
                        version,
                        tag: t,
                        incarnation: lock_incarnation,
                    });
                }
            }
            let proven = ok && mine && lock_incarnation == s.incarnation[V];
            s.readers[r].phase = Phase::Verify {
                version,
                t,
                got: false,
                ok: proven,
            };
            if !proven
                || !(0..s.readers.len())
                    .any(|j| s.readers[j].phase == (Phase::Joined { leader: r as u8 }))
            {
                // nobody to prove it to: the caller takes its own load
                Self::finish(s, r, version, false);
            }
        }
    }

    pub(super) fn verify_tag(s: &mut State, r: u8) {
        let now = Self::tag(s);
        if let Phase::Verify { t, got, ok, .. } = &mut s.readers[r as usize].phase {
            *got = true;
            *ok &= now == *t;
        }
    }

    pub(super) fn finish_proven(s: &mut State, r: u8) {
        if let Phase::Verify { version, ok, .. } = s.readers[r as usize].phase {
            Self::finish(s, r as usize, version, ok);
        }
    }

    pub(super) fn retry(s: &mut State, r: u8) {
        s.readers[r as usize].phase = Self::lookup();
    }

    pub(super) fn bypass_load(s: &mut State, r: u8) {
        let d = s.version;
        Self::ret(s, r as usize, d);
    }
}
