//! What runs inside the server. Each script is atomic there, and touches one entry or cells.
//!
//! `l` holds a lease of 8 bytes and up to 64 ids of 8 bytes of processes that wait for its end, or
//! `P`: the last answer could not be stored, or `R`: the last load failed, or `L`: the key was
//! invalidated, and what is loaded may be older than that. A value of another type or shape is not
//! ours, and is treated as nothing.
//!
//! A cell holds 16 bytes. The first is 0 in a token and 1 in an intent; the second of an intent is
//! 1 if it waits for a source that lags, and else a write is under way.

use std::sync::OnceLock;

use ::redis::{Cmd, Script as Lua, cmd};

/// A script and the hash under which the server knows it.
pub(super) struct Script {
    text: &'static str,
    hash: OnceLock<String>,
}

/// How a script is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// By its hash.
    Known,
    /// By its text, which makes it known.
    Text,
}

/// The text of the scripts that tell those who wait. `told` sends one byte and the entry's name to
/// the channel of each; a user without the right to publish leaves them to look for themselves.
macro_rules! with_told {
    ($text:literal) => {
        concat!(
            r"
local function bytes(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'string' then return value end
  return ''
end
local function told(held, channels, message)
  for at = 9, #held - 7, 8 do
    local process = string.gsub(string.sub(held, at, at + 7), '.', function(byte)
      return string.format('%02x', string.byte(byte))
    end)
    redis.pcall('PUBLISH', channels .. process, message)
  end
end
",
            $text
        )
    };
}

/// KEYS v l i; ARGV lease, ttl, how (if `f`ree, if free and r`e`sted, `t`ake over, `r`eplace), seen,
/// process or empty.
/// Gives `G`ranted, `C`hanged, `P`ass, how long the lease in force lives, or in a list how long the
/// entry rests.
pub(super) static LOCK: Script = Script::new(
    r"
local held, left = redis.pcall('GET', KEYS[2]), redis.call('PTTL', KEYS[2])
-- What has no end is not ours.
if type(held) ~= 'string' or left < 0 then held = '' end
local asks = ARGV[3] == 'f' or ARGV[3] == 'e'
if asks then
  local seen = redis.pcall('GETRANGE', KEYS[1], 16, 23)
  if type(seen) ~= 'string' or #seen < 8 then seen = '' end
  if seen ~= ARGV[4] then return 'C' end
end
if held == 'L' or (held == 'P' and asks) then return 'P' end
if asks then
  if held == 'R' and ARGV[3] == 'e' then return {left} end
  if #held >= 8 then
    local listed = ARGV[5] == '' or #held >= 520
    for at = 9, #held - 7, 8 do
      listed = listed or string.sub(held, at, at + 7) == ARGV[5]
    end
    if not listed then redis.pcall('APPEND', KEYS[2], ARGV[5]) end
    return left
  end
end
if ARGV[3] == 'r' then
  redis.call('DEL', KEYS[1])
  -- Pushed: copies in other processes are not what is stored any more.
  local marked = redis.call('PTTL', KEYS[3])
  if marked > 0 then
    redis.call('PEXPIRE', KEYS[3], marked)
  else
    redis.call('SET', KEYS[3], '', 'PX', 1)
  end
end
redis.call('SET', KEYS[2], ARGV[1] .. string.sub(held, 9), 'PX', ARGV[2])
return 'G'
",
);

/// KEYS v l; ARGV lease, life, envelope before and after its stamps, channels, message.
/// Gives 1 if it was stored.
pub(super) static FILL: Script = Script::new(with_told!(
    r"
local held = bytes(KEYS[2])
if #held < 8 or string.sub(held, 1, 8) ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local stamps = struct.pack('<I8', now) .. struct.pack('>I8', now)
redis.call('SET', KEYS[1], ARGV[3] .. stamps .. ARGV[4], 'PX', ARGV[2])
redis.call('DEL', KEYS[2])
told(held, ARGV[5], ARGV[6])
return 1
"
));

/// KEYS l; ARGV lease, ttl. Gives 1 if the lease is in force.
pub(super) static RENEW: Script = Script::new(
    r"
local held = redis.pcall('GET', KEYS[1])
if type(held) ~= 'string' or #held < 8 or string.sub(held, 1, 8) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
",
);

/// KEYS l; ARGV lease, how long there is a mark in its place or 0, that mark, channels, message.
pub(super) static RELEASE: Script = Script::new(with_told!(
    r"
local held = bytes(KEYS[1])
if #held < 8 or string.sub(held, 1, 8) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
-- After it, a full memory is no hindrance any more.
if ARGV[2] ~= '0' then redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[2]) end
told(held, ARGV[4], ARGV[5])
return 1
"
));

/// KEYS v l i; ARGV fresh token or intent, lag or 0, channels, message.
///
/// `i` is set in any case: those who follow the pushes hear of it.
pub(super) static REMOVE: Script = Script::new(with_told!(
    r"
local held, lag = bytes(KEYS[2]), tonumber(ARGV[2])
local lasts = lag
if held == 'L' then lasts = math.max(lag, redis.call('PTTL', KEYS[2])) end
redis.call('DEL', KEYS[1], KEYS[2])
if lasts > 0 then redis.call('SET', KEYS[2], 'L', 'PX', lasts) end
local token, left = bytes(KEYS[3]), redis.call('PTTL', KEYS[3])
if #token == 16 and string.byte(token) == 1 and left > 0 then
  redis.call('SET', KEYS[3], token, 'PX', math.max(left, lag))
elseif lag > 0 then
  redis.call('SET', KEYS[3], ARGV[1], 'PX', lag)
elseif left > 0 then
  redis.call('SET', KEYS[3], ARGV[1], 'PX', left)
else
  redis.call('SET', KEYS[3], '', 'PX', 1)
end
told(held, ARGV[3], ARGV[4])
return 1
"
));

/// KEYS cells; ARGV keep, a fresh token for each. Gives the tokens.
///
/// `SET` is a write whether it sets or not: a server that was demoted refuses it.
pub(super) static ENSURE: Script = Script::new(
    r"
local tokens = {}
for at, key in ipairs(KEYS) do
  local fresh = ARGV[at + 1]
  redis.call('SET', key, fresh, 'NX', 'PX', ARGV[1])
  local token = redis.pcall('GET', key)
  if type(token) ~= 'string' or #token ~= 16 then
    redis.call('SET', key, fresh, 'PX', ARGV[1])
    token = fresh
  end
  tokens[at] = token
end
return tokens
",
);

/// KEYS cells; ARGV keep. Gives the tokens.
pub(super) static REREAD: Script = Script::new(
    r"
local tokens = {}
for at, key in ipairs(KEYS) do
  local token = redis.pcall('GET', key)
  if type(token) ~= 'string' then
    tokens[at] = false
  else
    tokens[at] = token
    local left = redis.call('PTTL', key)
    -- The intent of a bracket whose writer died must be able to end.
    local kept = #token == 16 and string.byte(token) == 0
    -- Those who follow are told of it, so it must be rare.
    if kept and left >= 0 and left * 2 < tonumber(ARGV[1]) then
      redis.call('PEXPIRE', key, ARGV[1])
    end
  end
end
return tokens
",
);

/// The text of the scripts that turn cells over. KEYS are cells, then the marks of those that have
/// one. `marks` removes what a soft invalidation left: nothing older may be given any more.
macro_rules! with_turns {
    ($text:literal) => {
        concat!(
            r"
local function read(key)
  local token = redis.pcall('GET', key)
  if type(token) ~= 'string' or #token ~= 16 then return '', '' end
  local class = string.byte(token)
  if class == 0 then return token, 'token' end
  if class ~= 1 then return token, '' end
  return token, string.byte(token, 2) == 1 and 'lag' or 'write'
end
local function lives(key, life)
  if redis.call('PTTL', key) < life then redis.call('PEXPIRE', key, life) end
end
local function unmark(mark)
  if mark then redis.call('DEL', mark) end
end
",
            $text
        )
    };
}

/// ARGV keep, lag or 0, soft or 0; for each cell fresh bytes and where its mark is in KEYS, or 0.
/// An intent stays what it is: it hides everything older, and may not be ended by others.
pub(super) static ROTATE: Script = Script::new(with_turns!(
    r"
local keep, lag, soft = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for at = 1, (#ARGV - 3) / 2 do
  local key, mark = KEYS[at], KEYS[tonumber(ARGV[3 + 2 * at])]
  local token, class = read(key)
  local hidden = class == 'lag' or class == 'write'
  if not hidden then
    redis.call('SET', key, ARGV[2 + 2 * at], 'PX', lag > 0 and lag or keep)
  elseif lag > 0 then
    lives(key, lag)
  end
  -- Last: a script that has written is not refused any more where memory is full.
  if soft > 0 and mark and class == 'token' then
    redis.call('SET', mark, token, 'PX', soft)
  elseif soft == 0 or not hidden then
    unmark(mark)
  end
end
return 1
"
));

/// ARGV life; for each cell a fresh intent and where its mark is in KEYS, or 0. Gives for each 1 if
/// another write was under way.
pub(super) static INTEND: Script = Script::new(with_turns!(
    r"
local overlaps = {}
for at = 1, (#ARGV - 1) / 2 do
  local key, life = KEYS[at], tonumber(ARGV[1])
  local _, class = read(key)
  if class == 'lag' or class == 'write' then life = math.max(life, redis.call('PTTL', key)) end
  redis.call('SET', key, ARGV[2 * at], 'PX', life)
  unmark(KEYS[tonumber(ARGV[1 + 2 * at])])
  overlaps[at] = class == 'write' and 1 or 0
end
return overlaps
"
));

/// ARGV keep, lag or 0; for each cell its intent, 1 if that overlaps, fresh bytes and where its mark
/// is in KEYS, or 0. Gives for each 0 if it ended, 1 if it was left, 2 if it was gone.
pub(super) static CONCLUDE: Script = Script::new(with_turns!(
    r"
local keep, lag = tonumber(ARGV[1]), tonumber(ARGV[2])
local ended = {}
for at = 1, (#ARGV - 2) / 4 do
  local key, first = KEYS[at], 4 * at - 2
  local token, class = read(key)
  local mine = token == ARGV[first + 1]
  if class == 'write' and (not mine or ARGV[first + 2] == '1') then
    ended[at] = 1
    if lag > 0 then lives(key, lag) end
  else
    ended[at] = mine and 0 or 2
    if class == 'lag' then
      if lag > 0 then lives(key, lag) end
    else
      redis.call('SET', key, ARGV[first + 3], 'PX', lag > 0 and lag or keep)
    end
    unmark(KEYS[tonumber(ARGV[first + 4])])
  end
end
return ended
"
));

/// All of them, for a new connection to make known.
pub(super) static ALL: [&Script; 10] = [
    &LOCK, &FILL, &RENEW, &RELEASE, &REMOVE, &ENSURE, &REREAD, &ROTATE, &INTEND, &CONCLUDE,
];

impl Script {
    const fn new(text: &'static str) -> Self {
        Self {
            text,
            hash: OnceLock::new(),
        }
    }

    /// A call with this many keys; the keys and the arguments are to be added.
    pub(super) fn call(&self, form: Form, keys: usize) -> Cmd {
        let mut command = match form {
            Form::Known => {
                let mut command = cmd("EVALSHA");
                command.arg(self.hash());
                command
            }
            Form::Text => {
                let mut command = cmd("EVAL");
                command.arg(self.text);
                command
            }
        };
        command.arg(keys);
        command
    }

    /// Makes it known.
    pub(super) fn load(&self) -> Cmd {
        let mut command = cmd("SCRIPT");
        command.arg("LOAD").arg(self.text);
        command
    }

    fn hash(&self) -> &str {
        self.hash
            .get_or_init(|| Lua::new(self.text).get_hash().to_owned())
    }
}
