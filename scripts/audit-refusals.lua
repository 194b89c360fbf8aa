-- Adds entries of refused attempts to the audit: for who counts them, such as
-- an edge, one entry for each token and reason of an interval.
--
-- ARGV: from 3 on, six for each: token id or empty, user id or empty, reason,
-- how often, the last address and the last location or empty.
-- OK with the number of entries.

if not ready() then
    return {'UNREADY'}
end

if not typed({audit = 'stream'}) then
    return bad_types()
end

local n = 0

for i = 3, #ARGV - 5, 6 do
    audit('token.refuse', ARGV[i], ARGV[i + 1], '', ARGV[i + 2],
        {'count', ARGV[i + 3], 'addr', ARGV[i + 4], 'location', ARGV[i + 5]})
    n = n + 1
end

return {'OK', tostring(n)}
