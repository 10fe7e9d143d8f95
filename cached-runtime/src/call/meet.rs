//! What the shared tier knows of a key: the second look of a call, where there is one.

use std::sync::Arc;

use crate::cache::{Asking, Cache};
use crate::coherence::Trust;
use crate::defect::Defect;
use crate::local::AnyEntry;
use crate::mode::Tier;
use crate::outcome::Kind;
use crate::policy::Local;
use crate::shared::{Backing, Found, Legible, Look, Looks, Share, Sight};

use super::given::Stored;
use super::venture::Meeting;
use super::{Call, Subject};

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
/// was found stands. What is beyond doubt, and of which nothing is kept here, comes as it is; not
/// if `always`.
pub(crate) async fn meet_each(
    cache: &Cache,
    codec: &Kind,
    keys: Vec<(&Subject, Option<Arc<AnyEntry>>)>,
    always: bool,
) -> Vec<Result<Met, Box<Stored>>> {
    let Some(tier) = cache.shared().filter(|_| cache.is_enabled()) else {
        let apart = |(_, found)| Ok(Met::here(found, Access::Apart));
        return keys.into_iter().map(apart).collect();
    };
    let mut met: Vec<Option<Result<Met, Box<Stored>>>> = keys.iter().map(|_| None).collect();
    let mut asked = Vec::with_capacity(keys.len());
    for (at, (subject, found)) in keys.into_iter().enumerate() {
        match found {
            Some(found) if !always && subject.is_beyond_doubt(cache, &found) => {
                met[at] = Some(Ok(Met::here(Some(found), Access::Unasked)));
            }
            found => asked.push((at, subject, found)),
        }
    }
    if !asked.is_empty() {
        let shares = asked
            .iter()
            .map(|(_, subject, _)| subject.share(cache, tier, codec));
        let shares: Vec<Share> = shares.collect();
        let copies = asked
            .iter()
            .map(|(_, _, found)| Subject::copy(cache, found.as_deref()));
        let copies: Vec<_> = copies.collect();
        let sought: Vec<_> = shares
            .iter()
            .zip(copies.iter().map(Option::as_ref))
            .collect();
        let moment = cache.asking();
        let gives = |at: usize, legible: &Legible| {
            let (_, subject, _) = &asked[at];
            !always && subject.is_given(cache, codec, legible, moment)
        };
        let looks = tier.look_each(&sought, moment.at, &gives).await;
        let mut looks = looks.map(Vec::into_iter);
        for ((at, subject, found), share) in asked.into_iter().zip(shares) {
            met[at] = Some(match looks.as_mut().map(Iterator::next) {
                Some(Some(Some(Look {
                    found: Found::Given(legible),
                    ..
                }))) => {
                    let stored = subject.give(codec, share.schema, legible, moment);
                    Err(Box::new(stored))
                }
                Some(look) => {
                    let look = (moment, look.flatten());
                    Ok(subject.met(cache, codec, share, found, look))
                }
                None => Ok(subject.unanswered(cache, found)),
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
    let share = subject.share(cache, tier, codec);
    let copy = Subject::copy(cache, found.as_deref());
    let asked = cache.asking();
    let looks = tier.look_one((&share, copy.as_ref()), asked.at).await;
    subject.looked(cache, codec, (share, found), asked, looks)
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
    /// The second look of a call, where there is a shared tier: which may be all there is to do.
    pub(super) async fn meet(&mut self, codec: &Kind) -> Meeting {
        if self.subject.stats.expects_nothing()
            && let Some(meeting) = Box::pin(self.venture(codec)).await
        {
            return meeting;
        }
        let always = self.mode.refresh || self.reads_closely;
        self.look_again(codec, always).await
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

    async fn look_again(&mut self, codec: &Kind, always: bool) -> Meeting {
        if self.mode.bypass {
            return Meeting::Told;
        }
        if self.cache.shared().is_none() {
            self.look_here(codec);
            return Meeting::Told;
        }
        let found = self.found.take();
        let blank = found.is_none() && !always;
        let met = meet(&self.cache, codec, &self.subject, found, always).await;
        self.has_met(Ok(met), blank)
    }
}

impl Subject {
    /// What comes of a look for one key.
    pub(super) fn looked(
        &self,
        cache: &Cache,
        codec: &Kind,
        (share, found): (Share, Option<Arc<AnyEntry>>),
        asked: Asking,
        looks: Looks,
    ) -> Met {
        match looks {
            Some(looks) => {
                let look = looks.into_iter().flatten().next();
                self.met(cache, codec, share, found, (asked, look))
            }
            None => self.unanswered(cache, found),
        }
    }

    /// What backs a copy in this process that may still be used.
    pub(super) fn copy(cache: &Cache, local: Option<&AnyEntry>) -> Option<Backing> {
        let entry = local.filter(|entry| Self::is_kept(cache, entry))?;
        entry.backing()
    }

    /// Whether a copy in this process may still be used.
    pub(super) fn is_kept(cache: &Cache, entry: &AnyEntry) -> bool {
        let behind = entry.behind();
        behind.is_some_and(|behind| cache.clock().now() < behind.kept_until)
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
        let confirmed = asked.confirmed(look.oldest, look.server);
        let (found, tier) = self.found(cache, codec, share.schema, local, (asked, confirmed), said);
        Met {
            softly: softly && found.is_some(),
            found,
            tier,
            access: Access::Seen(Box::new((share, look.sight))),
        }
    }

    pub(super) fn trust(&self, cache: &Cache) -> Trust {
        let general = cache.watch().trust();
        general.min(self.policy.options.trust())
    }

    /// What there is while the shared tier gives no answer.
    pub(super) fn unanswered(&self, cache: &Cache, found: Option<Arc<AnyEntry>>) -> Met {
        let stands = |found: &Arc<AnyEntry>| {
            let (now, options) = (cache.clock().now(), &self.policy.options);
            let kept_until = match options.local {
                Local::KeptFor(_) => found.behind().map(|behind| behind.kept_until),
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
    pub(super) fn is_beyond_doubt(&self, cache: &Cache, found: &AnyEntry) -> bool {
        let now = cache.clock().now();
        now < found.carefree_until
            && cache.stands_for(found, self.trust(cache))
            && !Defect::UnverifiedCopy.is_on()
    }
}
