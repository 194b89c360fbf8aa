-- Every record of the dataset has a seal by now: from here on one without is
-- never sealed by "seal --first".  ARGV[3] the key, ARGV[4] how many records.
-- OK, also if it was so before.

if not ready() then
    return {'UNREADY'}
end

if redis.call('HGET', KEYS[1], 'sealed') ~= '1' then
    redis.call('HSET', KEYS[1], 'sealed', '1')
    audit('seal.first', '', '', '', ARGV[4] .. ' by ' .. ARGV[3])
end

return ok()
