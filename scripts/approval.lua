-- Whether users need an approval, and by what two people are told apart.
--
-- ARGV: 3 "required" or "none", 4 words of actor, os and redis with blanks
-- between.
--
-- Where an approval is required, it takes two to change that: the first asks,
-- and is answered WATCHED; the second, another person by what the dataset
-- trusts until then, does the same.

if not ready() then
    return {'UNREADY'}
end

local value, trust = unpack(ARGV, 3, 4)
local ask, request = key('approval-request'), {}
local has, trusts = unpack(redis.call('HMGET', KEYS[1], 'approval', 'trust'))

has, trusts = has or 'none', trusts or 'os'

if not typed({['approval-request'] = 'hash'}) then
    return bad_types()
end

if has == value and trusts == trust then
    return ok()
end

if has == 'required' then
    local asked = redis.call('HGETALL', ask)

    for i = 1, #asked, 2 do
        request[asked[i]] = asked[i + 1]
    end

    local same = request.value == value and request.trust == trust

    if not same then
        redis.call('DEL', ask)
        redis.call('HSET', ask, 'value', value, 'trust', trust,
            'actor', actor, 'os', person, 'redis', acl or '', 'at', now)
        audit('approval.ask', '', '', has .. ' ' .. trusts, value .. ' '
            .. trust)
    end

    if not same or not another(request) then
        return {'WATCHED', same and request.actor or actor}
    end
end

redis.call('HSET', KEYS[1], 'approval', value, 'trust', trust)
redis.call('DEL', ask)
audit('approval.set', '', '', has .. ' ' .. trusts, value .. ' ' .. trust)

return ok()
