# A list takes no more memory for twenty times as many tokens, in any form and
# any order.  STOK_TOKENS=1000000 makes so many of them.

use strict;
use warnings;
use lib 't/lib';
use Cwd ();
use Stok::Command;
use Stok::Test;

my $binary = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');
my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my ($few, $many) = (2000, $ENV{STOK_TOKENS} // 40_000);
my (%peak, %lines);

$st->run('init');
$redis->listed_user("u$_\@service") for 1 .. 20;

my @lists = (['token', 'list'], ['token', 'list', '--json'], ['token', 'list', '-o', 'csv'],
    ['token', 'list', '-o', 'jsonl', '--sort', '-expires'],
    ['token', 'list', '-o', 'name', '--sort', 'last-used'],
    ['token', 'list', '--user', 'u1@service', '-o', 'jsonl']);

fill(1, $few);
run($few);
fill($few + 1, $many);
run($many);

for my $list (@lists) {
    my ($least, $most) = @{ $peak{"@$list"} }{$few, $many};

    cmp_ok($most - $least, '<', 2048, "@$list: $least kB, then $most kB");
}

is($lines{'token list -o csv'}, $many + 1, 'all of them');
is($lines{'token list -o name --sort last-used'}, $many, 'in another order, too');
is($lines{'token list -o jsonl --sort -expires'}, $many, 'and in that');
is($lines{'token list --user u1@service -o jsonl'}, $many / 2,
    'of a user with more tokens than are sorted');

finish;


# tokens from one number to another, half of them of one user, made in Redis

sub fill {
    my ($from, $to) = @_;

    for ( ; $from + 40_000 <= $to; $from += 40_000) {
        fill($from, $from + 39_999);
    }

    $redis->cli('EVAL', <<'EOL', 0, $redis->key(''), $from, $to, time);
local p, from, to, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
for i = from, to do
    local id, digest = string.format('tok_%016d', i), string.format('%064x', i)
    local user = i % 2 == 0 and 'u1@service' or 'u' .. (i % 19 + 2) .. '@service'
    local ends = i % 3 == 0 and 0 or now + i
    redis.call('HSET', p .. 'token:' .. digest, 'id', id, 'user', user, 'name', 'n' .. i,
        'type', 'service', 'env', 'testing', 'status', 'active', 'created_at', now - i,
        'expires_at', ends)
    redis.call('SET', p .. 'id:' .. id, digest)
    redis.call('SADD', p .. 'user-tokens:' .. user, id)
    redis.call('ZADD', p .. 'tokens', now - i, id)
    if ends > 0 then redis.call('ZADD', p .. 'expiry', ends, id) end
    if i % 5 == 0 then redis.call('ZADD', p .. 'last_used', now - i, id) end
end
EOL
}

# the peak of its memory, in kB, and its lines; it is looked at while it writes

sub run {
    my $n = shift;

    for my $list (@lists) {
        my $pid = open my $out, '-|', $binary, '--redis', 'unix://' . $redis->socket, @$list
            or die;
        my ($peak, $lines, $text) = (0, 0, '');

        while (sysread $out, $text, 4096) {
            $lines += $text =~ tr/\n//;
            my ($kb) = Stok::Command::slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m;
            $peak = $kb if $kb && $kb > $peak;
        }

        ok(close $out, "@$list: done");
        $peak{"@$list"}{$n} = $peak;
        $lines{"@$list"} = $lines;
    }
}
