use strict;
use warnings;

# A hundred thousand requests whose clients leave while answers are late: over
# HTTP/1.1 pipelined and reset, over HTTP/2 with streams that are reset.  Then
# nobody waits, and connections, descriptors and memory are what they were.

# what is freed is not kept for long under ASan, or it is all that grows

BEGIN { $ENV{ASAN_OPTIONS} =
    'detect_odr_violation=0:detect_leaks=0:quarantine_size_mb=1' }

use lib 't/lib';
use Stok::Fault;
use Stok::Status;
use Stok::Storm;
use Stok::Test;
use Time::HiRes qw(time);

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $requests = $ENV{STORM_REQUESTS} // ($ENV{STOK_NGINX} ? 20_000 : 100_000);
my $seconds = 30;       # at most

my $redis = Stok::Redis->start;
my $proxy = Stok::Proxy->start($redis);
my $fault = Stok::Fault->new(redis => $redis, proxy => $proxy,
    conf => Stok::Status::server(), edge => { level => 'warn',
        server => 'listen 127.0.0.1:%%PORT_L%% reuseport;
            listen 127.0.0.1:%%PORT_H2%% http2 reuseport;
            add_header X-Pid $pid always; http2_max_requests 100000;
            location = /stub { service_token off; stub_status; }' });
my $nginx = $fault->{nginx};
my $status = Stok::Status->new($nginx);
my @workers = sort $nginx->workers;

# what a worker keeps of its largest moment is there already

storm($requests / 10);
storm($requests / 10);
my $before = calm();

my $start = time;
my $asked = $status->now->{lookups};
my $sent = storm($requests);
my $took = time - $start;
my $after = calm();

$asked = $status->now->{lookups} - $asked;

note(sprintf '%d requests in %.1f s, %d questions; before: %d descriptors, '
    . '%d kB; after: %d descriptors, %d kB', $sent, $took, $asked,
    $before->{fds}, $before->{kb}, $after->{fds}, $after->{kb});

cmp_ok($sent, '>=', 0.9 * $requests, 'so many were sent');
cmp_ok($asked, '>=', 0.05 * $requests, 'and Redis was asked for many');
cmp_ok($after->{fds}, '<=', $before->{fds}, 'no more descriptors');
cmp_ok($after->{kb}, '<', $before->{kb} + ($ENV{STOK_NGINX} ? 32768 : 1024),
    'no more memory');
is(join(' ', sort $nginx->workers), "@workers", 'the same workers');
is(said($nginx, $fault->{dead}[0]) =~ /^401/, 1, 'a revoked one stays out');
$fault->ready('a valid token is accepted');

finish();


# half over each protocol, while answers come late; how many were sent

sub storm {
    my $n = shift;
    my @clients;

    $proxy->delay('data', 0.03);

    for my $way (\&Stok::Storm::http1, \&Stok::Storm::http2) {
        my $port = $nginx->port(@clients ? 'PORT_H2' : 'PORT_L');
        my $name = $nginx->dir . '/sent' . @clients;

        unlink $name;
        push @clients, [$name, Stok::Process->start(log => $name, code => sub {
            srand 1 + @clients;
            $SIG{ALRM} = 'DEFAULT';
            alarm $seconds;
            print $way->($port, $n / 2, $fault->{valid});
        })];
    }

    # somebody who stays is answered all the while

    my ($asked, $slowest) = (0, 0);

    until (2 == grep { $_->[1]->ended } @clients) {
        my $begun = time;
        my $said = said($nginx, $fault->{valid}[$asked++ % 6]);
        my $took = time - $begun;

        $slowest = $took if $took > $slowest;
        fail("in the storm: $said") if $said !~ /^(?:200 ALLOWED|503)/;
    }

    cmp_ok($slowest, '<', $Stok::Fault::patience, "$n: who stays is answered");
    $proxy->delay('data', 0);

    my $sent = 0;
    $sent += Stok::Nginx::slurp($_->[0]) || 0 for @clients;

    return $sent;
}

# nobody waits, no client is connected

sub calm {
    my ($waiters, $active);

    ok(eval { wait_for('nobody waits', sub {
        $waiters = $status->now->{waiters};
        ($active) = $nginx->get('/stub') =~ /Active connections: (\d+)/;
        return $waiters == 0 && $active == 1;
    }) }, 'nobody waits, nobody is connected') or diag("$waiters, $active");

    $fault->ready('calm');

    return Stok::Fault::settled($nginx);
}
