//! What runs inside the server. Each script is atomic there, and touches one entry or cells.
//!
//! `l` holds a lease of 8 bytes and up to 64 ids of 8 bytes of processes that wait for its end, or
//! `P`: the last answer could not be stored, or `R`: the last load failed, or `L`: the key was
//! invalidated, and what is loaded may be older than that. A value of another type or shape is not
//! ours, and is treated as nothing.
//!
//! A cell holds 16 bytes. The first is 0 in a token and 1 in an intent; the second of an intent is
//! 1 if it waits for a source that lags, and else a write is under way.

pub(super) use super::script::{Form, Script};

/// The text of the scripts that tell those who wait. `told` sends one byte and the entry's name to
/// the channel of each; a user without the right to publish leaves them to look for themselves.
macro_rules! with_told {
    ($text:expr) => {
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

/// The text of the scripts that read tokens again, and keep those that would be gone soon.
macro_rules! with_reread {
    ($text:expr) => {
        concat!(
            r"
local function reread(key, keep)
  local token = redis.pcall('GET', key)
  if type(token) ~= 'string' then return false end
  local left = redis.call('PTTL', key)
  -- The intent of a bracket whose writer died must be able to end.
  local kept = #token == 16 and string.byte(token) == 0
  -- Those who follow are told of it, so it must be rare.
  if kept and left >= 0 and left * 2 < keep then redis.call('PEXPIRE', key, keep) end
  return token
end
",
            $text
        )
    };
}

/// KEYS v l, i to replace it, cells; ARGV lease, ttl, how (if `f`ree, if free and r`e`sted, `t`ake over, `r`eplace, or
/// the e`n`try if there is one, and else if free) and what was seen, process or empty, keep, fresh tokens for the cells.
/// As few as can be: each takes the server a piece of memory.
///
/// Gives a list. First what comes of the wish: `G`ranted, `C`hanged, `P`ass, how long the lease in force lives,
/// in a list how long the entry rests, or in a list the entry. Then the tokens: missing ones are made, unless the entry is
/// given. Before the lease: memory that is full leaves none behind.
pub(super) static LOCK: Script = Script::new(
    r"
local how, answer, hidden = string.sub(ARGV[3], 1, 1), {}, false
local before = how == 'r' and 3 or 2
if how == 'n' then
  local entry = redis.pcall('GET', KEYS[1])
  if type(entry) == 'string' then
    -- A write, although there is nothing of this name: a server that was demoted refuses it.
    redis.call('DEL', KEYS[1] .. '?')
    answer[1] = {entry}
    for at = 1, #KEYS - before do
      local token = redis.pcall('GET', KEYS[before + at])
      answer[at + 1] = type(token) == 'string' and token
    end
    return answer
  end
end
for at = 1, #KEYS - before do
  local token = redis.pcall('GET', KEYS[before + at])
  if type(token) ~= 'string' or #token ~= 16 then
    token = string.sub(ARGV[6], 16 * at - 15, 16 * at)
    redis.call('SET', KEYS[before + at], token, 'PX', ARGV[5])
  end
  hidden = hidden or string.byte(token) ~= 0
  answer[at + 1] = token
end
local function lock()
  local held, left = redis.pcall('GET', KEYS[2]), -1
  if type(held) == 'string' then left = redis.call('PTTL', KEYS[2]) end
  -- What has no end is not ours.
  if left < 0 then held = '' end
  local asks = how ~= 't' and how ~= 'r'
  if how == 'n' then
    -- A write is under way: nobody loads for others.
    if hidden then return 'C' end
  elseif asks then
    local seen = redis.pcall('GETRANGE', KEYS[1], 16, 23)
    if type(seen) ~= 'string' or #seen < 8 then seen = '' end
    if seen ~= string.sub(ARGV[3], 2) then return 'C' end
  end
  if held == 'L' or (held == 'P' and asks) then return 'P' end
  if asks then
    if held == 'R' and how == 'e' then return {left} end
    if #held >= 8 then
      local listed = ARGV[4] == '' or #held >= 520
      for at = 9, #held - 7, 8 do
        listed = listed or string.sub(held, at, at + 7) == ARGV[4]
      end
      if not listed then redis.pcall('APPEND', KEYS[2], ARGV[4]) end
      return left
    end
  end
  if how == 'r' then
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
end
answer[1] = lock()
return answer
",
);

/// KEYS v l, cells; ARGV lease, life, envelope before and after its stamps, keep.
/// Gives a list: 1 if it was stored, then the tokens. The name of the entry says who is told, and what of.
pub(super) static FILL: Script = Script::new(with_told!(with_reread!(
    r"
local answer = {0}
for at = 3, #KEYS do answer[at - 1] = reread(KEYS[at], tonumber(ARGV[5])) end
local held = bytes(KEYS[2])
if #held < 8 or string.sub(held, 1, 8) ~= ARGV[1] then return answer end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stamps = struct.pack('<I8>I8', now, now)
redis.call('SET', KEYS[1], ARGV[3] .. stamps .. ARGV[4], 'PX', ARGV[2])
redis.call('DEL', KEYS[2])
if #held > 8 then
  local namespace, entry = string.match(KEYS[1], '^([^{]*):v:{(.*)}$')
  told(held, namespace .. ':w:', 'F' .. entry)
end
answer[1] = 1
return answer
"
)));

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
pub(super) static REREAD: Script = Script::new(with_reread!(
    r"
local tokens = {}
for at, key in ipairs(KEYS) do tokens[at] = reread(key, tonumber(ARGV[1])) end
return tokens
"
));

/// The text of the scripts that turn cells over. KEYS are cells, then the marks of those that have
/// one. `unmark` removes what a soft invalidation left: nothing older may be given any more.
///
/// Whether memory is full decides the first write of a script; later ones are not refused for it
/// any more. So `turn` comes before whatever else is written, and notes it in `full`. Where it is,
/// what takes the room of a token passes, and a cell that is not there stays so: it proves nothing,
/// just as if the new token had been evicted at once. That hides nothing that comes later, so where
/// the source lags the bytes are `needed`. Every other refusal is an error: a server that was
/// demoted, for one, has turned nothing over.
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
local full
local function turn(key, class, fresh, life, needed)
  if full == nil then
    local set = redis.pcall('SET', key, fresh, 'PX', life)
    full = set.err ~= nil
    if not full then return end
    -- Older servers say where in the script it was.
    local text = string.gsub(set.err, '^@user_script: ?%d+: ', '')
    if not string.find(text, '^%-?OOM ') then redis.call('SET', key, fresh, 'PX', life) end
  end
  if full and class ~= '' then
    redis.call('DEL', key)
  elseif full and not needed then
    return
  end
  redis.call('SET', key, fresh, 'PX', life)
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
/// Gives 1 if memory is there, 2 if it is full, 0 if that was not seen.
pub(super) static ROTATE: Script = Script::new(with_turns!(
    r"
local keep, lag, soft = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tokens, classes = {}, {}
for at = 1, (#ARGV - 3) / 2 do
  local key = KEYS[at]
  local token, class = read(key)
  if class == '' or class == 'token' then
    turn(key, class, ARGV[2 + 2 * at], lag > 0 and lag or keep, lag > 0)
  end
  tokens[at], classes[at] = token, class
end
for at, class in ipairs(classes) do
  local mark = KEYS[tonumber(ARGV[3 + 2 * at])]
  local hidden = class == 'lag' or class == 'write'
  if hidden and lag > 0 then lives(KEYS[at], lag) end
  -- Last: a script that has written is not refused any more where memory is full.
  if soft > 0 and mark and class == 'token' then
    redis.call('SET', mark, tokens[at], 'PX', soft)
  elseif soft == 0 or not hidden then
    unmark(mark)
  end
end
return full == nil and 0 or full and 2 or 1
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
local ended, stays = {}, {}
for at = 1, (#ARGV - 2) / 4 do
  local key, first = KEYS[at], 4 * at - 2
  local token, class = read(key)
  local mine = token == ARGV[first + 1]
  ended[at] = mine and 0 or 2
  stays[at] = class == 'lag'
  if class == 'write' and (not mine or ARGV[first + 2] == '1') then
    ended[at], stays[at] = 1, true
  elseif class ~= 'lag' then
    turn(key, class, ARGV[first + 3], lag > 0 and lag or keep, lag > 0)
  end
end
for at, how in ipairs(ended) do
  if stays[at] and lag > 0 then lives(KEYS[at], lag) end
  if how ~= 1 then unmark(KEYS[tonumber(ARGV[4 * at + 2])]) end
end
return ended
"
));

/// All of them, for a new connection to make known.
pub(super) static ALL: [&Script; 10] = [
    &LOCK, &FILL, &RENEW, &RELEASE, &REMOVE, &ENSURE, &REREAD, &ROTATE, &INTEND, &CONCLUDE,
];
