//! What is known at compile time about one cached function.

use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::coherence::{Coherence, Trust};
use crate::key::{Identity, Key, Named, Parts};
use crate::observe::Once;

/// One cached function: a `static` in its body.
pub struct Site {
    origin: Origin,
    prefix: Option<&'static str>,
    version: Option<&'static str>,
    /// How far copies are trusted at most.
    trust: Trust,
    /// Filled at first use where no prefix is given.
    derived: OnceLock<Derived>,
    /// What begins each of its keys; filled at first use, unless another function has it.
    head: OnceLock<Named<'static>>,
    /// One of [`scope`]: a static stands for all instantiations of the function, so it is the same
    /// for each call.
    scope: AtomicU8,
}

/// Whether what is around a function varies.
mod scope {
    pub(super) const UNKNOWN: u8 = 0;
    pub(super) const FIXED: u8 = 1;
    pub(super) const VARIES: u8 = 2;
}

/// Where a cached function stands in the source.
struct Origin {
    name: &'static str,
    /// The `type_name` of an item inside the function, which names all that encloses it.
    path: fn() -> &'static str,
    /// Of the attribute.
    location: &'static Location<'static>,
}

/// A prefix made from where the function stands.
struct Derived {
    prefix: &'static str,
    /// Another function has the same one: this one is not cached.
    taken_by: Option<Owner>,
    reported: Once,
}

/// The functions without a given prefix, by the prefix derived for them.
static DERIVED: Mutex<Option<HashMap<&'static str, Owner>>> = Mutex::new(None);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Owner {
    name: &'static str,
    location: &'static Location<'static>,
    /// Tells functions apart that one `macro_rules` wrote on one line.
    address: Option<usize>,
}

impl Site {
    /// A function without options that concern its key: its name, and the `type_name` of an item
    /// inside of it.
    #[track_caller]
    pub const fn new(name: &'static str, path: fn() -> &'static str) -> Self {
        Self {
            origin: Origin {
                name,
                path,
                location: Location::caller(),
            },
            prefix: None,
            version: None,
            trust: Trust::FOREVER,
            derived: OnceLock::new(),
            head: OnceLock::new(),
            scope: AtomicU8::new(scope::UNKNOWN),
        }
    }

    /// Gives it a prefix.
    #[must_use]
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// Gives it a version.
    #[must_use]
    pub const fn version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }

    /// How closely copies in the process must follow what other processes invalidate.
    #[must_use]
    pub const fn coherence(mut self, coherence: Coherence) -> Self {
        self.trust = coherence.trust();
        self
    }

    #[inline]
    pub(crate) fn trust(&self) -> Trust {
        self.trust
    }

    /// What the impl around the function is for, if that is not the same for every call. `here`
    /// names a closure in the function.
    #[inline]
    pub(crate) fn scope(&self, here: fn() -> &'static str) -> Option<&'static str> {
        match self.scope.load(Ordering::Relaxed) {
            scope::FIXED => None,
            scope::VARIES => Some(enclosing(here())),
            _ => self.find_scope(here()),
        }
    }

    /// The name of a closure has the arguments of the impl; that of an item has `_` for them.
    #[cold]
    fn find_scope(&self, here: &'static str) -> Option<&'static str> {
        let item = (self.origin.path)();
        let function = item
            .rsplit_once("::")
            .map_or(item, |(function, _)| function);
        let scope = enclosing(here);
        let varies = scope != enclosing(function);
        let known = if varies { scope::VARIES } else { scope::FIXED };
        self.scope.store(known, Ordering::Relaxed);
        varies.then_some(scope)
    }

    /// The key of one call; `None` if the function may not be cached, because another one has the
    /// same derived prefix.
    #[inline]
    pub(crate) fn identity<'a, P>(&'static self, parts: &'a P) -> Option<Identity<'a, P>> {
        let head = match self.head.get() {
            Some(head) => head,
            None => self.make_head()?,
        };
        Some(Identity::new(head, parts))
    }

    #[cold]
    fn make_head(&'static self) -> Option<&'static Named<'static>> {
        let prefix = match self.prefix {
            Some(prefix) => prefix,
            None => self.own_derived()?,
        };
        let head = || Named::new(prefix, self.version);
        Some(self.head.get_or_init(head))
    }

    /// The key of one call, for a function that makes keys only, and so claims no prefix.
    pub(crate) fn key<T, P: Parts>(&self, parts: &P) -> Key<T> {
        let prefix = self.prefix.unwrap_or_else(|| {
            self.derived
                .get_or_init(|| Derived {
                    prefix: self.derive(),
                    taken_by: None,
                    reported: Once::default(),
                })
                .prefix
        });
        Key::of_parts(prefix, self.version, parts)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.prefix.unwrap_or(self.origin.name)
    }

    fn own_derived(&'static self) -> Option<&'static str> {
        let derived = self.derived.get_or_init(|| self.claim());
        let Some(first) = &derived.taken_by else {
            return Some(derived.prefix);
        };
        // Logged where nothing is held: a subscriber may make cached calls.
        if derived.reported.first() {
            let (one, other) = (first.location, self.origin.location);
            tracing::error!(
                prefix = derived.prefix,
                first = %format_args!("{}:{}", one.file(), one.line()),
                second = %format_args!("{}:{}", other.file(), other.line()),
                "two cached functions have the same default prefix; the second is not cached until it is given a `prefix`"
            );
        }
        None
    }

    /// First come, first served: two functions under one derived prefix would serve each other's
    /// values.
    #[cold]
    fn claim(&'static self) -> Derived {
        let prefix = self.derive();
        let Origin { name, location, .. } = self.origin;
        let owner = Owner {
            name,
            location,
            address: Some(std::ptr::from_ref(self).addr()),
        };
        let mut owners = DERIVED.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *owners
            .get_or_insert_default()
            .entry(prefix)
            .or_insert(owner);
        Derived {
            prefix,
            taken_by: (first != owner).then_some(first),
            reported: Once::default(),
        }
    }

    /// Happens once per function, so the text may live as long as the program.
    fn derive(&self) -> &'static str {
        let Origin { path, name, .. } = self.origin;
        derived_prefix(path(), name).leak()
    }
}

/// `app::W::get::{{closure}}::Here` is `app.W.get`. The last named segment before the local item
/// is replaced by `name`, since a key function stands beside the function it makes keys for.
fn derived_prefix(path: &str, name: &str) -> String {
    // A path has at least the crate, the function and the item.
    let function = outer(path).trim_end_matches("::{{closure}}");
    let scope = outer(function);
    let text = format!("{scope}::{name}").replace("::", ".");
    text.chars()
        .filter(|c| !c.is_whitespace() && !"{}:%".contains(*c))
        .collect()
}

fn outer(path: &str) -> &str {
    path.rsplit_once("::").map_or("", |(outer, _)| outer)
}

/// `app::R<app::User>` of `app::R<app::User>::get<u8>::{{closure}}`: all before the function.
fn enclosing(path: &str) -> &str {
    let mut function = path;
    while let Some(outer) = function.strip_suffix("::{{closure}}") {
        function = outer;
    }
    let end = if function.ends_with('>') {
        last_separator(function)
    } else {
        function.rfind("::")
    };
    end.map_or("", |end| &function[..end])
}

/// The last `::` outside of angle brackets.
fn last_separator(path: &str) -> Option<usize> {
    let bytes = path.as_bytes();
    let (mut depth, mut last, mut at) = (0_usize, None, 0);
    while let Some(&byte) = bytes.get(at) {
        match (byte, &bytes[at + 1..]) {
            (b'<', _) => depth += 1,
            (b'-', [b'>', ..]) => at += 1,
            (b'>', _) => depth = depth.saturating_sub(1),
            (b':', [b':', ..]) if depth == 0 => {
                last = Some(at);
                at += 1;
            }
            // The value of a const parameter: `'>'`, `'\''`. A lifetime has no second quote.
            (b'\'', [b'\\', _, ..] | [_, b'\'', ..]) => at += 2,
            _ => {}
        }
        at += 1;
    }
    last
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("name", &self.origin.name)
            .field("location", &self.origin.location)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{derived_prefix, enclosing};

    /// The names that rustc 1.95 gives to closures.
    #[test]
    fn what_encloses_a_function_has_the_arguments_of_the_impl_and_not_those_of_the_function() {
        for (path, scope) in [
            ("app::get::{{closure}}", "app"),
            ("app::get<app::U>::{{closure}}", "app"),
            ("app::get<alloc::vec::Vec<app::U>, 3>::{{closure}}", "app"),
            ("app::W::get::{{closure}}", "app::W"),
            (
                "app::R<app::U>::get::{{closure}}::{{closure}}",
                "app::R<app::U>",
            ),
            (
                "app::R<o::O<app::U>>::get<app::V>::{{closure}}",
                "app::R<o::O<app::U>>",
            ),
            (
                "app::m::<impl app::R<app::U>>::get::{{closure}}",
                "app::m::<impl app::R<app::U>>",
            ),
            (
                "<app::P as app::T<u8>>::get::{{closure}}",
                "<app::P as app::T<u8>>",
            ),
            (
                "<fn(&'_ str, [u8; 3]) -> u8 as app::T>::get<fn(u8) -> a::P>::{{closure}}",
                "<fn(&'_ str, [u8; 3]) -> u8 as app::T>",
            ),
            (
                "app::R<_>::outer::inner<u8>::{{closure}}",
                "app::R<_>::outer",
            ),
            (
                "app::C<'\\''>::get<'<', fn(u8) -> a::U>::{{closure}}",
                "app::C<'\\''>",
            ),
            (
                "app::C<'>'>::get<'\\n', '\\\\'>::{{closure}}",
                "app::C<'>'>",
            ),
            (
                "app::L<'_, app::U>::get<u8>::{{closure}}",
                "app::L<'_, app::U>",
            ),
            (
                "app::R<app::main::{{closure}}>::get::{{closure}}",
                "app::R<app::main::{{closure}}>",
            ),
        ] {
            assert_eq!(enclosing(path), scope, "{path}");
        }
    }

    #[test]
    fn a_derived_prefix_names_all_that_encloses_the_function() {
        for (path, prefix) in [
            ("app::get::{{closure}}::Here", "app.get"),
            ("app::W::get::{{closure}}::Here", "app.W.get"),
            (
                "app::outer::{{closure}}::get::{{closure}}::Here",
                "app.outer.closure.get",
            ),
            ("app::W::user_key::Here", "app.W.get"),
            ("app::get::{{closure}}::{{closure}}::Here", "app.get"),
        ] {
            assert_eq!(derived_prefix(path, "get"), prefix, "{path}");
        }
    }
}
