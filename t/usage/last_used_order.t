use strict;
use warnings;

# Nodes flush in any order: the later use stays the last one.

use lib 't/lib';
use Stok::Test;
use Time::HiRes qw(time);

my $redis = Stok::Redis->start;
$redis->user('user@service', role => 'admin');

my $slow = edge(redis => $redis, name => 'slow', workers => 1,
    conf => 'service_token_flush 4s;');
my $fast = edge(redis => $redis, name => 'fast', workers => 1,
    conf => 'service_token_flush 1s;');

my $token = $redis->token(id => 'tok_0000000000000001');

# both know the token: it is new no more

said($_, $token) for $slow, $fast;
wait_for('first uses', sub { of('uses') == 2 });

# the slow node sees a use, then the fast one a later one

said($slow, $token, '/admin/') for 1 .. 3;
my $earlier = int time;
wait_for('a later second', sub { int time > $earlier + 1 });
said($fast, $token);
my $later = int time;

wait_for('the fast one has written', sub { of('uses') == 3 });
cmp_ok($redis->cli('ZSCORE', '{st}:last_used', 'tok_0000000000000001'), '>=',
    $later - 1, 'the later use');
is(of('role_needed'), 'member', 'what is known so far');

wait_for('the slow one has written', sub { of('uses') == 6 });
cmp_ok($redis->cli('ZSCORE', '{st}:last_used', 'tok_0000000000000001'), '>=',
    $later - 1, 'does not move back');
is(of('last_location'), '/index.html', 'nor does the location');
is(of('role_needed'), 'admin', 'the highest role is that of both');
cmp_ok(of('first_used'), '<=', $earlier, 'the first use stays');

is(of('uses'), 6, 'the sum is exact');

finish();


sub of {
    my $field = shift;
    return $redis->cli('HGET', '{st}:usage:tok_0000000000000001', $field) // 0;
}
