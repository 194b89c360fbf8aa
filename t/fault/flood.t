use strict;
use warnings;

# Guesses beside valid traffic: valid requests stay as quick and as cached as
# they were, and Redis hardly notices.
#
# The times are compared within one run: the flood is on and off in turns of a
# tenth of a second, so what else happens on the machine happens to both.  The
# figure that counts is the median of the turns' p99: somebody else's burst
# spoils some turns, and would be the p99 of all.
#
# The flood is as fast as its client can make it.  Attackers bring their own
# cores; here they would take those of nginx and of who measures, and the times
# would be those of the machine's scheduler.  So the worker and the valid
# client go first, as real-time processes, and the flood has what is left: the
# worker still answers each guess before it reads on.  Where real-time is not
# allowed, the flood alone gives way.

use lib 't/lib';
use Stok::Load;
use Stok::Test;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);

plan(skip_all => 'under valgrind nothing is quick')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my ($rate, $burst, $connections) = (10, 20, 16);
my ($turns, $turn, $settle) = (120, 0.1, 0.02);
my $valid_rate = 1000;
my $bound = 2;
my $seconds = 1;
my $attacker = '192.0.2.66';

my $redis = Stok::Redis->start;
my $nginx = edge(redis => $redis, plain => 1, cold => 1,
    conf => <<"EOC");
service_token_throttle zone=guess:1m rate=${rate}r/s burst=$burst;
service_token_cache_valid 10m;
real_ip_header X-Client;
set_real_ip_from 127.0.0.1;
EOC

$redis->user('user@service');

my @valid = map { $redis->token } 1 .. 50;
my @guesses = map { guess() } 1 .. 5000;

wait_for('a warm cache', sub {
    !grep { said($nginx, $_) ne '200 ALLOWED HIT' } @valid });

my $realtime = !grep { !chrt('--rr', 10, $_) } $nginx->workers;

# ---- in turns, without and with it

my ($calls, $start) = ($redis->calls('hgetall'), clock());
my $flood = flood(guesses(sub { $attacker }));
my $load = load();

my @turns = in_turns($flood);
my @said = $load->stop;
bounded($calls, $start, $flood->stop);
is(hits(@said), 1, 'all valid ones from the cache');

my %p99 = p99s(\@turns, @said);

cmp_ok(scalar(@{ $p99{$_} // [] }), '>', $turns / 2, "$_: enough turns")
    for qw(quiet flood);

my ($quiet, $beside) = map { 1000 * median(@{ $p99{$_} // [0] }) }
    qw(quiet flood);

diag(sprintf 'p99 of valid requests: quiet %.2f ms, flood %.2f ms, ratio %.2f',
    $quiet, $beside, $quiet ? $beside / $quiet : 0);

cmp_ok($beside, '<=', $bound * $quiet,
    'p99 beside it: at most twice the quiet one');

# ---- from as many addresses as there are guesses the throttle is of no use;
# then the cache keeps what is valid, and pushes out what is unknown

$flood = flood(guesses(sub { join '.', 10, map { int rand 256 } 1 .. 3 }));
$load = load();
pause($seconds);
@said = $load->stop;
my @many = $flood->stop;

is(hits(@said), 1, 'from many addresses: each valid one from the cache');
is(scalar(grep { $_->[3] != 401 } @many), 0, 'each guess: 401');

finish();


sub clock { clock_gettime(CLOCK_MONOTONIC) }

sub pause {
    my $end = clock() + shift;
    sleep $end - clock() while clock() < $end;
}

# the flood stopped and on, and when

sub in_turns {
    my $flood = shift;

    my @turns;

    for my $i (1 .. $turns) {
        my @kinds = (['quiet', 'STOP'], ['flood', 'CONT']);

        for my $kind ($i % 2 ? @kinds : reverse @kinds) {
            $_->signal($kind->[1]) for @{ $flood->{clients} };

            pause($settle);

            my $begin = clock();
            pause($turn);
            push @turns, [$kind->[0], $begin, clock()];
        }
    }

    $_->signal('CONT') for @{ $flood->{clients} };

    return @turns;
}

# a flood from one address, and what Redis had of it

sub bounded {
    my ($calls, $start, @flood) = @_;

    my $elapsed = clock() - $start;
    my $asked = $redis->calls('hgetall') - $calls;

    diag(sprintf '%d guesses, %.0f a second, %d of them 429; Redis was asked '
        . '%d times', scalar @flood, @flood / $elapsed,
        scalar(grep { $_->[3] == 429 } @flood), $asked);

    is(scalar(grep { $_->[3] != 429 && $_->[3] != 401 } @flood), 0,
        'guesses are answered with 401 or 429');
    cmp_ok(@flood / $elapsed, '>', 20 * $rate, 'it is a flood');
    cmp_ok($asked, '<=', $burst + 1 + $connections + $rate * $elapsed,
        'Redis is asked by no more than may fail');
}

# of each turn in which enough requests began, by its kind

sub p99s {
    my ($turns, @said) = @_;
    my ($i, %p99, @took) = 0;

    for my $answer (@said) {
        $i++ while $i < @$turns && $turns->[$i][2] < $answer->[0];
        last if $i == @$turns;
        push @{ $took[$i] }, $answer->[1] - $answer->[0]
            if $answer->[0] >= $turns->[$i][1];
    }

    for my $i (grep { @{ $took[$_] // [] } > $turn * $valid_rate / 2 }
        0 .. $#took)
    {
        push @{ $p99{ $turns->[$i][0] } }, p99(@{ $took[$i] });
    }

    return %p99;
}

sub flood {
    my @requests = @_;

    my $flood = Stok::Load->start(port => $nginx->port, clients => 1,
        connections => $connections, rate => 1e6, requests => \@requests);

    if (!$realtime) {
        chrt('--idle', 0, $_->{pid}) for @{ $flood->{clients} };
    }

    return $flood;
}

sub chrt {
    my ($policy, $priority, $pid) = @_;
    return !system "chrt $policy --pid $priority $pid 2>/dev/null";
}

sub guesses {
    my $address = shift;
    return map { request($_, $address->()) } @guesses;
}

sub load {
    my $load = Stok::Load->start(port => $nginx->port, clients => 1,
        rate => $valid_rate,
        requests => [map { request($_, '10.0.0.1') } @valid]);

    if ($realtime) {
        chrt('--rr', 10, $_->{pid}) for @{ $load->{clients} };
    }

    return $load;
}

sub request {
    my ($token, $address) = @_;
    return "HEAD /index.html HTTP/1.1\r\nHost: h\r\nX-Client: $address\r\n"
        . "Authorization: Bearer $token\r\n\r\n";
}

sub guess {
    my $body = 'stk_svc_' . Stok::Redis::random(32);
    return $body . Stok::Redis::checksum($body);
}

sub hits {
    return @_ && grep({ $_->[3] == 200 && $_->[4] eq 'HIT' } @_) / @_;
}

sub p99 {
    my @took = sort { $a <=> $b } @_;
    return $took[int(@took * 0.99)];
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[@sorted / 2];
}
