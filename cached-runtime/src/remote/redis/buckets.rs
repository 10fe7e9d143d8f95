//! Token buckets in the server.

use std::sync::Arc;

use ::redis::Value;

use super::error::Trouble;
use super::exchange::{Again, exchange};
use super::node::{Kind, Node};
use super::scripts::Script;
use crate::remote::{Draw, Drawn, Fault};

/// KEYS r; ARGV parts of a token, parts per microsecond, parts of a full bucket, parts wanted.
/// Gives 1 if they are taken, and how many are missing then. Three numbers are kept while some are: the
/// parts of a token, those that were missing, and when. Every number is whole and at most 2^53, so exact.
///
/// The same as `Pace::draw`.
static DRAW: Script = Script::new(
    r"
local token, speed = tonumber(ARGV[1]), tonumber(ARGV[2])
local capacity, parts = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local missing, at = 0, now
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'string' then
  local of, lack, when = string.match(held, '^([1-9]%d*) (%d+) (%d+)$')
  if of then
    missing, at = tonumber(lack), tonumber(when)
    -- Of other settings: tokens are what they have in common.
    if tonumber(of) ~= token then missing = math.ceil(missing / tonumber(of)) * token end
    missing = math.min(missing, capacity)
  end
end
local since = math.max(now - at, 0)
if since >= math.ceil(missing / speed) then missing = 0 else missing = missing - since * speed end
local allowed = parts <= capacity - missing
if allowed then missing = missing + parts end
-- A clock that was set back would let nothing come back until it is where it was.
if (allowed and parts > 0) or now < at then
  local life = math.max(math.ceil(math.ceil(missing / speed) / 1000), 1)
  redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', token, missing, now), 'PX', string.format('%.0f', life))
end
return {allowed and 1 or 0, missing}
",
);

pub(super) async fn draw(node: &Arc<Node>, draw: &Draw) -> Result<Drawn, Fault> {
    let name = node.names().bucket(&draw.bucket);
    let name = &name;
    node.operate(Kind::Take, |pair| async move {
        let replies = exchange(&pair, 1, Again::These, &mut |_, form| {
            let pace = &draw.pace;
            let mut command = DRAW.call(form, 1);
            command.word([name]).number(pace.token).number(pace.speed);
            command.number(pace.capacity).number(draw.parts);
            Ok(command)
        })
        .await?;
        match replies.as_slice() {
            [Value::Array(reply)] => drawn(reply),
            _ => Err(Trouble::garbled()),
        }
    })
    .await
}

fn drawn(reply: &[Value]) -> Result<Drawn, Trouble> {
    let [Value::Int(allowed), Value::Int(missing)] = reply else {
        return Err(Trouble::garbled());
    };
    Ok(Drawn {
        allowed: *allowed == 1,
        missing: u64::try_from(*missing).map_err(|_| Trouble::garbled())?,
    })
}
