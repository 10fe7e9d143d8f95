//! Places that are given to whoever comes and given again when they are free.

/// Who sits at which place.
#[derive(Debug)]
pub(crate) struct Seats<T> {
    all: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Seats<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Seats<T> {
    /// Gives somebody a place, and says which.
    pub(crate) fn take(&mut self, who: T) -> usize {
        if let Some(free) = self.free.pop() {
            self.all[free] = Some(who);
            free
        } else {
            self.all.push(Some(who));
            self.all.len() - 1
        }
    }

    pub(crate) fn get_mut(&mut self, seat: usize) -> Option<&mut T> {
        self.all.get_mut(seat)?.as_mut()
    }

    /// The place is free.
    pub(crate) fn leave(&mut self, seat: usize) -> Option<T> {
        let who = self.all.get_mut(seat)?.take()?;
        self.free.push(seat);
        Some(who)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.all.iter().flatten()
    }

    #[cfg(feature = "redis")]
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.all.iter_mut().flatten()
    }

    pub(crate) fn into_all(self) -> impl Iterator<Item = T> {
        self.all.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_again_and_only_once() {
        let mut seats = Seats::default();
        let (one, two) = (seats.take('a'), seats.take('b'));
        assert_ne!(one, two);
        assert_eq!(seats.leave(one), Some('a'));
        assert_eq!(seats.leave(one), None);
        assert_eq!(seats.get_mut(one), None);
        assert_eq!(seats.take('c'), one);
        assert_ne!(seats.take('d'), one);
        assert_eq!(seats.get_mut(two).map(|who| *who), Some('b'));
        assert_eq!(seats.leave(99), None);
        assert_eq!(seats.iter().count(), 3);
        assert_eq!(seats.into_all().collect::<String>(), "cbd");
    }
}
