use strict;
use warnings;

# Workers of nginx are killed or stopped while requests wait in them: their
# clients see it at once or in time, and nothing is left of them in what is
# counted.  See Stok::Fault for what must hold of all others.

use lib 't/lib';
use Stok::Fault;
use Stok::Status;
use Stok::Test;

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $redis = Stok::Redis->start;
my $proxy = Stok::Proxy->start($redis);
my $fault = Stok::Fault->new(redis => $redis, proxy => $proxy,
    conf => Stok::Status::server(), edge => { expect => qr/signal 9/,
        workers => 4 });
my $nginx = $fault->{nginx};
my $status = Stok::Status->new($nginx);
my @stopped;

# all requests of a killed worker are lost, and these only

for my $round (1 .. 3) {
    $proxy->hold('data');

    my @waiting = map { $nginx->open("GET /index.html HTTP/1.1\r\nHost: h\r\n"
        . "Connection: close\r\nAuthorization: Bearer waits-$round-$_\r\n\r\n",
        port => $nginx->port('PORT_L')) } 1 .. 40;

    wait_for('all wait', sub { $status->now->{waiters} > 30 });

    my @killed = ($nginx->workers)[0, 1];
    kill 'KILL', @killed;
    $proxy->release('data');

    my %said;
    $said{ status_of($nginx->answer($_)) || 'lost' }++ for @waiting;

    is(join(' ', grep { !/^(?:401|503|lost)$/ } sort keys %said), '',
        "round $round: answered, or closed");
    ok($said{lost} && $said{lost} < @waiting, "round $round: some of each");
    wait_for('replaced', sub { $nginx->workers == 4 });
    ok(eval { wait_for('nobody waits',
        sub { $status->now->{waiters} == 0 }) }, "round $round: nobody waits")
        or diag('waiters: ', $status->now->{waiters});
    $fault->ready("round $round: after");
}

# a killed worker's connections are gone, a stopped one's come late

$fault->try('a worker is killed', moves => 1, lost => 40, close => 1,
    begin => sub { kill 'KILL', ($nginx->workers)[0] });
$fault->try('all workers are killed', moves => 1, lost => 80, close => 1,
    begin => sub { kill 'KILL', $nginx->workers });
$fault->try('all workers are stopped for 1 s', late => 1,
    begin => sub { kill 'STOP', @stopped = $nginx->workers },
    end => sub { kill 'CONT', @stopped });
$fault->try('all workers are stopped for 5 s', late => 5, lasts => 5,
    begin => sub { kill 'STOP', @stopped = $nginx->workers },
    end => sub { kill 'CONT', @stopped });

finish();
