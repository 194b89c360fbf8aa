use strict;
use warnings;

# Redis is silent, and guesses come from everywhere: a worker's link takes 8192
# queries.  A request that comes then gets 503 at once, is counted, and waits
# for nothing; a token in the cache is accepted; and when Redis answers, so do all
# questions, and the next one.

use lib 't/lib';
use Stok::Status;
use Stok::Storm;
use Stok::Test;

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $most = 8192;        # of two commands each
my $own = 8;            # commands of the worker itself, at most
my $guesses = $most + 500;

my $redis = Stok::Redis->start;
my $nginx = edge(redis => $redis, workers => 1, plain => 1, zone => '4m',
    to => '%%REDIS_ADDR%% timeout=60s',
    conf => 'service_token_lease 60s; keepalive_requests 100000;'
        . Stok::Status::server(),
    server => 'listen 127.0.0.1:%%PORT_H2%% http2;
        http2_max_concurrent_streams 20000;');
my $status = Stok::Status->new($nginx);

$redis->user('user@service');

my ($valid, $new) = map { $redis->token } 1 .. 2;

wait_for('cached', sub { said($nginx, $valid) eq '200 ALLOWED HIT' });

# each guess over a stream of its own, of one connection

my $before = $status->now;

kill 'STOP', $redis->pid;

my $sock = Stok::Storm::connected($nginx->port('PORT_H2'));

syswrite $sock, join '', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    Stok::Storm::frame(4, 0, 0, ''),
    map { Stok::Storm::frame(1, 5, 2 * $_ - 1,
        Stok::Storm::headers("guess-$_")) } 1 .. $guesses;

my $full;

wait_for('all have come', sub {
    $full = $status->now;
    return $full->{waiters} + unavailable($full) - unavailable($before)
        >= $guesses;
}, 30);

cmp_ok($full->{waiters}, '<=', $most, 'so many wait, and no more');
cmp_ok($full->{waiters}, '>=', $most - $own, 'and not less');
is($full->{waiters} + unavailable($full) - unavailable($before), $guesses,
    'each other one has 503, and is counted');

# at once: nobody has got an answer from Redis, or waited in vain, since

my $answer = $nginx->get('/index.html', token => $new);

is(status_of($answer), 503, 'one more: 503');
is(header_of($answer, 'X-Status'), 'UNAVAILABLE', 'its verdict');
like(header_of($answer, 'Retry-After'), qr/^\d+$/, 'Retry-After');
is(header_of($answer, 'WWW-Authenticate'), '', 'no challenge');
is(said($nginx, $valid), '200 ALLOWED HIT', 'a token in the cache is accepted');

my $now = $status->now;

is($now->{waiters}, $full->{waiters}, 'the others still wait');
is(unavailable($now), unavailable($full) + 1, 'it is counted');
is($now->{lookups}, $full->{lookups}, 'and was not asked for');

# Redis answers

kill 'CONT', $redis->pid;

wait_for('nobody waits', sub { $status->now->{waiters} == 0 }, 30);
$now = $status->now;

is($now->{'requests UNKNOWN MISS'} - $before->{'requests UNKNOWN MISS'},
    $full->{waiters}, 'who waited has the answer');
is(unavailable($now), unavailable($full) + 1, 'nobody else has 503');
is($now->{$_}, $before->{$_}, "$_: none")
    for qw(redis_losses redis_timeouts redis_links_down);
like(said($nginx, $new), qr/^200 ALLOWED/, 'the next one is let in');
is(said($nginx, $new), '200 ALLOWED HIT', 'and is cached');

close $sock;
finish();


# whatever its cache state

sub unavailable {
    my $now = shift;
    my $sum = 0;
    $sum += $now->{$_} for grep { /^requests UNAVAILABLE / } keys %$now;
    return $sum;
}
