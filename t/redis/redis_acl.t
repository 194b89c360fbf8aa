use strict;
use warnings;

# The limits of the edge's user of conf/redis.acl, by itself and in a script: a
# table of commands and keys.  That it may do its work is in
# t/conf/conf_sample.t.

use lib 't/lib';
use Stok::Command;
use Stok::Test;

my ($edge) = Stok::Command::slurp('conf/redis.acl') =~ /^user (edge .*)$/m;
$edge =~ s/ off / on >secret /;

my $redis = Stok::Redis->start(options => ['--user', split ' ', $edge]);
$redis->user('user@service');
$redis->cli('AUTH', 'edge', 'secret');

# what it must never write

my @keys = map { "{st}:$_" } qw(meta users tokens expiry audit audit-head
    id:tok_1 user-tokens:user@service user:user@service deleted:tok_1
    watch:mark:x), 'token:' . '0' x 64;

my @writes = (
    ['SET', 'KEY', 'x'], ['DEL', 'KEY'], ['EXPIRE', 'KEY', 1],
    ['HSET', 'KEY', 'a', 'b'], ['HDEL', 'KEY', 'a'], ['HINCRBY', 'KEY', 'a', 1],
    ['XADD', 'KEY', '*', 'a', 'b'], ['ZADD', 'KEY', 1, 'a'],
    ['SADD', 'KEY', 'a'], ['RENAME', '{st}:tick', 'KEY'],
    ['COPY', '{st}:flushed:a', 'KEY', 'REPLACE'],
);

for my $key (@keys, 'other') {
    my @may = grep { may(map { $_ eq 'KEY' ? $key : $_ } @$_) } @writes;
    is(join(' ', map { $_->[0] } @may), '', "$key is not written");
}

# what else it may not: each command goes with its own keys

for my $command (
    # others' work is not undone
    ['DEL', '{st}:last_used'], ['DEL', '{st}:usage:tok_1'],
    ['DEL', '{st}:nodes'], ['DEL', '{st}:refusals'], ['DEL', '{st}:ack:x'],
    ['SET', '{st}:usage:tok_1', 'x'], ['SET', '{st}:last_used', 'x'],
    ['SET', '{st}:tick', 'x'], ['SET', '{st}:nodes', 'x'],
    ['SET', '{st}:refusals', 'x'], ['SET', '{st}:ack:x', 'x'],
    ['ZREM', '{st}:last_used', 'tok_1'], ['HDEL', '{st}:usage:tok_1', 'uses'],
    ['XTRIM', '{st}:refusals', 'MAXLEN', 0], ['XDEL', '{st}:refusals', '1-1'],
    ['SREM', '{st}:ack:x', 'a'], ['RENAME', '{st}:usage:a', '{st}:usage:b'],

    # and not read
    ['XRANGE', '{st}:refusals', '-', '+'], ['XRANGE', '{st}:audit', '-', '+'],
    ['SMEMBERS', '{st}:ack:x'], ['HGETALL', '{st}:usage:tok_1'],
    ['ZRANGE', '{st}:last_used', 0, -1], ['GET', '{st}:watch:tick:1'],
    ['SMEMBERS', '{st}:user-tokens:user@service'],
    ['ZRANGE', '{st}:tokens', 0, -1], ['HGETALL', '{st}:audit-head'],
    ['HGETALL', 'other'], ['KEYS', '*'], ['SCAN', 0],

    # and nothing of the server
    ['FLUSHALL'], ['CONFIG', 'GET', '*'], ['ACL', 'LIST'], ['CLIENT', 'LIST'],
    ['CLIENT', 'KILL', 'TYPE', 'normal'], ['SCRIPT', 'FLUSH'], ['MONITOR'],
    ['PUBLISH', '__redis__:invalidate', 'x'], ['SUBSCRIBE', 'other'],
    ['REPLICAOF', 'NO', 'ONE'], ['SHUTDOWN'],
) {
    ok(!may(@$command), "not @$command");
}

# a script is started under the marker alone, and may no more than a command

like(answer('EVAL', 'return 1', 1, '{st}:tick'), qr/^NOPERM/,
    'no script under another key');

ok(may('HGETALL', '{st}:meta'), 'it reads');
ok(may('GET', '{st}:id:tok_1'), 'as a script does');

finish();


# 1: allowed as a command, or in a script

sub may {
    my @command = @_;

    return 1 if answer(@command) !~ /^NOPERM/;

    my $answer = answer('EVAL', 'return redis.call(unpack(ARGV))', 1,
        '{st}:meta', @command);
    return $answer !~ /^NOPERM|ACL failure|executing the script can't |not allowed from script/;
}

sub answer {
    my @command = @_;
    return eval { $redis->cli(@command); 'done' } // $@;
}
