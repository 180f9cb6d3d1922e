-- Writes each entry whose version is above the one there, as one step, and tells subscribers of all that it wrote, a line each.
-- KEYS: one of each entry. ARGV: '1' to write where nothing is there, the channel, then of each entry its version (20 digits,
-- compared as text: Lua's numbers end at 2^53), its seconds to live and its JSON.
-- An entry lives anew when it is made, and whenever it is found to be what the record says: a call costs more than all else here.
local call, results, told = redis.call, {}, {}
for place, key in ipairs(KEYS) do
  local version, entry = ARGV[3 * place], ARGV[3 * place + 2]
  local held = call('HGET', key, 'v')
  if held == version then
    call('EXPIRE', key, ARGV[3 * place + 1])
    results[place] = 'equal'
  elseif held and held > version then
    results[place] = 'stale'
  elseif not held and ARGV[1] ~= '1' then
    results[place] = 'absent'
  else
    call('HSET', key, 'v', version, 'e', entry)
    if not held then
      call('EXPIRE', key, ARGV[3 * place + 1])
    end
    told[#told + 1] = entry
    results[place] = 'applied'
  end
end
if #told > 0 then
  call('PUBLISH', ARGV[2], table.concat(told, '\n'))
end
return results
