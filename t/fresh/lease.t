use strict;
use warnings;

# The lease: what is not proven fresh is not used, whatever broke, noticed or
# not; and a proof by another server, or of another counter, is none.

use lib 't/lib';
use Stok::Test;
use Time::HiRes qw(time);

my $redis = Stok::Redis->start;
my $proxy = Stok::Proxy->start($redis);
my $to = '127.0.0.1:' . $proxy->port . ' timeout=5s connect_timeout=5s';

$redis->user('user@service');

my $nginx = edge(redis => $proxy, to => $to);
my $token = $redis->token;

cached('at first');

# the stream is half-open: it is silent, and nothing shows that

$proxy->hold('stream');
$redis->cli('HSET', $redis->token_key($token), status => 'revoked');

wait_for('the lease is out', sub { said($nginx, $token) =~ / BYPASS$/ });
is(said($nginx, $token), '401 REVOKED BYPASS', 'asks Redis instead') for 1 .. 4;

$redis->cli('HSET', $redis->token_key($token), status => 'active');
is(said($nginx, $token), '200 ALLOWED BYPASS', 'the truth of this moment');

$proxy->release('stream');
cached('the stream is back');

# only the stream's connection dies

my $epoch = 0;
kill_clients('pubsub');
$redis->cli('HSET', $redis->token_key($token), status => 'revoked');
wait_for('refused', sub { said($nginx, $token) =~ /^401 REVOKED/ });
cached('another stream', '401 REVOKED');
$redis->cli('HSET', $redis->token_key($token), status => 'active');
cached('it hears', '200 ALLOWED');

# only data connections die

kill_clients('normal');
$redis->cli('HSET', $redis->token_key($token), status => 'revoked');
wait_for('refused', sub { said($nginx, $token) =~ /^401 REVOKED/ });
$redis->cli('HSET', $redis->token_key($token), status => 'active');
cached('other data links', '200 ALLOWED');

# the dataset goes without a word: SWAPDB announces nothing

$redis->cli('SWAPDB', 0, 1);
wait_for('another dataset is seen', sub { said($nginx, $token) =~ /^503/ });
pass('SWAPDB, to an empty one');
$redis->cli('SWAPDB', 0, 1);
cached('and back');

# the same, and the other has a dataset of its own

$redis->cli('SWAPDB', 0, 1);
$redis->init;
wait_for('the token is not known there',
    sub { said($nginx, $token) =~ /^401 UNKNOWN/ });
cached('SWAPDB, to another', '401 UNKNOWN');
$redis->cli('SWAPDB', 0, 1);
wait_for('and back', sub { said($nginx, $token) =~ /^200 ALLOWED/ });
pass('and back');

# the marker alone

$redis->cli('HDEL', '{st}:meta', 'schema');
wait_for('no dataset', sub { said($nginx, $token) =~ /^503/ });
pass('no marker');
$redis->init;
cached('the marker is back');

# a second server: data links that reach it neither use nor fill the cache

my $second = Stok::Redis->start;
$second->user('user@service');

my $one = edge(redis => $proxy, to => $to, workers => 1, name => 'one worker');
wait_for('cached', sub { said($one, $token) eq '200 ALLOWED HIT' });

$proxy->target($second);
kill_clients('normal');

wait_for('the data links are at the second',
    sub { said($one, "foreign-$$") =~ /^401 UNKNOWN BYPASS/ });

my %seen;
my $end = time + 1.2;
$seen{ said($one, $token) }++ while time < $end;
ok(!$seen{'200 ALLOWED HIT'}, 'links to two servers: the cache is not used')
    or diag(join ', ', %seen);

cached('the node follows the second', '401 UNKNOWN');
$second->token(clear => $token);
wait_for('made there', sub { said($nginx, $token) =~ /^200 ALLOWED/ });
pass('and hears its changes');

# Redis stops answering: 503, and back

kill 'STOP', $second->pid;
wait_for('503', sub { said($nginx, $token) =~ /^503/ });
kill 'CONT', $second->pid;
cached('it goes on');

# at most four ticks a second, however many ask

my $n = $second->cli('HGET', '{st}:tick', 'n');
my $start = time;
wait_for('ticks', sub { time > $start + 2 });
my $ticks = $second->cli('HGET', '{st}:tick', 'n') - $n;
my $took = time - $start;
cmp_ok($ticks, '<=', 4 * $took + 1, 'at most four ticks a second');
cmp_ok($ticks, '>=', 1, 'and some');

finish();


sub cached {
    my ($name, $expected) = @_;
    $expected //= '200 ALLOWED';

    my $last = '';
    ok(eval { wait_for($name, sub {
            ($last = said($nginx, $token)) eq "$expected HIT" }, 15) }, $name)
        or diag($last);
}

sub kill_clients {
    my $type = shift;
    my $from = $proxy->{target_now} // $redis;
    $from->cli('CLIENT', 'KILL', 'TYPE', $type, 'SKIPME', 'yes');
}
