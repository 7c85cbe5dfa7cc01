-- Take rows from all buckets, or from none of them. A bucket is the time (seconds) when it is full again.
-- KEYS: the buckets. ARGV: the time or '' for the server's own, the rows, the tolerance, then rate and burst of each.
-- Returns the seconds to wait (0: taken) and each bucket's seconds until it is full, as text.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local rows = tonumber(ARGV[2])
local tolerance = tonumber(ARGV[3])
local backlogs, rates, wait = {}, {}, 0
for i, bucket in ipairs(KEYS) do
  local rate, burst = tonumber(ARGV[2 + 2 * i]), tonumber(ARGV[3 + 2 * i])
  local full_at = tonumber(redis.call('GET', bucket) or '0')
  backlogs[i], rates[i] = math.max(0, full_at - now), rate
  wait = math.max(wait, backlogs[i] - (burst - math.min(rows, burst)) / rate)
end
local taken = wait <= tolerance
local answer = {taken and '0' or string.format('%.17g', wait)}
for i, bucket in ipairs(KEYS) do
  if taken then
    backlogs[i] = backlogs[i] + rows / rates[i]
    local kept_milliseconds = math.ceil(backlogs[i] * 1000) + 60000
    redis.call('SET', bucket, string.format('%.17g', now + backlogs[i]), 'PX', kept_milliseconds)
  end
  answer[i + 1] = string.format('%.17g', backlogs[i])
end
return answer
