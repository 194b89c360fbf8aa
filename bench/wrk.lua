-- Requests with the tokens of the file WRK_TOKENS in turn: for one alone wrk
-- needs to run no Lua for each request.  The result is one line: requests,
-- microseconds, p50, p99, answers other than 2xx or 3xx, errors of sockets.

local tokens = {}
local requests = {}
local n = 0

for line in io.lines(os.getenv("WRK_TOKENS")) do
    tokens[#tokens + 1] = line
end

wrk.headers["Authorization"] = tokens[1]

if #tokens > 1 then

    function init(args)
        for i, token in ipairs(tokens) do
            requests[i] = wrk.format("GET", "/index.html",
                { Authorization = token })
        end
    end

    function request()
        n = n % #requests + 1
        return requests[n]
    end
end

function done(summary, latency)
    local e = summary.errors
    print(string.format("RESULT %d %d %d %d %d %d", summary.requests,
        summary.duration, latency:percentile(50), latency:percentile(99),
        e.status, e.connect + e.read + e.write + e.timeout))
end
