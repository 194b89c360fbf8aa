use strict;
use warnings;

# No room is left, and Redis takes no writes: first detail goes, then, when
# all tokens that are used do not fit either, Last Used itself.  Each is
# counted, requests are answered as ever, and afterwards it goes on.

use lib 't/lib';
use Stok::Status;
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user('user@service');

my $nginx = edge(redis => $redis, workers => 1, zone => '512k', plain => 1,
    conf => 'service_token_flush 1s;' . Stok::Status::server());
my $status = Stok::Status->new($nginx);
my @tokens = map { $redis->token(id => sprintf 'tok_%016d', $_) } 0 .. 12_000;

is(Stok::Uses::run($nginx, [ $tokens[-1] ]), 1, 'used');
wait_for('written', sub { written() == 1 });
is(dropped('detail'), 0, 'nothing is dropped');
is(dropped('all'), 0, 'of Last Used neither');

# questions are answered, scripts that write are refused

$redis->cli('CONFIG', 'SET', 'maxmemory', 1);

my $used = 1;

for my $part (0 .. 23) {
    my @part = @tokens[$part * 500 .. $part * 500 + 499];
    is(Stok::Uses::run($nginx, \@part), 500, "part $part is let in");
    $used += 500;

    last if dropped('all');
    cmp_ok(dropped('detail'), '<', $used, 'some detail is there');
}

my ($detail, $all) = map { dropped($_) } qw(detail all);
my $pending = $status->now->{touches_pending};

note("$used uses: detail of $detail dropped, $all dropped; $pending pending");
cmp_ok($detail, '>', 0, 'detail is dropped, and counted');
cmp_ok($all, '>', 0, 'in the end Last Used is, too, and counted');
cmp_ok($all, '<=', $detail, 'Last Used last');
is($pending, $used - 1 - $all, 'all others are kept');
ok($nginx->wait_log(qr/\[warn\].*the detail of \d+ uses was dropped/),
    'and said');

$redis->cli('CONFIG', 'SET', 'maxmemory', 0);
wait_for('written', sub { $status->now->{touches_pending} == 0 }, 20);
is(written(), $used - $all, 'what was not dropped is written');

is(Stok::Uses::run($nginx, [ @tokens[0 .. 99] ]), 100, 'it goes on');
wait_for('written', sub { $status->now->{touches_pending} == 0 });
is(dropped('all'), $all, 'nothing more is dropped');

finish();


sub dropped {
    return $status->now->{shift() eq 'all' ? 'touches_dropped'
        : 'touches_detail_dropped'};
}

sub written { $redis->cli('ZCARD', '{st}:last_used') }
