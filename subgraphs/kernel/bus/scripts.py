"""What Valkey does in one step."""

# An entry of a topic names the one before it, so that a reader knows when some were trimmed away.
# In the stream of a key the aggregate's sequence number is the entry's id: what was sent already
# is refused there by Valkey itself, and a cursor outlives the loss of all streams. For the same
# reason a Valkey that was restarted takes nothing new before what it may have lost has come again.
APPEND = """
if ARGV[1] ~= '' and not string.find(redis.call('INFO', 'server'), ARGV[1], 1, true) then
    return redis.error_reply('RESTARTED')
end
local refusals = {}
for i = 2, #KEYS do
    local seq, envelope = ARGV[2 * i + 1], ARGV[2 * i + 2]
    local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
    local previous = last[1] and last[1][1] or ''
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*',
        'envelope', envelope, 'previous', previous)
    local added = redis.pcall('XADD', KEYS[i], 'MAXLEN', '~', ARGV[3], seq .. '-1',
        'envelope', envelope)
    local refused = type(added) == 'table' and added.err or ''
    refusals[i - 1] = string.find(refused, 'equal or smaller') and '' or refused
    redis.call('EXPIRE', KEYS[i], ARGV[4])
end
return refusals
"""

# Readers that missed different things want what the one furthest behind has missed.
ASK = """
local asked = tonumber(redis.call('GET', KEYS[1]))
if not asked or tonumber(ARGV[1]) < asked then redis.call('SET', KEYS[1], ARGV[1]) end
"""
ANSWER = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""
