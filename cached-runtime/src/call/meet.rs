//! What the shared tier knows of a key: the second look of a call, where there is one.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Asking, Cache};
use crate::clock::Moment;
use crate::coherence::{Trust, Vouched};
use crate::defect::Defect;
use crate::freshness::Life;
use crate::local::{AnyEntry, EntryHead, NotFound};
use crate::mode::Tier;
use crate::observe::Event;
use crate::outcome::Kind;
use crate::policy::Local;
use crate::remote::{Cell, Incarnation};
use crate::shared::{Backing, Fetched, Found, Look, Share, Sight};
use crate::tags::Number;
use crate::value::Value;

use super::ship::Copied;
use super::{Call, Subject};

/// Where a store has the entry, a copy in the process lives no longer than this.
const LONGEST_COPY: Duration = Duration::from_secs(30);

/// What a call may do with the shared tier.
#[derive(Clone, Debug, Default)]
pub(crate) enum Access {
    /// There is none, or it was not asked yet.
    #[default]
    Apart,
    /// It need not be asked: what was found in this process is beyond doubt.
    Unasked,
    /// It cannot be used: what is loaded is for this caller alone.
    Blind,
    /// It was asked.
    Seen(Box<(Share, Sight)>),
}

/// What came of asking the shared tier for one key.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) found: Option<Arc<AnyEntry>>,
    /// Whether that was softly invalidated: it is never fresh.
    pub(crate) softly: bool,
    pub(crate) tier: Tier,
    pub(crate) access: Access,
}

/// Asks the shared tier for keys: is what was found in this process valid, or is there something
/// else? Nobody need be asked about what is beyond doubt, unless `always`. Without such a tier what
/// was found stands.
pub(crate) async fn meet_each(
    cache: &Cache,
    codec: &Kind,
    keys: Vec<(&Subject, Option<Arc<AnyEntry>>)>,
    always: bool,
) -> Vec<Met> {
    let Some(tier) = cache.shared().filter(|_| cache.is_enabled()) else {
        let apart = |(_, found)| Met::here(found, Access::Apart);
        return keys.into_iter().map(apart).collect();
    };
    let mut met: Vec<Option<Met>> = keys.iter().map(|_| None).collect();
    let mut asked = Vec::with_capacity(keys.len());
    for (at, (subject, found)) in keys.into_iter().enumerate() {
        match found {
            Some(found) if !always && subject.is_beyond_doubt(cache, &found) => {
                met[at] = Some(Met::here(Some(found), Access::Unasked));
            }
            found => asked.push((at, subject, found)),
        }
    }
    if !asked.is_empty() {
        let shares = asked
            .iter()
            .map(|(_, subject, _)| subject.share(tier, codec));
        let shares: Vec<Share> = shares.collect();
        let sought = asked.iter().zip(&shares);
        let sought: Vec<_> = sought
            .map(|((_, _, found), share)| (share, Subject::copy(cache, found.as_deref())))
            .collect();
        let moment = cache.asking();
        let looks = tier.look_each(&sought, moment.at).await;
        let mut looks = looks.map(Vec::into_iter);
        for ((at, subject, found), share) in asked.into_iter().zip(shares) {
            met[at] = Some(match &mut looks {
                Some(looks) => {
                    let look = looks.next().flatten();
                    subject.met(cache, codec, share, found, (moment, look))
                }
                None => subject.unanswered(cache, found),
            });
        }
    }
    met.into_iter().flatten().collect()
}

/// The same for one key.
pub(crate) async fn meet(
    cache: &Cache,
    codec: &Kind,
    subject: &Subject,
    found: Option<Arc<AnyEntry>>,
    always: bool,
) -> Met {
    let Some(tier) = cache.shared().filter(|_| cache.is_enabled()) else {
        return Met::here(found, Access::Apart);
    };
    let beyond_doubt = |found: &Arc<AnyEntry>| subject.is_beyond_doubt(cache, found);
    if !always && found.as_ref().is_some_and(beyond_doubt) {
        return Met::here(found, Access::Unasked);
    }
    let share = subject.share(tier, codec);
    let sought = (&share, Subject::copy(cache, found.as_deref()));
    let asked = cache.asking();
    match tier.look_each(&[sought], asked.at).await {
        Some(looks) => {
            let look = looks.into_iter().flatten().next();
            subject.met(cache, codec, share, found, (asked, look))
        }
        None => subject.unanswered(cache, found),
    }
}

impl Met {
    fn here(found: Option<Arc<AnyEntry>>, access: Access) -> Self {
        Self {
            found,
            softly: false,
            tier: Tier::Local,
            access,
        }
    }
}

impl Call {
    /// The second look of a call, where there is a shared tier.
    pub(super) async fn meet(&mut self, codec: &Kind) {
        self.look_again(codec, self.mode.refresh).await;
    }

    /// The same, and the shared tier is asked in any case, for all tokens: others may share what
    /// comes of it, who do not believe in views.
    pub(super) async fn ask(&mut self, codec: &Kind) {
        let believes = std::mem::replace(&mut self.subject.by_view, false);
        self.look_again(codec, true).await;
        self.subject.by_view = believes;
    }

    /// The same; whether the shared tier answered.
    pub(super) async fn meets_the_store(&mut self, codec: &Kind) -> bool {
        self.ask(codec).await;
        matches!(self.access, Access::Seen(_))
    }

    async fn look_again(&mut self, codec: &Kind, always: bool) {
        if self.mode.bypass {
            return;
        }
        if self.cache.shared().is_none() {
            self.look_here(codec);
            return;
        }
        let found = self.found.take();
        let met = meet(&self.cache, codec, &self.subject, found, always).await;
        (self.found, self.tier, self.access) = (met.found, met.tier, met.access);
        self.softly = met.softly;
    }
}

impl Subject {
    /// What backs a copy in this process that may still be used.
    fn copy<'a>(cache: &Cache, local: Option<&'a AnyEntry>) -> Option<&'a Backing> {
        let backing = local?.backing()?;
        (cache.clock().now() < backing.kept_until).then_some(backing)
    }

    /// What comes of a look; `None`: the key is hidden by a write that is under way.
    fn met(
        &self,
        cache: &Cache,
        codec: &Kind,
        share: Share,
        local: Option<Arc<AnyEntry>>,
        (asked, look): (Asking, Option<Look>),
    ) -> Met {
        let Some(look) = look else {
            return Met::here(None, Access::Blind);
        };
        let said = match (&local, Defect::UnverifiedCopy.is_on()) {
            (Some(_), true) => Found::Local,
            _ => look.found,
        };
        let softly = matches!(said, Found::Softly(_));
        let confirmed = look
            .oldest
            .map_or(asked.number, |oldest| oldest.min(asked.number));
        let confirmed = look.server.map(|server| (confirmed, server));
        let (found, tier) = self.found(cache, codec, &share, local, asked, (said, confirmed));
        Met {
            softly: softly && found.is_some(),
            found,
            tier,
            access: Access::Seen(Box::new((share, look.sight))),
        }
    }

    /// Makes an entry of this process of what a look found.
    pub(crate) fn found(
        &self,
        cache: &Cache,
        codec: &Kind,
        share: &Share,
        local: Option<Arc<AnyEntry>>,
        asked: Asking,
        (found, confirmed): (Found, Option<(Number, Incarnation)>),
    ) -> (Option<Arc<AnyEntry>>, Tier) {
        let entry = match found {
            Found::Local => {
                if let Some(vouched) = local.as_deref().and_then(AnyEntry::vouched) {
                    cache.watch().confirm(vouched, confirmed);
                }
                return (local, Tier::Local);
            }
            Found::Remote(fetched) => {
                let entry = self.adopt(cache, codec, share, (asked, confirmed), &fetched);
                if let Some(entry) = entry.as_ref().filter(|_| self.keeps_copies()) {
                    // What came in between keeps the copy out, and does not concern this reader.
                    let _ = self.keep_copy(cache, entry);
                }
                return (entry, Tier::Remote);
            }
            Found::Softly(fetched) => self.adopt(cache, codec, share, (asked, confirmed), &fetched),
            Found::Corrupt => {
                self.stats.count(Event::Corrupt);
                None
            }
            Found::OtherType => {
                self.stats
                    .type_mismatch(self.key.prefix(), (codec.type_name)());
                None
            }
            Found::Nothing => None,
        };
        if entry.is_none() && local.is_some() {
            // The copy is of no use to anybody any more.
            cache
                .store()
                .remove_older(&self.key, asked.number, |_| true);
        }
        (entry, Tier::Remote)
    }

    fn adopt(
        &self,
        cache: &Cache,
        codec: &Kind,
        share: &Share,
        (asked, confirmed): (Asking, Option<(Number, Incarnation)>),
        fetched: &Fetched,
    ) -> Option<Arc<AnyEntry>> {
        let header = &fetched.header;
        // Whoever asks by hand need not know how the value was written.
        let value_codec = self
            .value_codec(codec)
            .filter(|chosen| chosen.id == header.codec)
            .or_else(|| (codec.stored_as)(header.codec));
        let Some(value_codec) = value_codec else {
            self.stats.count(Event::Corrupt);
            return None;
        };
        if header.negative && !codec.has_not_found {
            return None;
        }
        let head =
            |value: Option<&Value>| self.head_of(cache, codec, fetched, (asked, confirmed), value);
        let raw = header.raw(fetched.payload(), share.schema, value_codec.id);
        let entry: Option<Arc<AnyEntry>> = match raw {
            Ok(Some(raw)) => (value_codec.decode)(&raw, &mut |value| head(Some(value))).ok(),
            Ok(None) => Some(Arc::new(head(None).with(NotFound))),
            Err(_) => None,
        };
        if entry.is_none() {
            self.stats.count(Event::Corrupt);
        }
        entry
    }

    /// What an entry is made with that was fetched; `None`: "not found".
    fn head_of(
        &self,
        cache: &Cache,
        codec: &Kind,
        fetched: &Fetched,
        (asked, confirmed): (Asking, Option<(Number, Incarnation)>),
        value: Option<&Value>,
    ) -> EntryHead {
        let (header, options) = (&fetched.header, &self.policy.options);
        let life = Life::found(
            // The store's clock was read after this moment.
            asked.at,
            fetched.age,
            // Whoever stored it may have wanted it fresh for longer than this caller does.
            (
                header
                    .fresh_for
                    .min(self.policy.longest_ttl(header.negative)),
                header.usable_for,
            ),
            options.early.map(|early| (early, header.cost)),
        );
        let weight = cache
            .store()
            .weight(&self.key, || value.map_or(0, codec.weigh));
        // The first is the namespace, whose number the store of this process keeps by itself.
        let cells = fetched.backing.proofs.iter().skip(1);
        let tags = cells.filter_map(|(cell, _)| match cell {
            Cell::Tag(name) => {
                let known = self.tags.iter().find(|tag| tag.is_named(name));
                Some(known.map_or_else(|| cache.tags().cell_named(name), Arc::clone))
            }
            Cell::Family(_) | Cell::Key(_) | Cell::Replaced(_) => None,
        });
        let tags = tags.collect();
        let place = self.place(cache, &tags);
        let kept_until = self.copy_until(asked.at);
        let vouched = cache
            .watch()
            .vouch(self.name(), self.trust(cache), confirmed);
        EntryHead::new(place, asked.number, life, header.cost, weight, tags).backed_by(
            fetched.backing.clone(),
            vouched,
            kept_until,
        )
    }

    /// How far a copy that is made now is trusted.
    pub(super) fn vouch(&self, cache: &Cache, copy: Copied) -> Vouched {
        let confirmed = copy.server.map(|server| (copy.asked.number, server));
        cache
            .watch()
            .vouch(self.name(), self.trust(cache), confirmed)
    }

    fn trust(&self, cache: &Cache) -> Trust {
        let general = cache.watch().coherence().trust();
        general.min(self.policy.options.trust())
    }

    /// What there is while the shared tier gives no answer.
    fn unanswered(&self, cache: &Cache, found: Option<Arc<AnyEntry>>) -> Met {
        let stands = |found: &Arc<AnyEntry>| {
            let (now, options) = (cache.clock().now(), &self.policy.options);
            let kept_until = match options.local {
                Local::KeptFor(_) => found.backing().map(|backing| backing.kept_until),
                Local::Kept | Local::NotKept => None,
            };
            found.life().within(options.windows.longest(), now)
                && kept_until.is_none_or(|end| now < end)
                && cache.vouches_while_down(found, self.trust(cache))
        };
        match found.filter(stands) {
            Some(found) => Met::here(Some(found), Access::Unasked),
            None => Met::here(None, Access::Blind),
        }
    }

    /// Whether an entry of this process is an answer about which nobody need be asked.
    fn is_beyond_doubt(&self, cache: &Cache, found: &AnyEntry) -> bool {
        let now = cache.clock().now();
        now < found.carefree_until
            && cache.stands_for(found, self.trust(cache))
            && !Defect::UnverifiedCopy.is_on()
    }

    pub(super) fn keeps_copies(&self) -> bool {
        self.policy.options.local != Local::NotKept
    }

    /// How long a copy that is made of an entry of the store is kept in this process.
    pub(super) fn copy_until(&self, made: Moment) -> Moment {
        let longest = match self.policy.options.local {
            Local::KeptFor(longest) => longest,
            Local::Kept | Local::NotKept => LONGEST_COPY,
        };
        made.after(longest)
    }
}
