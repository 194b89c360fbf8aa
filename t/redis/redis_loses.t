# Losses that Redis' settings would allow: the keeper asks, a metric and one
# line tell, and when the dataset is older than it was, the log says by how
# much.

use strict;
use warnings;
use lib 't/lib';
use Stok::Status;
use Stok::Test;

my $redis = Stok::Redis->start(options => ['--appendonly', 'no']);
my $nginx = edge(redis => $redis, conf => Stok::Status::server());
my $status = Stok::Status->new($nginx);

my $loses = qr/\[warn\].*keeps no append-only file: a restart may bring revoked/;
my $evicts = qr/\[warn\].*evicts keys when it is full/;

ok($nginx->wait_log($loses), 'no append-only file: said at start');
told(0, 0, 'as it is by default');
unlike($nginx->log, $evicts, 'nothing is said of eviction');

again('maxmemory-policy' => 'allkeys-lru');
told(0, 0, 'a policy without a bound');

again(maxmemory => '200mb');
ok($nginx->wait_log($evicts), 'eviction: said');
told(0, 1, 'eviction');

again(appendonly => 'yes', 'maxmemory-policy' => 'noeviction');
ok($nginx->wait_log(qr/\[notice\].*keeps an append-only file/), 'well again');
ok($nginx->wait_log(qr/\[notice\].*evicts no keys/), 'well again');
told(1, 0, 'well again');

is(scalar(() = $nginx->log =~ /$_/g), 1, 'said once') for $loses, $evicts;

# without a cache there is no stream, and somebody still asks

for my $opt (['no', 0], ['yes', 1]) {
    my $bare = Stok::Redis->start(options => ['--appendonly', $opt->[0]]);
    $nginx = edge(redis => $bare, workers => 2, cold => 1,
        name => "no cache, appendonly $opt->[0]",
        conf => 'service_token_cache_valid 0;' . Stok::Status::server());
    $status = Stok::Status->new($nginx);
    told($opt->[1], 0, "no cache, appendonly $opt->[0]");
    is(scalar(() = $nginx->log =~ /$loses/g), 1 - $opt->[1], 'said once');
    is(scalar(() = $nginx->log =~ /looks after redis/g), 1, 'by one worker');
    ok(!exists $status->now->{lease_valid}, 'no metric of a lease');
}

# an older dump

$redis = Stok::Redis->start(options => ['--appendonly', 'no']);
$redis->user('user@service');
my $token = $redis->token(user => 'user@service');
my $node = edge(redis => $redis, name => 'with a memory');
my $older = qr/\[warn\].*the dataset of redis .* is older than it was: changes of about (\d+) s are lost/;

is(said($node, $token), '200 ALLOWED MISS', 'let in');
wait_for('ticks', sub { ticks() > 4 });
$redis->cli('BGSAVE');
wait_for('saved', sub { $redis->cli('INFO', 'persistence')
    =~ /rdb_bgsave_in_progress:0.*rdb_saves:[1-9]/s });

my $saved = ticks();
$redis->cli('HSET', $redis->token_key($token), status => 'revoked');
wait_for('it is heard', sub { said($node, $token) =~ /REVOKED/ });
wait_for('time goes by', sub { ticks() > $saved + 10 });

$redis->crash;
$redis->up;

ok($node->wait_log($older), 'an older dump is logged');
my ($seconds) = $node->log =~ $older;
cmp_ok($seconds // 0, '>=', 3, 'about how much is lost');
cmp_ok($seconds // 0, '<=', 60, 'and not more');
wait_for('it goes on', sub { said($node, $token) =~ /HIT$/ });
is(scalar(() = $node->log =~ /$older/g), 1, 'told once');

# the same dataset again: nothing is lost

$redis->cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
wait_for('joined again', sub { said($node, $token) =~ /HIT$/ });
is(scalar(() = $node->log =~ /$older/g), 1, 'nothing was lost');

# a dump from before the first tick: how much is lost nobody knows

$redis = Stok::Redis->start(options => ['--appendonly', 'no']);
$redis->user('user@service');
$token = $redis->token(user => 'user@service');
$redis->cli('SAVE');
$node = edge(redis => $redis, name => 'longer than the dump');
my $counter = qr/\[warn\].*the dataset of redis .* has lost its counter of ticks/;

is(said($node, $token), '200 ALLOWED MISS', 'let in');
wait_for('ticks', sub { ticks() > 2 });
$redis->cli('HSET', $redis->token_key($token), status => 'revoked');
wait_for('it is heard', sub { said($node, $token) =~ /REVOKED/ });
$redis->crash;
$redis->up;

ok($node->wait_log($counter), 'a dump without a counter is logged');
wait_for('it goes on', sub { said($node, $token) =~ /ALLOWED HIT$/ });
is(scalar(() = $node->log =~ /$counter/g), 1, 'told once');
unlike($node->log, $older, 'and not reckoned');

finish;


# the keeper asks as it begins: after a reload

sub again {
    my %option = @_;

    $redis->cli('CONFIG', 'SET', %option);
    $nginx->reload;
    fresh($nginx);
}

sub told {
    my ($aof, $eviction, $name) = @_;

    ok(eval { wait_for('the metrics', sub {
        my $now = $status->now;
        defined $now->{redis_aof_enabled} && $now->{redis_aof_enabled} == $aof
            && $now->{redis_eviction} == $eviction
            && $now->{redis_evicted_keys} == 0 }) }, "metrics: $name");
}

sub ticks {
    my $tick = $redis->cli('HMGET', $redis->key('tick'), 'n', 'since');
    return defined $tick->[0] ? $tick->[0] - $tick->[1] : 0;
}
