/**
 * What is done inside Redis, all of it or nothing.
 *
 * A write names the position that it stands on (`<sequence> <version>`). Where Redis has another one, the write changes nothing
 * and is answered with it: another process was quicker, or Redis was emptied or lost its last writes. The version changes when
 * devices are forgotten, so that nobody goes on with a summary that is gone.
 *
 * The arithmetic of a row is not done here: Redis has one thread for everybody.
 */
import { RedisScript } from '../../redis/redis-connection.js';

/** Offsets of `packed-rows.ts`, counted from 1. */
const BLOCKS = `
local function rowsOf(block) return #block < 28 and 0 or struct.unpack('<I4', block, 5) end
local function newest(block) return #block < 28 and 0 or (struct.unpack('<d', block, 21)) end
`;

/**
 * KEYS scores, ids, ages, then rows of each device. ARGV expected and new position, most rows a device, TTL in ms, then for each
 * device: how (`set`, `append`, `trim`: append and cut, or `forget`), device key, summary, number of blocks, blocks.
 */
export const WRITE_SCORES = new RedisScript(`${BLOCKS}
local position = redis.call('HGET', KEYS[1], '#') or '0 0'
if position ~= ARGV[1] then return {0, position} end
if ARGV[1] == '0 0' then redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3]) end
local most, ttl = tonumber(ARGV[3]), ARGV[4]
local fields, ids, ages = {'#', ARGV[2]}, {}, {}
local function add(list, key, command, one, other)
  list[#list + 1] = one
  list[#list + 1] = other
  if #list >= 1000 then
    redis.call(command, key, unpack(list))
    for i = #list, 1, -1 do list[i] = nil end
  end
end
local at = 5
for i = 4, #KEYS do
  local key, how, device, count = KEYS[i], ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 3])
  if how == 'forget' then
    redis.call('UNLINK', key)
    redis.call('HDEL', KEYS[1], device)
    redis.call('ZREM', KEYS[2], device)
    redis.call('ZREM', KEYS[3], device)
  else
  add(fields, KEYS[1], 'HSET', device, ARGV[at + 2])
  if how == 'set' then redis.call('UNLINK', key) end
  local isNew = redis.call('RPUSH', key, unpack(ARGV, at + 4, at + 3 + count)) == count
  if isNew then
    add(ids, KEYS[2], 'ZADD', 0, device)
    add(ages, KEYS[3], 'ZADD', newest(ARGV[at + 4]), device)
  elseif how == 'trim' then
    local blocks, total, first = redis.call('LRANGE', key, 0, -1), 0, 1
    for _, block in ipairs(blocks) do total = total + rowsOf(block) end
    while blocks[first + 1] and total - rowsOf(blocks[first]) >= most do
      total = total - rowsOf(blocks[first])
      first = first + 1
    end
    if first > 1 then
      redis.call('LTRIM', key, first - 1, -1)
      add(ages, KEYS[3], 'ZADD', newest(blocks[first]), device)
    end
  end
  redis.call('PEXPIRE', key, ttl)
  end
  at = at + 4 + count
end
if #ids > 0 then redis.call('ZADD', KEYS[2], unpack(ids)) end
if #ages > 0 then redis.call('ZADD', KEYS[3], unpack(ages)) end
if #fields > 0 then redis.call('HSET', KEYS[1], unpack(fields)) end
return {1, ARGV[2]}
`);

/** KEYS scores, ids, ages, rows of one device. ARGV device key. Answers with position, summary, rows, of one moment. */
export const READ_DEVICE = new RedisScript(`
local found = redis.call('HMGET', KEYS[1], '#', ARGV[1])
return {found[1], found[2], table.concat(redis.call('LRANGE', KEYS[4], 0, -1))}
`);

/**
 * KEYS scores, ids, ages, then rows of each device. ARGV time before which rows are old, then the device keys. Cuts off old blocks,
 * forgets devices of which nothing newer is known. Answers with the number of rows that went.
 */
export const EXPIRE_ROWS = new RedisScript(`${BLOCKS}
local before, gone, forgotten = tonumber(ARGV[1]), 0, 0
for i = 4, #KEYS do
  local device, blocks, first = ARGV[i - 2], redis.call('LRANGE', KEYS[i], 0, -1), 1
  while blocks[first] and newest(blocks[first]) < before do
    gone = gone + rowsOf(blocks[first])
    first = first + 1
  end
  redis.call('LTRIM', KEYS[i], first - 1, -1)
  if blocks[first] then
    redis.call('ZADD', KEYS[3], newest(blocks[first]), device)
  else
    redis.call('ZREM', KEYS[3], device)
    local summary = redis.call('HGET', KEYS[1], device)
    if not summary or cjson.decode(summary).record.lastSeenMs < before then
      redis.call('HDEL', KEYS[1], device)
      redis.call('ZREM', KEYS[2], device)
      forgotten = forgotten + 1
    end
  end
end
local position = redis.call('HGET', KEYS[1], '#')
if forgotten > 0 and position then
  local sequence, version = string.match(position, '(%d+) (%d+)')
  redis.call('HSET', KEYS[1], '#', sequence .. ' ' .. string.format('%d', version + 1))
end
return gone
`);

const FORGET_ALERT = `
local function forget(field)
  local value = redis.call('HGET', KEYS[1], field)
  if value then
    redis.call('ZREM', KEYS[2], unpack(cjson.decode(value).members))
    redis.call('HDEL', KEYS[1], field)
  end
  redis.call('ZREM', KEYS[3], field)
end
`;

/**
 * KEYS alerts, alert-index, alert-ends, open-alerts. ARGV expected and new position, most resolved alerts, most open alerts a
 * device, then for each alert: field, value, arrival of its last change if it is resolved (else empty), device key; for each device
 * to be forgotten before: nothing, tenant, device, device key.
 */
export const WRITE_ALERTS = new RedisScript(`${FORGET_ALERT}
local position = redis.call('HGET', KEYS[1], '#') or '0 0'
if position ~= ARGV[1] then return {0, position} end
if ARGV[1] == '0 0' then redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4]) end
for at = 5, #ARGV, 4 do
  local field, value, ended, device = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if field == '' then
    local prefix = value .. ' ' .. ended .. ' 0'
    for _, member in ipairs(redis.call('ZRANGEBYLEX', KEYS[2], '[' .. prefix .. ' ', '(' .. prefix .. '!')) do
      forget(value .. ' ' .. string.match(member, '[^ ]+$'))
    end
    redis.call('HDEL', KEYS[4], device)
  else
  forget(field)
  redis.call('HSET', KEYS[1], field, value)
  for _, member in ipairs(cjson.decode(value).members) do redis.call('ZADD', KEYS[2], 0, member) end
  if ended ~= '' then redis.call('ZADD', KEYS[3], ended, field) end
  local open = {}
  local tenant, id = string.match(device, '^([^/]*)/(.*)$')
  for status = 1, 2 do
    local prefix = tenant .. ' ' .. id .. ' ' .. status
    for _, member in ipairs(redis.call('ZRANGEBYLEX', KEYS[2], '[' .. prefix .. ' ', '(' .. prefix .. '!', 'LIMIT', 0, ARGV[4])) do
      open[#open + 1] = string.match(member, '[^ ]+$')
    end
  end
  if #open > 0 then redis.call('HSET', KEYS[4], device, table.concat(open, ' '))
  else redis.call('HDEL', KEYS[4], device) end
  end
end
local tooMany = math.min(redis.call('ZCARD', KEYS[3]) - ARGV[3], 1000)
if tooMany > 0 then
  for _, field in ipairs(redis.call('ZRANGE', KEYS[3], 0, tooMany - 1)) do forget(field) end
end
redis.call('HSET', KEYS[1], '#', ARGV[2])
return {1, ARGV[2]}
`);

/** KEYS as WRITE_ALERTS. ARGV time before which a last change is old, how many at most. */
export const EXPIRE_ALERTS = new RedisScript(`${FORGET_ALERT}
local old = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, field in ipairs(old) do forget(field) end
return #old
`);
