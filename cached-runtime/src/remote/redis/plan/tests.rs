use super::*;

fn sent(what: &[Read]) -> String {
    let commands = Plan::new(&Names::new("n"), what).commands(true);
    String::from_utf8(commands.into_bytes()).unwrap()
}

#[test]
fn p11_a_look_up_is_one_command_and_a_look_at_the_role() {
    let read = Read {
        entries: vec![(EntryName::new("k"), Part::Whole)],
        cells: vec![Cell::Tag("a".into()), Cell::Family("b".into())],
    };
    let sent = sent(&[read]);
    assert!(sent.starts_with("*4\r\n$4\r\nMGET\r\n"), "{sent}");
    assert!(
        sent.ends_with("*3\r\n$4\r\nWAIT\r\n$1\r\n0\r\n$1\r\n0\r\n"),
        "{sent}"
    );
    assert_eq!(sent.matches("\r\n*").count(), 1, "{sent}");
}

#[test]
fn what_several_ask_for_is_read_once() {
    let read = |key: &str| Read {
        entries: vec![(EntryName::new(key), Part::Whole)],
        cells: vec![Cell::Tag("shared".into())],
    };
    let sent = sent(&[read("one"), read("two"), read("one")]);
    for name in ["n:v:{one}", "n:v:{two}", "n:t:{shared}"] {
        assert_eq!(sent.matches(name).count(), 1, "{sent}");
    }
}

#[test]
fn the_places_of_one_function_are_known_and_those_of_others_are_found() {
    let tags: Vec<Cell> = ["a", "b", "c"].map(|name| Cell::Tag(name.into())).into();
    let read = |cells: &[usize]| Read {
        entries: Vec::new(),
        cells: cells.iter().map(|at| tags[*at].clone()).collect(),
    };
    let what = [
        read(&[0, 1]),
        read(&[0, 2]),
        read(&[2, 1, 0]),
        read(&[0, 1]),
    ];
    let plan = Plan::new(&Names::new("n"), &what);
    assert_eq!(plan.places, [0, 1, 0, 2, 2, 1, 0, 0, 1]);
    assert_eq!(plan.wholes(), 3);
}

#[test]
fn a_beginning_that_several_ask_for_is_read_once() {
    let read = |most: usize| Read {
        entries: vec![(EntryName::new("k"), Part::AtMost(most))],
        cells: Vec::new(),
    };
    let all = [read(10), read(10), read(20)];
    let sent = sent(&all);
    assert_eq!(sent.matches("GETRANGE").count(), 2, "{sent}");
    assert!(sent.contains("$1\r\n0\r\n$1\r\n9\r\n"), "{sent}");
}

#[test]
fn long_look_ups_are_several_commands() {
    let read = Read {
        entries: Vec::new(),
        cells: (0..=KEYS)
            .map(|number| Cell::Tag(number.to_string().into()))
            .collect(),
    };
    assert_eq!(sent(&[read]).matches("MGET").count(), 2);
}

#[test]
fn only_what_may_be_an_entry_is_one() {
    let cut = |length: usize, part| cut(7..7 + length, part);
    assert_eq!(cut(16, Part::Identity), Some(7..23));
    assert_eq!(cut(15, Part::Identity), None);
    assert_eq!(cut(17, Part::Identity), None);
    assert_eq!(cut(0, Part::Identity), None);
    assert_eq!(cut(15, Part::AtMost(9)), Some(7..16));
    assert_eq!(cut(5, Part::AtMost(9)), Some(7..12));
    assert_eq!(cut(0, Part::AtMost(9)), None);
    assert_eq!(cut(1, Part::AtMost(0)), None);
}

/// What is found in these replies, of the beginning of an entry, a whole one and a cell.
fn came(replies: &str) -> Result<Came, Trouble> {
    let read = Read {
        entries: vec![
            (EntryName::new("k"), Part::Whole),
            (EntryName::new("k"), Part::AtMost(3)),
        ],
        cells: vec![Cell::Tag("a".into())],
    };
    let mut plan = Plan::new(&Names::new("n"), &[read]);
    plan.commands(true);
    plan.receive(Replies::new(replies.as_bytes()))
}

const MASTER: &str = ":2\r\n";

#[test]
fn each_finds_its_own() {
    let came = came(&format!("*2\r\n$1\r\nv\r\n$-1\r\n$3\r\nbeg\r\n{MASTER}")).unwrap();
    let first = came.whole(0).unwrap();
    assert_eq!(
        (came.replies.bytes(first), came.whole(1)),
        (&b"v"[..], None)
    );
    let part = came.part(0, Part::AtMost(2)).unwrap();
    assert_eq!(part.as_deref(), Some(&b"be"[..]));
    assert!(came.part(1, Part::Whole).is_err());
}

#[test]
fn a_value_of_another_type_is_no_entry_and_another_error_is_one() {
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    let came = |error| came(&format!("*2\r\n$-1\r\n$-1\r\n{error}{MASTER}")).unwrap();
    assert_eq!(came(wrong).part(0, Part::AtMost(2)).unwrap(), None);
    let other = came("-LOADING Redis is loading\r\n")
        .part(0, Part::AtMost(2))
        .unwrap_err();
    assert_eq!(other.why(), "loading its data");
    assert!(came(":1\r\n").part(0, Part::AtMost(2)).is_err());
}

#[test]
fn f3_nothing_counts_unless_it_came_from_a_master() {
    let why = |role: &str| {
        let trouble = came(&format!("*2\r\n$1\r\nv\r\n$-1\r\n$-1\r\n{role}"))
            .err()
            .unwrap();
        trouble.why()
    };
    assert_eq!(
        why("-ERR WAIT cannot be used with replica instances. Please also note\r\n"),
        "not a master"
    );
    assert_eq!(why("-LOADING Redis is loading\r\n"), "loading its data");
    for garbled in ["$1\r\n1\r\n", "*1\r\n:1\r\n", "+OK\r\n", ""] {
        assert_eq!(why(garbled), "the reply cannot be read", "{garbled}");
    }
}

#[test]
fn a_list_that_is_refused_or_of_another_length_is_no_answer() {
    for (list, why) in [
        (
            "-NOPERM no permissions to run the 'mget' command\r\n",
            "no permission for MGET",
        ),
        ("*1\r\n$-1\r\n", "the reply cannot be read"),
        ("*-1\r\n", "the reply cannot be read"),
    ] {
        let trouble = came(&format!("{list}$-1\r\n{MASTER}")).err().unwrap();
        assert_eq!(trouble.why(), why);
    }
}

#[test]
fn a_list_that_is_longer_than_what_was_asked_for_is_no_answer() {
    let read = Read {
        entries: vec![(EntryName::new("k"), Part::Whole)],
        cells: vec![Cell::Tag("a".into())],
    };
    let mut plan = Plan::new(&Names::new("n"), &[read]);
    plan.commands(false);
    let came = |replies: &[u8]| plan.receive(Replies::new(replies));
    assert!(came(b"*2\r\n$-1\r\n$-1\r\n").is_ok());
    assert!(came(b"*3\r\n$-1\r\n$-1\r\n$-1\r\n").is_err());
}
