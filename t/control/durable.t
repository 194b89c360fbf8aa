# The demands on Redis: a revocation that is lost with a crash is found by the
# hash that was noted outside, and the command warns where Redis may lose or
# remove records.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my ($code, $out, $err);

# a snapshot, a revocation, a crash

for my $case (['no', 'ALLOWED'], ['yes', 'REVOKED']) {
    my ($aof, $after) = @$case;
    my $redis = Stok::Redis->start(empty => 1,
        options => ['--appendonly', $aof, '--appendfsync', 'always']);
    my $st = Stok::Command->new($redis);

    $st->run('init');
    $st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
    my $token = $st->json('token', 'create', '--user', 'pipeline@service',
        '--name', 'one', '--env', 'production');
    my $edge = edge(redis => $redis);
    is((split ' ', said($edge, $token->{token}))[1], 'ALLOWED', "aof $aof: valid");

    my $before = saves($redis);
    $redis->cli('BGSAVE');
    wait_for('a snapshot', sub { saves($redis) > $before });

    $st->run('incident', 'token', $token->{id}, '--wait', '5s');
    is((split ' ', said($edge, $token->{token}))[1], 'REVOKED', 'revoked');
    my $end = $st->json('audit', 'verify');
    my $noted = "$end->{last}:$end->{hash}";
    is(($st->run('audit', 'verify', '--expect', $noted))[0], 0, 'the end is noted');

    $redis->crash;
    $redis->up;
    fresh($edge);

    is((split ' ', said($edge, $token->{token}))[1], $after, "a crash: $after");
    is(($st->run('audit', 'verify'))[0], 0, 'the audit is one whole');

    my $lost = $aof eq 'no' ? 1 : 0;
    is(($st->run('audit', 'verify', '--expect', $noted))[0], $lost,
        'and ' . ($lost ? 'lacks' : 'has') . ' what was noted');
    ($code, $out) = $st->run('status', '--expect', $noted);
    is($out =~ /^warning: the dataset was set back: its audit ends at/m ? 1 : 0, $lost,
        'so says the status');
    is($out =~ /^warning: Redis keeps no append-only file/m ? 1 : 0, $lost,
        'which has warned before');
}

# a warning for each condition, once, in every verb that looks at the whole

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
$st->run('init');
is(warned(), '', 'nothing to warn of');

for my $case (
    ['appendonly', 'no', 'yes', qr/keeps no append-only file: after a crash, revoked/],
    ['appendfsync', 'no', 'everysec', qr/appendfsync is no: after a power cut/],
    ['maxmemory-policy', 'volatile-ttl', 'noeviction', qr/maxmemory-policy is volatile-ttl/],
) {
    my ($name, $bad, $good, $says) = @$case;
    $redis->cli('CONFIG', 'SET', 'maxmemory', '1gb');
    is(warned(), '', "$name $good: none");
    $redis->cli('CONFIG', 'SET', $name, $bad);
    like(warned(), qr/^warning: .*$says.*\n\z/, "$name $bad: one");
    $redis->cli('CONFIG', 'SET', 'maxmemory', 0);
    is(warned(), '', 'only with maxmemory') if $name =~ /policy/;
    $redis->cli('CONFIG', 'SET', $name, $good);
}

$redis->cli('CONFIG', 'SET', 'appendfsync', 'always');
is(warned(), '', 'appendfsync always: none');

$redis->cli('SELECT', 3);
$redis->cli('SET', "x$_", 1) for 1, 2;
is(warned('fsck', 'review'), '', 'shared: a review and fsck say nothing');
like(warned('init'), qr/^warning: 2 keys in other databases of this Redis.*\n\z/, 'init does');
($code, $out) = $st->run('status');
like($out, qr/^warning: 2 keys in other databases of this Redis/m, 'and the status');
my $other = 'unix://' . $redis->socket . '?db=3';
($code, $out, $err) = $st->run('--redis', $other, 'init');
like($err, qr/^warning: \d+ keys in other databases/m, 'seen from there, too');
$redis->cli('FLUSHDB');
$redis->cli('SELECT', 0);
is(warned(), '', 'alone again');

# memory that is full, or almost, where nothing is removed

my ($used) = $redis->cli('INFO', 'memory') =~ /^used_memory:(\d+)/m;
for my $case ([4, ''], [1.04, 'almost full'], [0.5, 'full']) {
    my ($factor, $says) = @$case;
    $redis->cli('CONFIG', 'SET', 'maxmemory', int $used * $factor);
    like(warned('fsck'), $says
        ? qr/^warning: Redis is $says: it uses [\d.]+ MB, and maxmemory is [\d.]+ MB; .*\n\z/
        : qr/^\z/, "$factor of its memory");
    ($code, $out) = $st->run('status');
    is($out =~ /^warning: Redis is \Q$says\E: /m ? 1 : 0, $says ? 1 : 0, 'so says the status');
}
$redis->cli('CONFIG', 'SET', 'maxmemory', 0);

# keys that were removed because memory was full, also if that is over

$redis->cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
$redis->cli('CONFIG', 'SET', 'maxmemory', 1);
eval { $redis->cli('SET', 'y', 1) };
$redis->cli('CONFIG', 'SET', 'maxmemory', 0);
$st->run('init');
like(warned(), qr/^warning: Redis has removed \d+ keys because memory was full.*run service-token fsck\n\z/,
    'evicted');
$redis->cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
like(warned(), qr/^warning: Redis has removed \d+ keys/, 'once');
$redis->cli('CONFIG', 'RESETSTAT');

# as JSON it is a note of the object

$redis->cli('CONFIG', 'SET', 'appendonly', 'no');
for my $verb ('init', 'fsck') {
    my $json = $st->json($verb);
    like("@{ $json->{notes} }", qr/^Redis keeps no append-only file/, "$verb: a note");
}

# not allowed to ask: nothing is said

$redis->cli(qw(ACL SETUSER ops on >pw ~{st}:* -@all +@read +@write +@scripting
    -@dangerous +ping +select +time));
for my $verb ('init', 'fsck', 'review') {
    ($code, $out, $err) = $st->run('--redis', 'redis://ops:pw@127.0.0.1:'
        . $redis->port, $verb);
    is("$code " . $err =~ s/^there is a dataset .*\n//mr, '0 ', "$verb without INFO");
}

finish;


sub saves { ($_[0]->cli('INFO', 'persistence') =~ /rdb_saves:(\d+)/)[0]
    // $_[0]->cli('LASTSAVE') }

# what init, fsck and review say, which is the same

sub warned {
    my @verbs = @_ ? @_ : ('init', 'fsck', 'review');
    my %said;

    for my $verb (@verbs) {
        (undef, undef, my $text) = $st->run($verb);
        $said{ $text =~ s/^there is a dataset already.*\n//mr }++;
    }

    is(keys %said, 1, 'all say the same') or diag explain \%said;
    return (keys %said)[0];
}
