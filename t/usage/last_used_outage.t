use strict;
use warnings;

# Redis is away: uses are kept until it is back; when the room is short,
# detail goes first, the oldest, and Last Used of distinct tokens last.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start(options => ['--appendonly', 'yes']);
$redis->user('user@service');

my $nginx = edge(redis => $redis, workers => 1, zone => '2m', plain => 1,
    conf => 'service_token_flush 1s; service_token_stale 10m;',
    to => '%%REDIS_ADDR%% timeout=1s connect_timeout=1s');

my @tokens = map { $redis->token(id => sprintf 'tok_%016d', $_) } 0 .. 5999;

# a short one, of less than the room

my @few = @tokens[0 .. 99];
is(Stok::Uses::run($nginx, [ (@few) x 2 ]), 200, 'all are known');
wait_for('written', sub { uses(0 .. 99) == 200 });

$redis->down;
is(Stok::Uses::run($nginx, [ (@few) x 3 ]), 300, 'used while Redis is away');
my $end = time + 3;
wait_for('it stays away for some flushes', sub { time >= $end });
is(Stok::Uses::run($nginx, [ (@few) x 2 ]), 200, 'and later');
$redis->up;
wait_for('written', sub { uses(0 .. 99) >= 700 }, 20);
is(uses(0 .. 99), 700, 'loss, by a short outage: 0');

# the connection dies when batches are on their way, again and again

for my $round (1 .. 10) {
    is(Stok::Uses::run($nginx, [ @few ]), 100, "round $round");
    $redis->cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
}

wait_for('written', sub { uses(0 .. 99) >= 1700 }, 20);
is(uses(0 .. 99), 1700, 'loss, by lost connections: 0');

# what is asked before the new connection's invalidations are heard is not kept

my $probe = $redis->token(status => 'revoked');
wait_for('the cache is back', sub { said($nginx, $probe) eq '401 REVOKED HIT' });

# more tokens than there is room for: first all are known, a part at a time, as
# the room of this small zone is less than what comes in a moment

for my $part (0 .. 5) {
    my @part = ($part * 1000 .. $part * 1000 + 999);
    my $before = uses(@part);
    is(Stok::Uses::run($nginx, [ @tokens[@part] ]), 1000, "part $part is cached");
    wait_for('written', sub { uses(@part) >= $before + 1000 }, 20);
}

is(uses(0 .. 5999), 7700, 'all are written');
my %before = @{ $redis->cli('ZRANGE', '{st}:last_used', 0, -1, 'WITHSCORES') };

$redis->down;
my $away = time;
wait_for('a later second', sub { time > $away + 1 });
is(Stok::Uses::run($nginx, [ @tokens, @tokens ]), 12_000, 'used meanwhile');
ok($nginx->wait_log(qr/\[warn\].*the detail of \d+ uses was dropped/),
    'says that detail is dropped');
my $warned = () = $nginx->log =~ /the detail of \d+ uses was dropped/g;
my $took = time - $away;
cmp_ok($warned, '<=', $took + 1, 'not more than once an interval');

$redis->up;
wait_for('Last Used of all is written', sub {
    my %now = @{ $redis->cli('ZRANGE', '{st}:last_used', 0, -1, 'WITHSCORES') };
    return !grep { ($now{$_} // 0) < $away } keys %before;
}, 40);
pass('loss of Last Used, by an outage beyond the room: 0');

my $kept = uses(0 .. 5999) - 7700;
cmp_ok($kept, '<', 12_000, "$kept of 12000 with detail");
cmp_ok($kept, '>', 0, 'some of it is kept');

# and it goes on

is(Stok::Uses::run($nginx, \@few), 100, 'used');
wait_for('written', sub { uses(0 .. 5999) >= 7800 + $kept }, 20);
is(uses(0 .. 5999), 7800 + $kept, 'exact again');

finish();


sub uses {
    my $sum = 0;

    for my $i (@_) {
        $sum += $redis->cli('HGET', sprintf('{st}:usage:tok_%016d', $i), 'uses')
            // 0;
    }

    return $sum;
}
