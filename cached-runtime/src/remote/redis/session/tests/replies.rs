//! Replies are read as the client reads them, whatever they are and however they come.

use ::redis::{Value, parse_redis_value};
use proptest::prelude::*;

use super::super::reply::{Garbled, Part, Received, Replies};

/// All replies in `bytes`, which come in pieces of `piece`.
fn read(bytes: &[u8], piece: usize) -> Result<Vec<Value>, Garbled> {
    let mut received = Received::new();
    let mut replies = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        let mut rest = piece;
        while !rest.is_empty() {
            let room = received.room();
            let count = rest.len().min(room.len());
            room[..count].copy_from_slice(&rest[..count]);
            received.put(count);
            rest = &rest[count..];
        }
        while let Some(mut reply) = received.next(1)? {
            replies.push(reply.value()?);
        }
    }
    Ok(replies)
}

/// Something that a server may say.
fn said() -> impl Strategy<Value = Vec<u8>> {
    let one = prop_oneof![
        any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
        "[ -~]{0,20}".prop_map(|text| format!("+{text}\r\n").into_bytes()),
        "(ERR|NOSCRIPT|WRONGTYPE|X) [a-z]{1,20}"
            .prop_map(|text| format!("-{text}\r\n").into_bytes()),
        Just(b"$-1\r\n".to_vec()),
        Just(b"*-1\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40_000).prop_map(|text| {
            [format!("${}\r\n", text.len()).as_bytes(), &text, b"\r\n"].concat()
        }),
    ];
    one.prop_recursive(4, 64, 6, |inner| {
        prop::collection::vec(inner, 0..6).prop_map(|parts| {
            [format!("*{}\r\n", parts.len()).into_bytes(), parts.concat()].concat()
        })
    })
}

proptest! {
    #[test]
    fn replies_are_what_the_client_reads(
        said in prop::collection::vec(said(), 1..4),
        piece in prop_oneof![1..40_usize, 1..50_000_usize],
    ) {
        let expected: Vec<_> = said.iter().map(|one| parse_redis_value(one).unwrap()).collect();
        // Bytewise only what is short: each piece is a step.
        let bytes = said.concat();
        let piece = piece.max(bytes.len() / 2_000);
        prop_assert_eq!(read(&bytes, piece), Ok(expected));
    }

    #[test]
    fn r16_no_bytes_are_more_than_refused(bytes in "[$*:+\\-]{0,2}[0-9\\-]{0,20}(\r\n)?[$*:0-9\r\nx]{0,40}") {
        let _: Result<_, _> = read(bytes.as_bytes(), 3);
    }
}

#[test]
fn r16_what_is_announced_takes_no_memory_before_it_comes() {
    for announced in [
        "$536870912\r\n",
        "*536870912\r\n",
        "*500000000\r\n*500000000\r\n",
    ] {
        let mut received = Received::new();
        received.room()[..announced.len()].copy_from_slice(announced.as_bytes());
        received.put(announced.len());
        assert!(received.next(1).unwrap().is_none());
        assert!(received.room().len() <= 32 * 1024, "{announced}");
    }
}

#[test]
fn what_is_no_reply_is_refused() {
    let deep = "*1\r\n".repeat(20) + ":1\r\n";
    let line = "+".to_owned() + &"x".repeat(70_000);
    for bytes in [
        "HTTP/1.1\r\n",
        "$5\r\nabcdefg",
        "$-2\r\n",
        "$536870913\r\n",
        "*-2\r\n",
        ":\r\n",
        ":1x\r\n",
        ":9223372036854775808\r\n",
        ":1\n",
        "%1\r\n",
        &deep,
        &line,
    ] {
        assert_eq!(read(bytes.as_bytes(), 4_096), Err(Garbled), "{bytes:.20}");
    }
    assert_eq!(
        read(b":-9223372036854775808\r\n", 4),
        Ok(vec![Value::Int(i64::MIN)])
    );
}

#[test]
fn parts_are_found_where_they_stand() {
    let bytes = b"*5\r\n$2\r\nab\r\n$-1\r\n-WRONGTYPE x\r\n*1\r\n:1\r\n:7\r\n:-4\r\n+OK\r\n";
    let mut replies = Replies::new(bytes);
    assert_eq!(replies.list().unwrap(), 5);
    let Part::Text(text) = replies.part().unwrap() else {
        panic!("it is a text");
    };
    assert_eq!(replies.bytes(text), b"ab");
    assert_eq!(replies.part(), Ok(Part::Nothing));
    let Part::Error(at) = replies.part().unwrap() else {
        panic!("it is an error");
    };
    assert!(replies.is_wrong_type(at) && !replies.is_wrong_type(0));
    assert_eq!(replies.part(), Ok(Part::Other));
    assert_eq!(replies.part(), Ok(Part::Other));
    assert_eq!(replies.number().unwrap(), -4);
    assert!(replies.number().is_err());
    assert_eq!(replies.part(), Err(Garbled));
}

#[test]
fn a_buffer_does_not_stay_as_large_as_the_longest_reply() {
    let long = vec![b'x'; 4 << 20];
    let mut received = Received::new();
    let reply = [format!("${}\r\n", long.len()).as_bytes(), &long, b"\r\n"].concat();
    let mut rest = &reply[..];
    while !rest.is_empty() {
        assert!(received.next(1).unwrap().is_none());
        let room = received.room();
        let count = rest.len().min(room.len());
        room[..count].copy_from_slice(&rest[..count]);
        received.put(count);
        rest = &rest[count..];
    }
    let value = received.next(1).unwrap().unwrap().value();
    assert_eq!(value, Ok(Value::BulkString(long)));
    assert!(received.room().len() <= 16 * 1024);
}
