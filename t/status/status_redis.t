use strict;
use warnings;

# service_token_status, when Redis is slow, silent, away or refuses: who waits,
# what is lost, what was not kept; and back to nothing when all is well.

use lib 't/lib';
use Socket qw(SOL_SOCKET SO_LINGER);
use Stok::Status;
use Stok::Test;
use Time::HiRes qw(time);

my $get = "GET /index.html HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ";

my $redis = Stok::Redis->start;
my $proxy = Stok::Proxy->start($redis);

$redis->user('user@service');

# a cold node: what it has is what it was asked for

my $nginx = edge(redis => $redis, workers => 1, cold => 1, name => 'one',
    to => '127.0.0.1:' . $proxy->port . ' timeout=20s connect_timeout=20s',
    conf => Stok::Status::server(),
    server => "service_token_stale 1h;");
my $status = Stok::Status->new($nginx);

wait_for('joined', sub { $status->now->{lease_valid} });
is($status->now->{redis_connects}, 2, 'a data link and a stream');

my ($first, $second) = map { $redis->token } 1, 2;
$redis->heard;

said($nginx, $_) for $first, $second, 'foreign-1', 'foreign-2', 'foreign-3';
is_deeply([ @{ $status->now }{'records token', 'records user', 'records absent',
    'lookups'} ], [2, 1, 3, 6], 'records by kind');

# the number of waiting requests rises; each way out lowers it

waiters('abort', 5, sub {
    setsockopt $_, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 for @_;
});
waiters('close', 5, sub { });
waiters('half', 5, sub { shutdown $_, 1 for @_ });

$proxy->hold('data');
my @sock = map { $nginx->open("${get}stays-$_\r\nConnection: close\r\n\r\n") }
    1 .. 7;
wait_for('seven wait', sub { $status->now->{waiters} == 7 });
$proxy->release('data');
is(scalar(grep { status_of($nginx->answer($_)) == 401 } @sock), 7,
    'the others are answered');
is($status->now->{waiters}, 0, 'and wait no more');

# how long a question took: two of 0.3 s, no matter how many wait for it

my $timed = $status->now;
$proxy->hold('data');
@sock = map { $nginx->open("${get}timed-$_\r\nConnection: close\r\n\r\n") }
    1, 1, 2;
wait_for('all wait', sub { $status->now->{waiters} == 3 });
my $start = time;
wait_for('the time', sub { time - $start > 0.3 });
$proxy->release('data');
$nginx->answer($_) for @sock;
my $took = $status->now;
is($took->{"lookup_seconds_$_->[0]"} - $timed->{"lookup_seconds_$_->[0]"},
    $_->[1], $_->[0]) for ['bucket 0.25', 0], ['bucket +Inf', 2], ['count', 2];
cmp_ok($took->{'lookup_seconds_sum'} - $timed->{'lookup_seconds_sum'}, '>=',
    0.5, 'both together');

# a change overtakes an answer: it is not kept.  A marker before that, so that
# Redis knows the script of acknowledgements

acknowledged(0);

my $token = $redis->token;
my $before = $status->now;
my $calls = $redis->calls('hgetall');
$proxy->hold('data');
my $asked = $nginx->open("$get$token\r\nConnection: close\r\n\r\n");
wait_for('Redis has answered', sub { $redis->calls('hgetall') > $calls });
$redis->cli('HSET', $redis->token_key($token), 'name', 'changed');
acknowledged(1);
$proxy->release('data');
is(status_of($nginx->answer($asked)), 200, 'who asked is let in');
is($status->now->{fills_refused} - $before->{fills_refused}, 1,
    'the answer is not kept');

# away: each link is lost once, and the lease runs out

wait_for('fresh', sub { said($nginx, $first) eq '200 ALLOWED HIT' });
$before = $status->now;
is($before->{redis_losses}, 0, 'nothing was lost yet');
$redis->down;

wait_for('lost', sub { $status->now->{redis_links_down} == 2
    && !$status->now->{lease_valid} });
my $now = $status->now;
is($now->{redis_losses}, 2, 'data and stream, once each');
is($now->{lease_seconds}, 0, 'no lease');
is($now->{'stream_state joining'}, 1, 'the stream is tried again');
is(said($nginx, $first), '200 STALE BYPASS', 'stale');
is($status->now->{requests_stale} - $before->{requests_stale}, 1,
    'is counted');
like(said($nginx, 'foreign-4'), qr/^503 UNAVAILABLE/, 'unavailable');
is($status->now->{'requests UNAVAILABLE BYPASS'}, 1, 'is counted');

$redis->up;
$redis->init;
wait_for('back', sub { $status->now->{redis_links_down} == 0
    && $status->now->{lease_valid} });
$now = $status->now;
is($now->{redis_losses}, 2, 'no more was lost');
cmp_ok($now->{redis_connects}, '>=', $before->{redis_connects} + 2,
    'other connections');
is($now->{'epoch_bumps server'} - $before->{'epoch_bumps server'}, 1,
    'another server');

# silent: a connection for each time; and no stream

my $silent = Stok::FakeRedis->start(sub {
    my ($args) = @_;
    return "-ERR not here\r\n" if $args->[0] eq 'CLIENT';
    return ();
});
my $waits = edge(redis => $silent, workers => 1, cold => 1, name => 'silent',
    to => '127.0.0.1:' . $silent->port . ' timeout=200ms connect_timeout=5s',
    conf => Stok::Status::server());
my $quiet = Stok::Status->new($waits);

for my $n (1 .. 3) {
    like(said($waits, "foreign-$n"), qr/^503 /, 'no answer');
    wait_for('it is tried again', sub {
        $quiet->now->{redis_timeouts} == $n
            && $quiet->now->{redis_links_down} == 0 });
    $now = $quiet->now;
    is($now->{redis_losses}, $n, 'lost');
    is($now->{waiters}, 0, 'nobody waits');
}

is($now->{'requests UNAVAILABLE BYPASS'}, 3, 'three requests');
is($now->{tracking_refused}, 1, 'tracking is refused');
is($now->{'stream_state off'} + $now->{'stream_state joining'}, 1, 'no stream');
is($now->{lease_valid}, 0, 'no lease');
is($now->{proofs}, 0, 'no proof');

# a small zone: what does not fit goes

my $small = edge(redis => $redis, workers => 1, zone => '64k', name => 'small',
    conf => Stok::Status::server());
my $full = Stok::Status->new($small);

$redis->user('user@service');
$before = $full->now;
said($small, $redis->token) for 1 .. 400;
$now = $full->now;
cmp_ok($now->{evictions}, '>', 0, 'evictions');
cmp_ok($now->{'records token'}, '<', 400, 'not all are there');
is(kept($now) - kept($before), $now->{lookups} - $before->{lookups},
    'what was asked is there, or went, or was not kept');

finish();


sub acknowledged {
    my $n = shift;
    $redis->cli('SET', "{st}:watch:mark:$n", 1, 'EX', 5);
    wait_for('the change is heard',
        sub { $redis->cli('SCARD', "{st}:ack:$n") });
}

# records that are in the cache, were evicted, or were changed meanwhile

sub kept {
    my $now = shift;
    my $sum = $now->{evictions} + $now->{fills_refused};
    $sum += $now->{"records $_"} for qw(token user absent);
    return $sum;
}

# some wait for an answer that does not come, and leave

sub waiters {
    my ($how, $n, $leave) = @_;

    $proxy->hold('data');

    my @sock = map { $nginx->open("${get}$how-$_\r\n\r\n") } 1 .. $n;

    ok(eval { wait_for("$n wait", sub { $status->now->{waiters} == $n }) },
        "$how: $n wait");

    $leave->(@sock);
    @sock = () if $how ne 'half';

    ok(eval { wait_for('none', sub { $status->now->{waiters} == 0 }) },
        "$how: nobody waits any more");

    $proxy->release('data');
}
