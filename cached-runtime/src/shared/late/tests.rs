// A value needs a codec to be stored.
#[cfg(feature = "messagepack")]
mod calls;

use super::*;

const MIB: usize = 1 << 20;

fn name(number: usize) -> EntryName {
    EntryName::new(number.to_string())
}

fn at_most(payload: usize) -> Part {
    Part::AtMost(payload + LONGEST_HEADER + 1)
}

#[test]
fn what_was_late_is_read_up_to_what_is_of_use_until_it_comes() {
    let (late, clock) = (Late::default(), Clock::manual());
    assert_eq!(late.part(&name(1), MIB, &clock), Part::Whole);
    late.was_late(&name(1), Part::Whole, &clock);
    assert_eq!(late.part(&name(1), MIB, &clock), at_most(MIB));
    assert_eq!(late.part(&name(1), 8 * MIB, &clock), at_most(8 * MIB));
    assert_eq!(late.part(&name(2), MIB, &clock), Part::Whole);
    late.came(&name(1));
    assert_eq!(late.part(&name(1), MIB, &clock), Part::Whole);
    assert!(!late.any.load(Acquire), "no lock is taken any more");
}

#[test]
fn what_was_late_twice_is_read_up_to_a_modest_size() {
    let (late, clock) = (Late::default(), Clock::manual());
    for _ in 0..3 {
        // Calls that were under way together are one time.
        late.was_late(&name(1), Part::Whole, &clock);
    }
    let first = late.part(&name(1), 8 * MIB, &clock);
    assert_eq!(first, at_most(8 * MIB));
    late.was_late(&name(1), first, &clock);
    late.was_late(&name(1), Part::Whole, &clock);
    assert_eq!(late.part(&name(1), 8 * MIB, &clock), at_most(MIB));
    assert_eq!(late.part(&name(1), MIB / 4, &clock), at_most(MIB / 4));
}

#[test]
fn after_a_minute_all_is_read_again() {
    let (late, clock) = (Late::default(), Clock::manual());
    late.was_late(&name(1), at_most(MIB), &clock);
    clock.advance(KEPT / 2);
    late.was_late(&name(2), Part::Whole, &clock);
    clock.advance(KEPT / 2);
    assert_eq!(late.part(&name(1), 8 * MIB, &clock), Part::Whole);
    assert_eq!(late.part(&name(2), 8 * MIB, &clock), at_most(8 * MIB));
    late.was_late(&name(1), Part::Whole, &clock);
    assert_eq!(late.part(&name(1), 8 * MIB, &clock), at_most(8 * MIB));
    clock.advance(KEPT);
    assert_eq!(late.part(&name(2), MIB, &clock), Part::Whole);
    let marks = late.marks();
    assert_eq!((marks.young.len(), marks.old.len()), (0, 0));
    assert!(!late.any.load(Acquire), "no lock is taken any more");
}

#[test]
fn the_last_names_are_known_and_the_rest_is_bounded() {
    let (late, clock) = (Late::default(), Clock::manual());
    for number in 0..5 * NAMES {
        late.was_late(&name(number), Part::Whole, &clock);
        let marks = late.marks();
        assert!(marks.young.len() + marks.old.len() <= 2 * NAMES);
    }
    for number in 4 * NAMES..5 * NAMES {
        assert_ne!(late.part(&name(number), MIB, &clock), Part::Whole);
    }
    assert_eq!(late.part(&name(0), MIB, &clock), Part::Whole);
}

#[test]
fn what_is_as_long_as_it_may_be_is_not_cut() {
    assert!(!is_cut(Part::AtMost(11), 10));
    assert!(is_cut(Part::AtMost(11), 11));
    assert!(!is_cut(Part::Whole, usize::MAX));
}
