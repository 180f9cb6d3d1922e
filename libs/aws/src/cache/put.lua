-- Writes each entry whose version is above the one there, as one step, and tells subscribers of it.
-- KEYS: one of each entry. ARGV: '1' to write where nothing is there, the channel, then of each entry its version (20 digits,
-- compared as text: Lua's numbers end at 2^53), its seconds to live and its JSON.
local results = {}
for place, key in ipairs(KEYS) do
  local version, seconds, entry = ARGV[3 * place], ARGV[3 * place + 1], ARGV[3 * place + 2]
  local held = redis.call('HGET', key, 'v')
  if not held and ARGV[1] ~= '1' then
    results[place] = 'absent'
  elseif held and held == version then
    redis.call('EXPIRE', key, seconds)
    results[place] = 'equal'
  elseif held and held > version then
    results[place] = 'stale'
  else
    redis.call('HSET', key, 'v', version, 'e', entry)
    redis.call('EXPIRE', key, seconds)
    redis.call('PUBLISH', ARGV[2], entry)
    results[place] = 'applied'
  end
end
return results
