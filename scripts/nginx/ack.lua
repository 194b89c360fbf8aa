-- A node has received a marker, and so all changes before it.  ARGV: 2 the
-- node's name, 3 the marker's nonce.

redis.call('SADD', key('ack:' .. ARGV[3]), ARGV[2])

return redis.call('EXPIRE', key('ack:' .. ARGV[3]), 60)
