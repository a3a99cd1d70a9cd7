import { createHash } from 'node:crypto';

/** A script that runs as one atomic step on one key. */
export interface RedisScript {
  readonly source: string;
  readonly sha1: string;
}

type Run = (command: readonly string[]) => Promise<unknown>;

/** Runs a script by its digest, and sends its text to a server that does not know it (any more). */
export async function runScript(
  run: Run,
  script: RedisScript,
  key: string,
  values: readonly string[],
): Promise<unknown> {
  try {
    return await run(['EVALSHA', script.sha1, '1', key, ...values]);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return run(['EVAL', script.source, '1', key, ...values]);
  }
}

function script(source: string): RedisScript {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/** Shape of a record: see redis-record.ts. ARGV: now in seconds, record, life in milliseconds. */
export const putIfAbsentScript = script(`
local present = redis.call('GET', KEYS[1])
if present then
  if string.sub(present, 1, 8) == string.sub(ARGV[2], 1, 8) then return 1 end
  local ends = tonumber(string.sub(present, 9, 19))
  if ends == nil or ends > tonumber(ARGV[1]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`);

/** ARGV: now in seconds, record, life in milliseconds, expected value. */
export const replaceScript = script(`
local present = redis.call('GET', KEYS[1])
if not present then return 0 end
if string.sub(present, 1, 8) == string.sub(ARGV[2], 1, 8) then return 1 end
local ends = tonumber(string.sub(present, 9, 19))
if ends == nil or ends <= tonumber(ARGV[1]) or string.sub(present, 20) ~= ARGV[4] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`);

/**
 * A feed is a stream whose entries carry their end. ARGV: now in seconds, end in seconds, life in milliseconds, value,
 * channel, sender, a fraction drawn by chance. A few expired entries go each time, from the head on and from a moment
 * by chance on: lives differ, and one long one at the head must not keep all behind it. The stream lives as long as its
 * longest entry. The message is a hint: an ACL without channels costs speed, not correctness.
 */
export const appendScript = script(`
local function tidy(from)
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 16)) do
    if tonumber(entry[2][2]) <= tonumber(ARGV[1]) then redis.call('XDEL', KEYS[1], entry[1]) end
  end
end
tidy('-')
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if first then
  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  local from, to = tonumber(string.match(first[1], '^%d+')), tonumber(string.match(last[1], '^%d+'))
  tidy(string.format('%.0f', math.floor(from + (to - from) * tonumber(ARGV[7]))))
end
local id = redis.call('XADD', KEYS[1], '*', 'e', ARGV[2], 'v', ARGV[4])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
redis.pcall('PUBLISH', ARGV[5], ARGV[6])
return id
`);

/**
 * ARGV: position to read after, how many. Starts over when the stream ends before the position: then the stream is
 * another one than the position is of.
 */
export const readScript = script(`
local after = ARGV[1]
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if last[1] and after ~= '' then
  local function parts(id)
    local at = string.find(id, '-', 1, true)
    return tonumber(string.sub(id, 1, at - 1)), tonumber(string.sub(id, at + 1))
  end
  local time, count = parts(last[1][1])
  local afterTime, afterCount = parts(after)
  if time < afterTime or (time == afterTime and count < afterCount) then after = '' end
end
return redis.call('XRANGE', KEYS[1], after == '' and '-' or '(' .. after, '+', 'COUNT', ARGV[2])
`);

/**
 * ARGV: a fresh name, the present in seconds. Answers the name that counts, since when, and 1 when it replaced another
 * one. Without the right to INFO, the run id stays unknown and only the loss of the record is noticed.
 */
export const epochScript = script(`
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
local present = redis.call('GET', KEYS[1])
local renewed = 0
if present then
  local name, since, knownRun = string.match(present, '^(%S+) (%d+) (%S*)$')
  if name and (knownRun == run or run == '') then return {name, since, 0} end
  renewed = 1
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. run)
return {ARGV[1], ARGV[2], renewed}
`);
