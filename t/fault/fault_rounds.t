use strict;
use warnings;

# A hundred rounds of cheap faults: descriptors and memory of the workers are
# what they were, and nobody waits.

# what is freed is not kept for long under ASan, or it is all that grows

BEGIN { $ENV{ASAN_OPTIONS} =
    'detect_odr_violation=0:detect_leaks=0:quarantine_size_mb=1' }

use lib 't/lib';
use Stok::Fault;
use Stok::Status;
use Stok::Test;

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $kb = $ENV{STOK_NGINX} ? 32768 : 256;
my $warm = 50;

my $redis = Stok::Redis->start;
my $proxy = Stok::Proxy->start($redis);
my $fault = Stok::Fault->new(redis => $redis, proxy => $proxy,
    conf => Stok::Status::server());
my $nginx = $fault->{nginx};
my $status = Stok::Status->new($nginx);
my $deep = "*1\r\n" x 100 . ":1\r\n";
my $large = Stok::FakeRedis::bulk('x' x 1048576);

# what each round does, one after the other

my @faults = (
    sub { cut('normal') },
    sub { cut('pubsub') },
    sub { $proxy->reset('data') },
    sub { $proxy->reset('stream') },
    sub { $proxy->inject($_, $deep) for qw(data stream) },
    sub { $proxy->inject($_, $large) for qw(data stream) },
    sub { answer("-LOADING Redis is loading\r\n") },
    sub { answer("*2147483647\r\n") },
    sub { answer("*2\r\n\$2\r\nid\r\n\$1000\r\nx") },
);

my @workers = sort $nginx->workers;
my ($before, $after);

# Memory that malloc() freed stays with the worker.  So each worker has each
# fault before the first look: it comes while the links of all of them are up.

for my $fault ((@faults) x 2) {
    calm();
    $fault->();
    ask() for 1 .. 4;
}

for my $round (1 .. $warm + 100) {
    $before = calm() if $round == $warm + 1;

    $faults[$round % @faults]->();
    ask() for 1 .. 4;
}

$after = calm();

note("before: $before->{fds} descriptors, $before->{kb} kB; "
    . "after: $after->{fds} descriptors, $after->{kb} kB");

cmp_ok($after->{fds}, '<=', $before->{fds}, 'no more descriptors');
cmp_ok($after->{kb}, '<', $before->{kb} + $kb, 'no more memory');
is(join(' ', sort $nginx->workers), "@workers", 'the same workers');
is($status->now->{waiters}, 0, 'nobody waits');

finish();


sub cut { $redis->cli('CLIENT', 'KILL', 'TYPE', shift, 'SKIPME', 'yes') }

sub ask {
    said($nginx, 'stk_svc_' . Stok::Redis::random(30));
    said($nginx, $fault->{valid}[rand 6]);
}

sub answer {
    $proxy->answer('data', shift);
    ask();
    $proxy->answer('data');
}

# all links are up, and no connection of ours is left

sub calm {
    $fault->ready('calm');
    wait_for('both links', sub { $status->now->{redis_links_down} == 0 });
    $fault->ready('calm, and all links are up');

    return Stok::Fault::settled($nginx);
}
