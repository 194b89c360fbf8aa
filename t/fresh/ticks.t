use strict;
use warnings;

# Fifty nodes ask for proofs; Redis makes no more ticks than for one, each is
# one message to each node, and each of them gets its proof.

use lib 't/lib';
use Stok::Test;
use Time::HiRes qw(time);

my $nodes = 50;
my $redis = Stok::Redis->start;
$redis->user('user@service');

# what a keeper really sends

my $listen = IO::Socket::UNIX->new(Peer => $redis->socket) or die "connect: $!";
print $listen "MONITOR\r\n";
$listen->flush;

my $nginx = edge(redis => $redis, workers => 1);
my @eval = monitored();
is(scalar(@eval), 8, 'a keeper runs the script');
close $listen;
ok($nginx->stop, 'the real node leaves');

# here ticks that are not deleted expire while the test looks on

ok($eval[1] =~ s/'10000'/'2000'/, 'ticks expire');

# fifty like it, each every quarter of its lease of two seconds; what one says
# of the counter is proven by a later tick that the stream names

my $stream = IO::Socket::UNIX->new(Peer => $redis->socket) or die "connect: $!";
my $id = command($stream, 'CLIENT', 'ID');
command($stream, 'CLIENT', 'TRACKING', 'ON', 'REDIRECT', $id, 'BCAST',
    'PREFIX', '{st}:watch:');
command($stream, 'SUBSCRIBE', '__redis__:invalidate');

my ($heard, $messages, $asked, @waits, %open, %named) = (0, 0, 0);
my $first = tick('simulated-0');
my $start = time;
my $next = $start;

while (time < $start + 4) {
    if (time >= $next) {
        $next += 0.5 / $nodes;
        my $node = 'simulated-' . $asked++ % $nodes;
        push @{ $open{$node} }, [ tick($node), time ];
    }

    hear(0.002);
}

my $took = time - $start;
my $made = tick('simulated-0') - $first;

# those that are still open get theirs from the next ticks

wait_for('all are proven', sub {
    tick('simulated-0');
    hear(0.01);
    return !grep { @$_ } values %open;
});

cmp_ok($asked, '>=', 4 * $nodes, "$nodes nodes asked $asked times");
cmp_ok($made, '<=', 5 * $took, sprintf 'fewer than five ticks a second: %.2f',
    $made / $took);
cmp_ok($made, '>=', 1, 'but some');
cmp_ok($messages, '<=', 5 * (time - $start), 'so many messages, and no more');
is($messages, scalar @{ made() }, 'each tick is one message');
is(join(' ', map { $named{$_} } @{ made() }[0 .. 3]), '2 2 2 2',
    'made and deleted, which leaves with a later one');
cmp_ok(scalar @{ $redis->cli('KEYS', '{st}:watch:tick:*') }, '<=', 4,
    'the last four are there');
is($redis->cli('HLEN', '{st}:nodes'), $nodes,
    'all nodes are registered, and the one that left is not');

my @sorted = sort { $a <=> $b } @waits;
note(sprintf 'proof after %.0f ms (median), %.0f ms (largest)',
    1000 * $sorted[$#sorted / 2], 1000 * $sorted[-1]);

# a node that was not seen for an hour is forgotten, in time

my $hgetall = $redis->calls('hgetall');
my $old = sprintf '%d 2000', (time - 3601) * 1000;
$redis->cli('HSET', '{st}:nodes', 'long-gone', $old);
my $n = $redis->cli('HGET', '{st}:tick', 'n');
$redis->cli('HSET', '{st}:tick', 'n', $n + 255 - $n % 256, 'at', 1);
tick('simulated-0');
ok($redis->cli('HEXISTS', '{st}:nodes', 'long-gone'), 'not with every tick');
$redis->cli('HSET', '{st}:tick', 'at', 1);
tick('simulated-0');
ok(!$redis->cli('HEXISTS', '{st}:nodes', 'long-gone'), 'an old node goes');
is($redis->cli('HLEN', '{st}:nodes'), $nodes, 'the others stay');
is($redis->calls('hgetall'), $hgetall,
    'and no look-up of a record is counted for it, as other tests expect');

# without a dataset there is nothing to join: nobody hurries, nor sleeps

$nginx = edge(redis => $redis, workers => 1);
my $streams = $redis->calls('subscribe');
$redis->cli('FLUSHALL');
wait_for('the stream begins anew',
    sub { $redis->calls('subscribe') > $streams });

$start = time;
my $before = $redis->scripts;
wait_for('it asks on', sub { $redis->scripts > $before + 8 });
$made = $redis->scripts - $before;
$took = time - $start;
cmp_ok($made, '<=', 5 * $took + 2,
    sprintf 'no dataset: fewer than five scripts a second: %.2f', $made / $took);

$redis->init;
my $token = $redis->token(user => $redis->user('user@service'));
wait_for('served from the cache', sub {
    header_of($nginx->get('/', token => $token), 'X-Cache') eq 'HIT';
});

finish();


# the counter, as the script answers

sub tick {
    my $node = shift;
    my $answer = $redis->cli(@eval[0 .. 4], $node, 2000);
    return $answer->[0];
}

# those that were made since the stream listens

sub made { [ grep { $_ > $first } sort { $a <=> $b } keys %named ] }

# ticks that the stream names, and who is proven by them

sub hear {
    my $seconds = shift;

    my $set = IO::Select->new($stream);

    while ($set->can_read($seconds)) {
        $seconds = 0;
        my $message = Stok::Redis::read_reply($stream);
        $messages++;

        for my $key (@{ $message->[2] }) {
            $key =~ /tick:(\d+)$/ or next;
            $named{$1}++;
            $heard = $1 if $1 > $heard;
        }

        # read_reply may have taken more than one message into its buffer

        last;
    }

    for my $list (values %open) {
        push @waits, map { time - $_->[1] } grep { $_->[0] < $heard } @$list;
        @$list = grep { $_->[0] >= $heard } @$list;
    }
}

sub command {
    my ($sock, @args) = @_;

    print $sock '*' . @args . "\r\n",
        map { '$' . length($_) . "\r\n$_\r\n" } @args;
    $sock->flush;

    return Stok::Redis::read_reply($sock);
}

# the arguments of the first EVAL that makes ticks

sub monitored {
    while (my $line = <$listen>) {
        next if $line !~ /^\+[\d.]+ \[[^]]*\] "EVAL"/i;
        my @args = $line =~ /"((?:[^"\\]|\\.)*)"/g;
        s/\\n/\n/g, s/\\(["\\])/$1/g for @args;
        return @args if $args[1] =~ /watch:tick/;
    }

    return;
}
