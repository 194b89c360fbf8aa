use strict;
use warnings;

# Redis may say anything, on the data link or on the stream: no worker ends,
# none is let in for it, none refused, and afterwards all is as before.

use lib 't/lib';
use Stok::Fault;
use Stok::Test;
use Time::HiRes qw(time);

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $redis = Stok::Redis->start;
my $proxy = Stok::Proxy->start($redis);
my $fault = Stok::Fault->new(redis => $redis, proxy => $proxy,
    edge => { workers => 1 });
my $nginx = $fault->{nginx};
my ($worker) = $nginx->workers;
my $dead = $fault->{dead}[0];
my $channel = Stok::FakeRedis::bulk('__redis__:invalidate');
my $message = "*3\r\n" . Stok::FakeRedis::bulk('message');

# what is said: an error

my @errors = map { ['-' . s/ .*//sr, "-$_\r\n"] } (
    'LOADING Redis is loading the dataset in memory',
    'BUSY Redis is busy running a script.',
    'NOAUTH Authentication required.',
    'NOPERM this user has no permissions to run the command',
    'MOVED 3999 127.0.0.1:6381', 'ASK 3999 127.0.0.1:6381',
    'CLUSTERDOWN The cluster is down', 'TRYAGAIN Multiple keys request',
    'MASTERDOWN Link with MASTER is down and replica-serve-stale-data is no',
    'READONLY You can\'t write against a read only replica.',
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'OOM command not allowed when used memory > \'maxmemory\'.',
    'NOREPLICAS Not enough good replicas to write.',
    'MISCONF Redis is configured to save RDB snapshots',
    'ERR ' . 'x' x 10000, '',
);

# and what is none

my @odd = (
    ['a status', "+OK\r\n"], ['an integer', ":1\r\n"],
    ['an integer too large', ":99999999999999999999999\r\n"],
    ['nil', "\$-1\r\n"], ['no array', "*-1\r\n"], ['empty array', "*0\r\n"],
    ['empty string', "\$0\r\n\r\n"], ['the marker', "\$1\r\n1\r\n"],
    ['odd array', Stok::FakeRedis::hash('id')],
    ['array of nils', "*2\r\n\$-1\r\n\$-1\r\n"],
    ['array of arrays', "*2\r\n*0\r\n*1\r\n*0\r\n"],
    ['fields twice', Stok::FakeRedis::hash(('status', 'active') x 8)],
    ['a field of 1 KiB', Stok::FakeRedis::hash('id', 'x' x 1024)],
    ['1 MiB', Stok::FakeRedis::bulk('x' x 1048576)],
    ['1 MiB in an array', Stok::FakeRedis::hash('id', 'x' x 1048576)],
    ['arrays of thousands',
        "*1024\r\n" . ("*1024\r\n" . ":1\r\n" x 1024) x 32],
    ['2^31-1 elements', "*2147483647\r\n"],
    ['2^31 elements', "*2147483648\r\n"],
    ['2^64 elements', "*18446744073709551616\r\n"],
    ['minus 5 elements', "*-5\r\n"],
    ['2^31-1 bytes', "\$2147483647\r\nabc"],
    ['2^63 bytes', "\$9223372036854775808\r\n"],
    ['minus 5 bytes', "\$-5\r\n"], ['no length', "\$\r\n\r\n"],
    ['nested 9 deep', "*1\r\n" x 9 . ":1\r\n"],
    ['nested 100 000 deep', "*1\r\n" x 100000 . ":1\r\n"],
    ['truncated', "*2\r\n\$2\r\nid\r\n\$9\r\ntok"],
    ['one more reply', ":1\r\n:1\r\n"],
    ['many more replies', ":1\r\n" x 5000],
    ['HTTP', "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"],
    ['zeros', "\0" x 100], ['bytes', join '', map { chr } 0 .. 255],
    ['no CRLF', "+" . 'x' x 100000], ['LF alone', "\$1\n1\n"],
    (map { ["RESP3 " . substr($_, 0, 1), $_] } "%1\r\n+a\r\n+b\r\n",
        "~1\r\n+a\r\n", ">2\r\n+invalidate\r\n*0\r\n", "_\r\n", "#t\r\n",
        ",1.5\r\n", "(12345\r\n", "=7\r\ntxt:abc\r\n",
        "|1\r\n+a\r\n+b\r\n:1\r\n"),
);

# messages of the stream

my @messages = map { [$_->[0], $message . $_->[1]] } (
    ['no keys', $channel . "*0\r\n"], ['all keys', $channel . "*-1\r\n"],
    ['a string', $channel . "\$3\r\nabc\r\n"],
    ['a number', $channel . ":1\r\n"],
    ['another channel', "\$1\r\nx\r\n*0\r\n"],
    ['keys of nobody', $channel . Stok::FakeRedis::hash('', 'x', '{st}:')],
    ['keys cut short', $channel . Stok::FakeRedis::hash('{st}:token:',
        '{st}:user:', '{st}:watch:tick:', '{st}:watch:mark:', '{st}:watch:')],
    ['keys too long', $channel . Stok::FakeRedis::hash(
        map { '{st}:' . $_ . 'a' x 5000 } qw(token: user: watch:mark: x))],
    ['a key of 1 MiB', $channel . Stok::FakeRedis::hash('x' x 1048576)],
    ['100 000 keys',
        $channel . Stok::FakeRedis::hash(('{st}:user:x') x 100000)],
    ['numbers as keys', $channel . "*2\r\n:1\r\n*0\r\n"],
    ['ticks of another counter', $channel . Stok::FakeRedis::hash(
        map { "{st}:watch:tick:$_" } 0, '9' x 19, '9' x 40, 'x')],
    ['marks of nobody', $channel . Stok::FakeRedis::hash(
        map { "{st}:watch:mark:n$_" } 1 .. 100)],
);
push @messages, ['two elements', "*2\r\n" . Stok::FakeRedis::bulk('message')
    . $channel], ['one element', "*1\r\n" . Stok::FakeRedis::bulk('message')];

# Data: who is not in the cache cannot be let in, nor refused.

for my $case (@errors, @odd) {
    my ($name, $bytes) = @$case;
    my $new = $redis->token(name => 'new');

    $proxy->answer('data', $bytes);

    my $start = time;
    my $said = join ', ', map { substr said($nginx, $_), 0, 15 }
        $new, "unknown-$name" =~ s/\W//gr, $new;

    is($said, join(', ', ('503 UNAVAILABLE') x 3), "data, $name: nobody knows");
    cmp_ok(time - $start, '<', 3 * $Stok::Fault::patience,
        "data, $name: in time");
    refused("data, $name");

    $proxy->answer('data');
    back("data, $name", $new);
}

# The stream: what is heard lets nobody in, and refuses nobody.

for my $case (@messages, @errors, @odd) {
    my ($name, $bytes) = @$case;
    my $new = $redis->token(name => 'new');

    $proxy->inject('stream', $bytes);

    like(said($nginx, $new), qr/^200 ALLOWED/, "stream, $name: a token");
    refused("stream, $name");
    back("stream, $name", $new);
}

$fault->ready('at last');
is(join(' ', $nginx->workers), $worker, 'the same worker');

finish();


# who was revoked; a while ago, or right now by a server that cannot answer

sub refused {
    my $name = shift;
    like(said($nginx, $dead), qr/^(?:401 REVOKED|503)/, "$name: a revoked one");
}

sub back {
    my ($name, $new) = @_;
    my $start = time;

    ok(eval { wait_for('again', sub {
        said($nginx, $new) eq '200 ALLOWED HIT' }, $Stok::Fault::recovery) },
        "$name: all is as before") or diag(said($nginx, $new));
}
