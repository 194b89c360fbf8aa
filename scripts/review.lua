-- Notes that a review was made, so that status can say when the last one was.
--
-- ARGV: 3 "monthly", "quarterly", or both with a blank between, 4 how much was
-- found.  "reviews" has for each of them: when, how much, who.

if not ready() then
    return {'UNREADY'}
end

for period in ARGV[3]:gmatch('%S+') do
    book('HSET', 'reviews', period, now .. ' ' .. ARGV[4] .. ' ' .. actor)
end

audit('review', '', '', '', ARGV[3] .. ': ' .. ARGV[4] .. ' found')

return ok()
