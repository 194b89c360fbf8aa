use strict;
use warnings;

# service_token_stale uses nothing of which this node has heard otherwise, not
# even in an answer that it does not keep.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;

$redis->user('user@service');

my %token = map { $_ => $redis->token } qw(kept gone odd);
my $nginx = edge(redis => $redis, workers => 1,
    conf => 'service_token_lease 1s;
        service_token_cache_valid 600s unknown=0; service_token_stale 600s;');

for my $name (sort keys %token) {
    wait_for('cached', sub { said($nginx, $token{$name}) eq '200 ALLOWED HIT' });
}

# changes are not announced any more, so Redis is asked each time

$redis->cli(qw(ACL SETUSER default -client|tracking));
$redis->cli(qw(CLIENT KILL TYPE pubsub));
wait_for('the lease is out',
    sub { said($nginx, $token{kept}) eq '200 ALLOWED BYPASS' });

$redis->cli('DEL', $redis->token_key($token{gone}));
$redis->cli('HSET', $redis->token_key($token{odd}), status => 'strange');

is(said($nginx, $token{gone}), '401 UNKNOWN BYPASS', 'heard: it is gone');
is(said($nginx, $token{odd}), '503 UNAVAILABLE BYPASS', 'heard: unreadable');

$redis->down;
wait_for('Redis is away',
    sub { said($nginx, $token{kept}) =~ /^200 STALE / });

is(said($nginx, $token{gone}), '503 UNAVAILABLE BYPASS', 'gone: not let in');
is(said($nginx, $token{odd}), '503 UNAVAILABLE BYPASS', 'odd: not let in');

finish();
