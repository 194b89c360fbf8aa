# What would be lost with Redis: the keeper asks, a metric and one line tell,
# and when the dataset is older than it was, the log says by how much.

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

ok($node->wait_log($older), 'an older dump is told');
my ($seconds) = $node->log =~ $older;
cmp_ok($seconds // 0, '>=', 3, 'about how much is lost');
cmp_ok($seconds // 0, '<=', 60, 'and not more');
wait_for('it goes on', sub { said($node, $token) =~ /HIT$/ });
is(scalar(() = $node->log =~ /$older/g), 1, 'told once');

# the same dataset again: nothing is lost

$redis->cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
wait_for('joined again', sub { said($node, $token) =~ /HIT$/ });
is(scalar(() = $node->log =~ /$older/g), 1, 'nothing was lost');

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
