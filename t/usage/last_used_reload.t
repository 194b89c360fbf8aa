use strict;
use warnings;

# Reloads under load: old workers flush before they leave, and no use is
# counted twice or not at all.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user('user@service');

my $nginx = edge(redis => $redis, workers => 2,
    conf => 'service_token_flush 60s;');
my @tokens = map { $redis->token(id => sprintf 'tok_%016d', $_) } 0 .. 9;

# new tokens go at once; what then is counted waits for the end of the worker

is(Stok::Uses::run($nginx, \@tokens), 10, 'all are known');
wait_for('first uses', sub { written() == 10 });

my $load = Stok::Uses::start($nginx, [ map { @tokens } 1 .. 1500 ]);
my $reloads = 0;

while (Stok::Uses::running($load)) {
    $nginx->reload(nowait => 1);
    $reloads++;
    select undef, undef, undef, 0.2;
}

my %allowed = Stok::Uses::finish($load);
my $expected = 10;
$expected += $_ for values %allowed;

cmp_ok($reloads, '>=', 5, "$reloads reloads");
cmp_ok($expected, '>', 10_000, "$expected uses");

$nginx->reload;
wait_for('all are written', sub { written() >= $expected }, 20);
is(loss(), 0, 'loss, by reloads: 0');

# nginx is asked to leave with uses that are not written

is(Stok::Uses::run($nginx, [ map { @tokens } 1 .. 5 ]), 50, 'used');
$expected += 50;
ok($nginx->stop, 'it leaves');
is(written(), $expected, 'loss, by quit: 0');

finish();


sub written {
    my $sum = 0;
    $sum += $redis->cli('HGET', sprintf('{st}:usage:tok_%016d', $_), 'uses') // 0
        for 0 .. 9;
    return $sum;
}

sub loss {
    my $loss = 0;

    for my $i (0 .. 9) {
        my $uses = $redis->cli('HGET', sprintf('{st}:usage:tok_%016d', $i),
            'uses');
        $loss += abs($allowed{ $tokens[$i] } + 1 - $uses);
    }

    return $loss;
}
