# While the marker says that an import is under way, half of the file may be in
# the dataset: every request gets 503, none hears that its token is unknown, and
# what is in the cache is not used either.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;
use Time::HiRes qw(time);

my $redis = Stok::Redis->start;
$redis->user('user@service');

my ($cached, $other) = map { $redis->token(user => 'user@service') } 1, 2;

my $nginx = edge(redis => $redis, workers => 1, name => 'with a cache',
    server => 'service_token_stale 1h;');
my $plain = edge(redis => $redis, workers => 1, cold => 1, name => 'without',
    conf => 'service_token_cache_valid 0;');

# a dataset in use

for my $round (1, 2) {
    hit($cached);
    is(said($plain, $cached), '200 ALLOWED BYPASS', 'no cache: let in');

    my $start = time;
    $redis->cli('HSET', $redis->key('meta'), importing => 'a' x 64);

    is(said($plain, $_), '503 UNAVAILABLE BYPASS', 'no cache: 503 at once')
        for $cached, $other, 'foreign-1';

    wait_for('the cache is left', sub { said($nginx, $cached) =~ /^503/ });
    cmp_ok(time - $start, '<', 2.5, 'within the lease');

    my %said;
    while (time - $start < 6) {
        $said{said($nginx, $_)}++ for $cached, $other, "foreign-$round";
        select undef, undef, undef, 0.05;
    }

    is(join(' ', grep { !/^503 UNAVAILABLE/ } keys %said), '',
        'nothing else for three leases');

    $redis->cli('HDEL', $redis->key('meta'), 'importing');

    is(said($plain, $cached), '200 ALLOWED BYPASS', 'no cache: in again');
    is(said($plain, 'foreign-1'), '401 UNKNOWN BYPASS', 'and unknown again');
    hit($cached);
}

# a line as it begins, and one as it ends, of each of the two

for my $edge ($nginx, $plain) {
    my ($begins, $ends) = map { my $re = $_; scalar(() = $edge->log =~ /$re/g) }
        qr/\[error\].*: an import into the dataset at "\{st\}:meta" is under way/,
        qr/\[notice\].*: the dataset at "\{st\}:meta" is back/;

    is($begins, 2, "$edge->{name}: said once as it begins");
    is($ends, $begins, "$edge->{name}: and as it ends");
}

# a dataset that is being made

$redis->cli('DEL', $redis->key('meta'));
$redis->cli('HSET', $redis->key('meta'), importing => 'a' x 64);

is(said($plain, $_), '503 UNAVAILABLE BYPASS', 'a new dataset: 503')
    for $cached, 'foreign-1';

$redis->init;
is(said($plain, $cached), '503 UNAVAILABLE BYPASS', 'made, and not at its end');
$redis->cli('HDEL', $redis->key('meta'), 'importing');
is(said($plain, $cached), '200 ALLOWED BYPASS', 'at its end');

finish;


sub hit {
    my $token = shift;
    ok(eval { wait_for('a hit', sub {
        said($nginx, $token) eq '200 ALLOWED HIT' }, 20) }, 'from the cache');
}
