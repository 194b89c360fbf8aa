# audit verify against somebody who can write to Redis: less than the bound
# leaves, nothing at all, a chain made anew.

use strict;
use warnings;
use lib 't/lib';
use Digest::SHA qw(sha1_hex);
use JSON::PP ();
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis, '--actor', 'anna');
my ($audit, $head) = map { $redis->key($_) } 'audit', 'audit-head';
my ($code, $out);

# a bound that somebody has lowered takes nothing

dataset(300);
$redis->cli('HSET', $redis->key('meta'), 'audit_max', 1);
$st->run('user', 'set-role', 'etl@service', 'admin');
cmp_ok($redis->cli('XLEN', $audit), '>', 300, 'audit_max 1 takes nothing');
is(verify()->{found}, 0, 'and nothing is found');

# taken by hand, and the head told of it

for my $left (200, 1) {
    dataset(300);
    $redis->cli('HSET', $redis->key('meta'), 'audit_max', $left);
    my $n = $redis->cli('XLEN', $audit);
    $redis->cli('XTRIM', $audit, 'MAXLEN', $left);
    found("all but $left are taken", 'missing');
    $redis->cli('HSET', $head, 'trimmed', $n - $left);
    found("$left are left, and the head says so", 'missing');
}

# nothing is left

for my $keys ([$audit], [$audit, $head]) {
    dataset(1);
    $redis->cli('DEL', @$keys);
    found('DEL ' . @$keys, 'missing');
    is(code('fsck'), 1, 'fsck says so, too');
}

# what was noted

dataset(3);
my $v = verify();
my $noted = "$v->{last}:$v->{hash}";
is(code('audit', 'verify', '--expect', $noted), 0, 'what was noted is there');
like($out, qr/^\Q$noted\E$/m, 'and is what it prints');
$st->run('user', 'set-role', 'etl@service', 'admin');
is(code('audit', 'verify', '--expect', $noted), 0, 'it need not be the last');

$redis->cli('DEL', $audit, $head);
$st->run('user', 'set-role', 'etl@service', $_)
    for map { ('member', 'admin') } 1 .. 8;
is(verify()->{found}, 0, 'a chain that was made anew is whole');
found('but is not what was noted', 'changed', '--expect', $noted);
found('nor does it reach so far', 'missing', '--expect', '99:' . 'a' x 40);

for my $bad ('', 'x', '1', '1:', '0:' . 'a' x 40, '1:' . 'a' x 39,
    '1:' . 'a' x 41, '1:' . 'g' x 40, '-1:' . 'a' x 40)
{
    is(code('audit', 'verify', "--expect=$bad"), 2, "--expect=$bad");
}

# the real bound: beyond a million, what it takes is not missing

dataset(1);
my $script = <<'EOL';
local from, to = tonumber(ARGV[1]), tonumber(ARGV[2])
local prev = redis.call('HGET', KEYS[2], 'hash')
for seq = from, to do
    local s = string.format('%d', seq)
    local hash = redis.sha1hex('stok-audit-1\n3:seq\n' .. #s .. ':' .. s
        .. '\n4:prev\n' .. #prev .. ':' .. prev .. '\n')
    redis.call('XADD', KEYS[1], '*', 'seq', s, 'prev', prev, 'hash', hash)
    prev = hash
end
redis.call('HSET', KEYS[2], 'seq', to, 'hash', prev)
EOL

my $last = $redis->cli('HGET', $head, 'seq');
my $size = 1_000_250;

while ($last < $size) {
    my $to = $last + 50_000 < $size ? $last + 50_000 : $size;
    $redis->cli('EVAL', $script, 2, $audit, $head, $last + 1, $to);
    $last = $to;
}

$st->run('user', 'set-role', 'etl@service', 'manager');
$v = verify();
cmp_ok($v->{trimmed}, '>', 0, 'some were taken');
cmp_ok($v->{entries}, '>=', 1_000_000, 'a million is left');
is("$v->{found} $v->{last}", '0 ' . ($size + 1), 'and nothing is missing');

my ($oldest) = @{ $redis->cli('XRANGE', $audit, '-', '+', 'COUNT', 1) };
$redis->cli('XDEL', $audit, $oldest->[0]);
found('one that the bound did not take', 'missing');

finish;


sub dataset {
    my $n = shift;

    $redis->cli('FLUSHALL');
    $st->run('init');
    $st->run('user', 'create', 'etl', '--purpose', 'p', '--owner', 'o');

    # the command's own script, many times

    my $text = join '', map { Stok::Command::slurp("scripts/$_.lua") }
        'common', 'user-create';
    $redis->cli('EVAL', $text, 1, $redis->key('meta'), $redis->key(''),
        'anna', "u$_\@service", 'service', "u$_", 'member', 'active', 'p', 'o',
        '', '', 'root', 'default') for 1 .. $n;
}

sub code { ($code, $out) = $st->run(@_); $code }

sub verify {
    ($code, $out) = $st->run('audit', 'verify', '--json', @_);
    return JSON::PP->new->decode($out);
}

sub found {
    my ($name, $what, @args) = @_;
    my $v = verify(@args);
    is("$code " . join(' ', map { $_->{finding} } @{ $v->{findings} }),
        "1 $what", $name) or diag($out);
}
