use strict;
use warnings;

# A worker is killed: what it noted is in its slot, and another one writes it;
# also a batch that was on its way, which then counts once.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
my $proxy = Stok::Proxy->start($redis);
my $to = '127.0.0.1:' . $proxy->port . ' timeout=10s connect_timeout=5s';

$redis->user('user@service');

my $nginx = edge(redis => $proxy, to => $to, workers => 2,
    conf => 'service_token_flush 60s;');
$nginx->{expect} = qr/exited on signal 9/;

my @tokens = map { $redis->token(id => sprintf 'tok_%016d', $_) } 0 .. 4;
my $all = 5;

is(Stok::Uses::run($nginx, \@tokens), 5, 'all are known');
wait_for('first uses', sub { written() == 5 });

# pending at both workers; both are killed, one after the other

is(Stok::Uses::run($nginx, [ map { @tokens } 1 .. 40 ]), 200, 'used');
$all += 200;

for my $worker ($nginx->workers) {
    kill 'KILL', $worker;
    wait_for('replaced', sub {
        my @now = $nginx->workers;
        @now == 2 && !grep { $_ == $worker } @now;
    });
}

wait_for('written by others', sub { written() >= $all }, 20);
is(written(), $all, 'loss, by a kill between requests: 0');

# a batch that Redis executed and whose answer did not come back

my $fresh = $redis->token(id => 'tok_inflight00000000');
like(said($nginx, $fresh), qr/^200/, 'a new token');
$proxy->hold('data');
wait_for('the batch is executed', sub { uses('tok_inflight00000000') == 1 });

for my $worker ($nginx->workers) {
    kill 'KILL', $worker;
}

wait_for('replaced', sub { $nginx->workers == 2 });
$proxy->release('data');

# the heir sends it again, and it does not count again

my $heir = qr/this worker flushes the uses that another worker has left/;
my $before = () = $nginx->log =~ /$heir/g;
wait_for('an heir', sub { (() = $nginx->log =~ /$heir/g) >= 1 }, 20);
wait_for('the slot is empty', sub {
    $redis->cli('HGET', '{st}:usage:tok_inflight00000000', 'uses') });
my $again = $redis->token(id => 'tok_again00000000000');
wait_for('usable', sub { said($nginx, $again) =~ /^200/ });
wait_for('written', sub { uses('tok_again00000000000') >= 1 });
is(uses('tok_inflight00000000'), 1, 'an executed batch counts once');

# under load: what was answered was noted; at most what was being answered may
# be counted and not answered

my $sum = written();
my $load = Stok::Uses::start($nginx, [ map { @tokens } 1 .. 2000 ],
    connections => 8);
my $kills = 0;

while (Stok::Uses::running($load)) {
    my ($worker) = $nginx->workers;
    kill 'KILL', $worker if $worker;
    $kills++;
    wait_for('replaced', sub {
        my @now = $nginx->workers;
        @now == 2 && !grep { $_ == $worker } @now;
    });
    select undef, undef, undef, 0.3;
}

my %allowed = Stok::Uses::finish($load);
my $answered = 0;
$answered += $_ for values %allowed;

$nginx->reload;
wait_for('all are written', sub { written() >= $sum + $answered }, 20);
my $more = written() - $sum - $answered;
cmp_ok($more, '>=', 0, "loss, by $kills kills under load: 0 of $answered");
cmp_ok($more, '<=', 8 * $kills, 'and no more than was being answered');

finish();


sub uses { $redis->cli('HGET', '{st}:usage:' . shift, 'uses') // 0 }

sub written {
    my $sum = 0;
    $sum += uses(sprintf 'tok_%016d', $_) for 0 .. 4;
    return $sum;
}
