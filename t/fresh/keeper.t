use strict;
use warnings;

# One worker of the node holds the stream; another takes over when it dies or
# stops, and what changed meanwhile is known.

use lib 't/lib';
use Stok::Test;
use Time::HiRes ();

my $redis = Stok::Redis->start;

$redis->user('user@service');

my $nginx = edge(redis => $redis, workers => 4);
my $token = $redis->token;

$nginx->{expect} = qr/exited on signal 9/;

cached('at first');
is(scalar(streams()), 1, 'one stream for four workers');
my $first = keeper();
ok(alive($first), 'a worker keeps it');

# killed: a change in the gap is not missed

kill 'KILL', $first;
$redis->cli('HSET', $redis->token_key($token), status => 'revoked');
wait_for('refused', sub { said($nginx, $token) =~ /^401 REVOKED/ });
cached('another keeper', '401 REVOKED');
isnt(keeper(), $first, 'another worker keeps the stream');
wait_for('one stream', sub { streams() == 1 });
pass('one stream');

# another worker is killed: nothing happens

my ($other) = grep { $_ != keeper() } $nginx->workers;
my ($stream) = streams();
kill 'KILL', $other;
wait_for('replaced', sub { $nginx->workers == 4 && !alive($other) });
cached('goes on', '401 REVOKED');
is((streams())[0], $stream, 'the same stream');

# frozen, for longer than the lease; comes back and is not needed any more

my $frozen = keeper();
kill 'STOP', $frozen;
$redis->cli('HSET', $redis->token_key($token), status => 'active');

wait_for('another took over', sub {
    my $log = $nginx->log;
    my ($last) = $log =~ /.*\] (\d+)#\d+: service token: this worker keeps/s;
    return $last != $frozen;
}, 20);

isnt(keeper(), $frozen, 'a frozen keeper is replaced');
kill 'CONT', $frozen;
wait_for('one stream', sub { streams() == 1 });
cached('after the frozen one came back', '200 ALLOWED');

# it hears

$redis->cli('HSET', $redis->token_key($token), status => 'revoked');
wait_for('refused', sub { said($nginx, $token) =~ /^401 REVOKED/ });
pass('changes go on reaching all');

# a stream that is lost comes back at once, but not all nodes' at once

my @took;

for (1 .. 16) {
    my ($id) = streams();
    my $start = Time::HiRes::time();
    $redis->cli('CLIENT', 'KILL', 'ID', $id);
    wait_for('a new stream', sub { ((streams())[0] // $id) != $id });
    push @took, int 1000 * (Time::HiRes::time() - $start);
}

@took = sort { $a <=> $b } @took;
note("streams came back after @took ms");
cmp_ok($took[0], '<', 90, 'some soon');
cmp_ok($took[-1] - $took[0], '>', 100, 'some later');

# nobody stays behind

my $claims = () = $nginx->log =~ /this worker keeps the stream/g;
cmp_ok($claims, '<=', 4, 'few changes of the keeper');

finish();


sub cached {
    my ($name, $expected) = @_;
    $expected //= '200 ALLOWED';

    my $last = '';
    ok(eval { wait_for($name, sub {
            ($last = said($nginx, $token)) eq "$expected HIT" }, 15) }, $name)
        or diag($last);
}

# ids of the connections that are subscribed

sub streams {
    return map { /^id=(\d+)/ } grep { / sub=1 / }
        split /\n/, $redis->cli('CLIENT', 'LIST');
}

sub keeper {
    my @claims = $nginx->log =~ /(\d+)#\d+: service token: this worker keeps/g;
    return $claims[-1];
}

sub alive {
    my $pid = shift;
    return grep { $_ == $pid } $nginx->workers;
}
