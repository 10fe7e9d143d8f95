//! The truth of a fleet, in a server that no fault touches. Its clock is the only one.

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Script, cmd, pipe};

use super::{Floor, Since};
use crate::oracle::rows::Row;

/// How many lines are kept of what happened to a row.
const HISTORY: isize = 40;

/// Pairs: the floor of the moment, and the one of a window ago.
static FLOORS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
        local before = time[1] * 1000000 + time[2] - ARGV[1]
        local floors = {}
        for i = 2, #ARGV do
            local now = redis.call('HGET', 'floors', ARGV[i]) or 0
            local settled = redis.call('HGET', 'settled', ARGV[i]) or 0
            local past = redis.call('ZREVRANGEBYSCORE', 'past ' .. ARGV[i], before, '-inf', 'LIMIT', 0, 1)[1] or 0
            table.insert(floors, tonumber(now))
            table.insert(floors, math.max(tonumber(past), tonumber(settled)))
        end
        return floors",
    )
});

static RAISE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local function raise(what, row, to)
            if tonumber(redis.call('HGET', what, row) or 0) >= tonumber(to) then return false end
            redis.call('HSET', what, row, to)
            return true
        end
        for i = 2, #ARGV, 2 do
            local row, to = ARGV[i], ARGV[i + 1]
            if raise('floors', row, to) then redis.call('ZADD', 'past ' .. row, now, to) end
            if ARGV[1] == 'settled' then raise('settled', row, to) end
        end",
    )
});

pub(super) async fn versions(database: &MultiplexedConnection, rows: &[Row]) -> Vec<u64> {
    let mut command = cmd("HMGET");
    command.arg("versions");
    for row in rows {
        command.arg(row.name());
    }
    let answer = command.query_async(&mut database.clone()).await;
    let numbers: Vec<Option<u64>> = answer.expect("the database answers");
    numbers.into_iter().map(Option::unwrap_or_default).collect()
}

pub(super) async fn floors(
    database: &MultiplexedConnection,
    rows: &[Row],
    window: Duration,
) -> Vec<Floor> {
    let mut call = FLOORS.prepare_invoke();
    call.arg(u64::try_from(window.as_micros()).expect("a short window"));
    for row in rows {
        call.arg(row.name());
    }
    let answer = call.invoke_async(&mut database.clone()).await;
    let numbers: Vec<u64> = answer.expect("the database answers");
    let floor = |pair: &[u64]| Floor {
        now: pair[0],
        behind: pair[1],
    };
    numbers.chunks_exact(2).map(floor).collect()
}

pub(super) async fn write(database: &MultiplexedConnection, row: Row) {
    let mut command = cmd("HINCRBY");
    command.arg("versions").arg(row.name()).arg(1);
    let answer = command.query_async(&mut database.clone()).await;
    let _: u64 = answer.expect("the database answers");
}

pub(super) async fn raise(database: &MultiplexedConnection, floors: &[(Row, u64)], since: Since) {
    let mut call = RAISE.prepare_invoke();
    call.arg(if since == Since::Settled {
        "settled"
    } else {
        ""
    });
    for (row, floor) in floors {
        call.arg(row.name()).arg(*floor);
    }
    let answer = call.invoke_async(&mut database.clone()).await;
    let () = answer.expect("the database answers");
}

pub(super) async fn note(database: &MultiplexedConnection, rows: &[Row], line: &str) {
    let mut all = pipe();
    for row in rows {
        let history = format!("history {}", row.name());
        all.cmd("RPUSH").arg(&history).arg(line).ignore();
        all.cmd("LTRIM").arg(&history).arg(-HISTORY).arg(-1);
        all.ignore();
    }
    let answer = all.query_async(&mut database.clone()).await;
    let () = answer.expect("the database answers");
}

pub(super) async fn violated(database: &MultiplexedConnection, row: Row, mut line: String) {
    let mut database = database.clone();
    let mut command = cmd("LRANGE");
    command.arg(format!("history {}", row.name())).arg(&[0, -1]);
    let answer = command.query_async(&mut database).await;
    let history: Vec<String> = answer.expect("the database answers");
    for past in history {
        line.push_str("\n    ");
        line.push_str(&past);
    }
    let mut command = cmd("RPUSH");
    command.arg("violations").arg(line);
    let answer = command.query_async(&mut database).await;
    let () = answer.expect("the database answers");
}
