//! What has to hold in every state, and what some state has to show.

use super::config::Config;
use super::state::{NEWER_OVERWRITTEN, Phase, STALE_READ, State, TWO_LOADS};
use stateright::{Model, Property};

pub(super) fn all() -> Vec<Property<Config>> {
    vec![
        Property::always("no stale read", |_, state: &State| {
            state.broken & STALE_READ == 0
        }),
        Property::always(
            "no newer value overwritten",
            |config: &Config, state: &State| {
                config.stale_only || state.broken & NEWER_OVERWRITTEN == 0
            },
        ),
        Property::always("one load per key", |config: &Config, state: &State| {
            config.stale_only || state.broken & TWO_LOADS == 0
        }),
        Property::always("nobody stuck", |config: &Config, state: &State| {
            let mut actions = Vec::new();
            config.actions(state, &mut actions);
            let ended = |phase, left| phase == Phase::Idle && left == 0;
            state.is_final(config)
                || !actions.is_empty()
                || state
                    .readers
                    .iter()
                    .all(|reader| ended(reader.phase, reader.left))
        }),
        Property::sometimes(
            "reach: hit after an invalidation",
            |config: &Config, state: &State| {
                state.readers.iter().any(|reader| match reader.phase {
                    Phase::Lookup {
                        value: Some(Some(entry)),
                        incarnation,
                        got,
                        tokens,
                    } => {
                        reader.floor > 0
                            && got == config.all()
                            && entry.incarnation == incarnation
                            && config.tokens_match(&entry.tokens, &tokens)
                    }
                    _ => false,
                })
            },
        ),
        Property::sometimes("reach: fill that the fence rejects", |_, state: &State| {
            let lock = state.values.lock;
            let rejected =
                |phase| matches!(phase, Phase::Fill { grant, .. } if grant.lease != lock);
            state.readers.iter().any(|reader| rejected(reader.phase))
        }),
        Property::sometimes(
            "reach: joiner served by a proven load",
            |config: &Config, state: &State| {
                let has_joiner = |leader: usize| {
                    let joined = Phase::Joined {
                        leader: leader as u8,
                    };
                    state.readers.iter().any(|reader| reader.phase == joined)
                };
                state.readers.iter().enumerate().any(|(number, reader)| {
                    let proven = match reader.phase {
                        Phase::Verify { got, ok, .. } => ok && got == config.all(),
                        Phase::Sent { got, ok, fill, .. } => {
                            ok && fill == Some(true) && got == config.all()
                        }
                        _ => false,
                    };
                    proven && has_joiner(number)
                })
            },
        ),
    ]
}
