use strict;
use warnings;

# Last Used and usage: exact counts after a known load, forward only, soon for
# a token that is new, and never a write for each request.

use lib 't/lib';
use Stok::Test;
use Time::HiRes qw(time);

my $redis = Stok::Redis->start;
$redis->user('user@service', role => 'admin');

my $nginx = edge(redis => $redis, workers => 2, conf => <<'EOC',
    service_token_flush 2s;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Client;
EOC
    server => 'location /twice/ { try_files /none /index.html; }');

my @tokens = map { $redis->token(id => sprintf 'tok_%016d', $_) } 1 .. 20;
my @ids = map { id($_) } @tokens;

# the first use goes within a second, whatever the interval

my $sent = time;
like(said($nginx, $tokens[0]), qr/^200/, 'used');
wait_for('the first use', sub { used($ids[0]) }, 2);
cmp_ok(time - $sent, '<', 1.5, 'soon: half a second, and the look at it');
my %usage = usage($ids[0]);
is($usage{uses}, 1, 'one use');
is($usage{last_addr}, '127.0.0.1', 'its address');
is($usage{last_location}, '/index.html', 'its location');
is($usage{role_needed}, 'member', 'the role needed there');
is($usage{first_used}, used($ids[0]), 'first is last');
is($usage{refused}, undef, 'no refusal');

# a known load: each token so many times, over both workers

my $calls = $redis->scripts;
my %count = ($ids[0] => 1);
my @plan = map { my $i = $_; ($tokens[$i]) x (7 * $i + 3) } 0 .. $#tokens;
$count{ $ids[$_] } += 7 * $_ + 3 for 0 .. $#tokens;
my $before = int time;
is(Stok::Uses::run($nginx, \@plan), scalar @plan, 'all are let in');
my $after = int time;

wait_for('all are written', sub {
    my $sum = 0;
    $sum += of($_, 'uses') for @ids;
    return $sum >= @plan + 1;
});

is(join(' ', map { of($_, 'uses') } @ids), join(' ', @count{@ids}),
    'the counts are exact');
is(scalar(grep { used($_) >= $before && used($_) <= $after } @ids),
    scalar @ids, 'the dates are right');
cmp_ok($redis->scripts - $calls, '<', 40,
    'some writes for ' . @plan . ' requests');

# the highest role needed, the address behind a proxy, recent ones

like(said($nginx, $tokens[1], '/admin/'), qr/^404/, 'an admin');
$nginx->get('/index.html', token => $tokens[1], headers => ["X-Client: $_"])
    for '192.0.2.7', '2001:db8::7';

# dates are seconds: of two workers' uses in one, either may be the last

my $second = time;
wait_for('the next second', sub { time > $second });
said($nginx, $tokens[1]);
wait_for('written', sub { of($ids[1], 'uses') == $count{ $ids[1] } + 4 });
%usage = usage($ids[1]);
is($usage{role_needed}, 'admin', 'the highest role needed');
is($usage{last_location}, '/index.html', 'the last location');
like($usage{locations}, qr{/admin/}, 'and those before');
like($usage{addrs}, qr/127\.0\.0\.1/, 'addresses');

$nginx->get('/index.html', token => $tokens[2],
    headers => ['X-Client: 2001:db8::9']);
wait_for('written', sub { of($ids[2], 'last_addr') eq '2001:db8::9' });
pass('the address after realip');

# an internal redirect does not count as a second use

my $uses = of($ids[3], 'uses');
like(said($nginx, $tokens[3], '/twice/x'), qr/^200/, 'by try_files');
wait_for('written', sub { of($ids[3], 'uses') > $uses });
is(of($ids[3], 'uses'), $uses + 1, 'one use');

# forward only: a date in the future stays

$redis->cli('ZADD', '{st}:last_used', 4102444800, $ids[4]);
$uses = of($ids[4], 'uses');
said($nginx, $tokens[4]);
wait_for('written', sub { of($ids[4], 'uses') > $uses });
is(used($ids[4]), 4102444800, 'Last Used never moves back');

# a token that was deleted does not come back

$redis->cli('SET', "{st}:deleted:$ids[5]", 1);
$redis->cli('DEL', "{st}:usage:$ids[5]");
$redis->cli('ZREM', '{st}:last_used', $ids[5]);
said($nginx, $tokens[$_]) for 5, 6;
$uses = of($ids[6], 'uses');
wait_for('written', sub { of($ids[6], 'uses') > $uses });
is(used($ids[5]), undef, 'no Last Used of a deleted token');
is_deeply([usage($ids[5])], [], 'no usage either');

# one that cannot be written does not stop the others

$redis->cli('SET', "{st}:usage:$ids[7]", 'a string');
said($nginx, $tokens[$_]) for 7, 8;
$uses = of($ids[8], 'uses');
wait_for('written', sub { of($ids[8], 'uses') > $uses });
ok($nginx->wait_log(qr/\[warn\].*the uses of 1 tokens could not be written/),
    'and is reported');

# a use that is counted by nobody: no token, not known

my $n = $redis->cli('ZCARD', '{st}:last_used');
said($nginx, undef);
said($nginx, 'stk_svc_' . 'x' x 38);
said($nginx, "foreign-$$");
said($nginx, $tokens[9]);
$uses = of($ids[9], 'uses');
wait_for('written', sub { of($ids[9], 'uses') > $uses });
is($redis->cli('ZCARD', '{st}:last_used'), $n, 'nothing of unknown tokens');

# what is pending when nginx is asked to leave is written before it does

$uses = of($ids[10], 'uses');
is(Stok::Uses::run($nginx, [ ($tokens[10]) x 25 ]), 25, 'used at last');
ok($nginx->stop, 'it leaves');
is(of($ids[10], 'uses'), $uses + 25, 'and leaves nothing behind');

finish();


sub id {
    my $token = shift;
    return $redis->cli('HGET', $redis->token_key($token), 'id');
}

# one field of a token's usage

sub of {
    my ($id, $field) = @_;
    my %usage = usage($id);
    return $usage{$field} // 0;
}

sub used { $redis->cli('ZSCORE', '{st}:last_used', shift) }
sub usage { @{ $redis->cli('HGETALL', '{st}:usage:' . shift) } }
