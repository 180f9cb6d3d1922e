-- What put_many.lua does, for one entry: without its loop and lists, which cost as much again as the commands.
-- KEYS: that of the entry. ARGV as there.
local key, version, entry = KEYS[1], ARGV[3], ARGV[5]
local held = redis.call('HGET', key, 'v')
if held == version then
  redis.call('EXPIRE', key, ARGV[4])
  return 'equal'
elseif held and held > version then
  return 'stale'
elseif not held and ARGV[1] ~= '1' then
  return 'absent'
end
redis.call('HSET', key, 'v', version, 'e', entry)
if not held then
  redis.call('EXPIRE', key, ARGV[4])
end
redis.call('PUBLISH', ARGV[2], entry)
return 'applied'
