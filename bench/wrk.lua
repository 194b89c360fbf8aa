-- Requests with the tokens of a file in turn (-- FILE), and what came of it
-- in one line: requests, microseconds, p50, p99, answers that are no 2xx or
-- 3xx, errors of sockets.

local requests = {}
local n = 0

function init(args)
    for line in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format("GET", "/index.html",
            { Authorization = line })
    end
end

function request()
    n = n % #requests + 1
    return requests[n]
end

function done(summary, latency)
    local e = summary.errors
    print(string.format("RESULT %d %d %d %d %d %d", summary.requests,
        summary.duration, latency:percentile(50), latency:percentile(99),
        e.status, e.connect + e.read + e.write + e.timeout))
end
