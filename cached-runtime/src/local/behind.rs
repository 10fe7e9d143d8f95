//! What stands behind a copy of something that processes share.

use std::sync::Arc;

use crate::clock::Moment;
use crate::remote::{Cell, Incarnation, LeaseId, Proof};
use crate::shared::{Backing, Proofs, namespace_cell};
use crate::tags::TagCell;

/// So many tokens stand in place: those of the namespace, the prefix, and two tags.
const FEW: usize = 4;

/// A [`Backing`] as it stands in an entry, which has its tags already: mostly their tokens are all
/// there is to say.
#[derive(Debug)]
pub(crate) struct Behind {
    /// The entry in the store; `None` for answers that are kept in the process only.
    pub(crate) stored: Option<(LeaseId, Incarnation)>,
    /// How the bytes in the store were written.
    pub(crate) codec: Option<u8>,
    /// Until when this process keeps its copy.
    pub(crate) kept_until: Moment,
    tokens: Tokens,
}

#[derive(Debug)]
enum Tokens {
    /// So many of the namespace and the entry's tags, in their order.
    Few([Proof; FEW], u8),
    Many(Box<[Proof]>),
    /// Of other cells, or in another order.
    Named(Proofs),
}

impl Behind {
    /// Of an entry that has these tags, the prefix's first.
    pub(crate) fn new<'a>(
        backing: Backing,
        kept_until: Moment,
        tags: impl Iterator<Item = &'a Arc<TagCell>>,
    ) -> Self {
        let Backing {
            entry: stored,
            proofs,
            codec,
        } = backing;
        let tokens = match tokens_of(&proofs, tags) {
            Some(tokens) => tokens,
            None => Tokens::Named(proofs),
        };
        Self {
            stored,
            codec,
            kept_until,
            tokens,
        }
    }

    /// What it was made of, given the same tags.
    pub(crate) fn backing<'a>(&self, tags: impl Iterator<Item = &'a Arc<TagCell>>) -> Backing {
        let with_cells = |tokens: &[Proof]| {
            let tags = tags.map(|tag| tag.shared());
            let cells = std::iter::once(namespace_cell()).chain(tags);
            cells.zip(tokens.iter().copied()).collect()
        };
        let proofs = match &self.tokens {
            Tokens::Few(tokens, count) => with_cells(&tokens[..usize::from(*count)]),
            Tokens::Many(tokens) => with_cells(tokens),
            Tokens::Named(proofs) => Arc::clone(proofs),
        };
        Backing {
            entry: self.stored,
            proofs,
            codec: self.codec,
        }
    }
}

/// The tokens, if they are those of the namespace and of these tags.
fn tokens_of<'a>(
    proofs: &[(Cell, Proof)],
    mut tags: impl Iterator<Item = &'a Arc<TagCell>>,
) -> Option<Tokens> {
    let ((first, _), rest) = proofs.split_first()?;
    let is_of = |cell: &Cell, tag: &TagCell| matches!(cell, Cell::Tag(name) if tag.is_named(name));
    let all_named = *first == namespace_cell()
        && rest
            .iter()
            .all(|(cell, _)| tags.next().is_some_and(|tag| is_of(cell, tag)))
        && tags.next().is_none();
    all_named.then(|| {
        let tokens = proofs.iter().map(|(_, proof)| *proof);
        let mut few = [Proof(0); FEW];
        match (few.get_mut(..proofs.len()), u8::try_from(proofs.len())) {
            (Some(room), Ok(count)) => {
                room.iter_mut()
                    .zip(tokens)
                    .for_each(|(place, token)| *place = token);
                Tokens::Few(few, count)
            }
            _ => Tokens::Many(tokens.collect()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags::TagTable;

    fn proofs(names: &[&str]) -> Proofs {
        let cells = names.iter().map(|name| match name.strip_prefix("key ") {
            Some(key) => Cell::Key(crate::remote::EntryName::new(key)),
            None => Cell::Tag((*name).into()),
        });
        let cells = std::iter::once(namespace_cell()).chain(cells);
        cells.zip((7..).map(Proof)).collect()
    }

    #[test]
    fn what_is_behind_an_entry_is_what_was_put_there() {
        let table = TagTable::new();
        let shapes: [(&[&str], &[&str], bool); 11] = [
            (&[], &[], true),
            (&["@p"], &["@p"], true),
            (&["@p", "a", "b"], &["@p", "a", "b"], true),
            (
                &["@p", "a", "b", "c", "d"],
                &["@p", "a", "b", "c", "d"],
                true,
            ),
            (&["@p", "a", "b", "c"], &["@p", "a", "b", "c"], true),
            (&["@p", "a", "a"], &["@p", "a", "a"], true),
            (&["@p", "a"], &["@p", "a", "a"], false),
            (&["@p", "b", "a"], &["@p", "a", "b"], false),
            (&["@p", "a"], &["@p", "a", "b"], false),
            (&["@p", "a", "b"], &["@p", "a"], false),
            (&["@p", "key k"], &["@p", "k"], false),
        ];
        for (names, tags, is_implied) in shapes {
            let tags: Vec<_> = tags.iter().map(|tag| table.cell_named(tag)).collect();
            let backing = Backing::new(Some((LeaseId([1; 8]), Incarnation(2))), proofs(names));
            let backing = backing.written_by(3);
            let behind = Behind::new(backing.clone(), Moment::LAST, tags.iter());
            let again = behind.backing(tags.iter());
            assert!(again.proofs == backing.proofs, "{names:?}");
            assert_eq!((again.entry, again.codec), (backing.entry, Some(3)));
            assert_eq!(behind.kept_until, Moment::LAST);
            let is_named = matches!(behind.tokens, Tokens::Named(_));
            assert_eq!(!is_named, is_implied, "{names:?}");
        }
        for others in [vec![], vec![(Cell::Tag("a".into()), Proof(1))]] {
            let backing = Backing::new(None, others.into());
            let behind = Behind::new(backing.clone(), Moment::FIRST, std::iter::empty());
            let again = behind.backing(std::iter::empty());
            assert!(again.proofs == backing.proofs && again.entry.is_none());
        }
    }
}
