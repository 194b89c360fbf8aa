use strict;
use warnings;

# --wait does not count a node that has gone for good: nginx quits, or another
# binary has taken its place.  A reload does not end a node.

use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start;
my $cli = Stok::Command->new($redis);

$redis->user('user@service');
my $token = $redis->token(id => 'tok_' . 'a' x 16);
my $id = 'tok_' . 'a' x 16;

# the binary is upgraded: the new master is a node of its own

my $nginx = edge(redis => $redis, daemon => 1);

wait_for('one node', sub { nodes() == 1 });
my ($first) = names();

my $old = $nginx->pid;
kill 'USR2', $old;
wait_for('another master', sub {
    my $pid = $nginx->pid;
    $pid && $pid != $old && $nginx->workers == 2 });
wait_for('two nodes', sub { nodes() == 2 });

kill 'QUIT', $old;
wait_for('the old master is gone', sub { !kill 0, $old }, 20);

my @left = names();
is(scalar @left, 1, 'one node is left');
isnt($left[0], $first, 'the new one');

my (undef, undef, $said) = $cli->run('token', 'revoke', $id, '--wait', '5s');
like($said, qr/^1 of 1 nodes acknowledged/m, '--wait knows of it alone');
like(said($nginx, $token), qr/^401 REVOKED/, 'and it has the change');

# a reload: the node stays, and is never off the list

my $watch = Stok::Process->start(log => $nginx->dir . '/watch', code => sub {
    my $going = 1;
    $SIG{TERM} = sub { $going = 0 };
    delete $redis->{sock};
    $| = 1;
    while ($going) { print nodes(), "\n"; select undef, undef, undef, 0.001 }
});

wait_for('it watches', sub { length $nginx->read('watch') > 20 });
$nginx->reload for 1 .. 3;
$watch->stop('TERM');
delete $redis->{sock};

my %seen = map { $_ => 1 } split /\n/, $nginx->read('watch');
is(join(' ', sort keys %seen), '1', 'listed all the time');
is((names())[0], $left[0], 'under the same name');

# nginx leaves while a change waits for it: it is frozen, then it goes on

my @workers = $nginx->workers;
kill 'STOP', @workers;
my $waiting = $cli->start('token', 'restore', $id, '--wait', '20s');
wait_for('the change was made', sub {
    $redis->cli('HGET', $redis->token_key($token), 'status') eq 'active' });
kill 'QUIT', $nginx->pid;
kill 'CONT', @workers;
waitpid $waiting, 0;
is($? >> 8, 0, 'a node that leaves is not waited for any more');
wait_for('it has left', sub { nodes() == 0 });
pass('and is off the list');

finish();


sub names { sort @{ $redis->cli('HKEYS', '{st}:nodes') } }
sub nodes { $redis->cli('HLEN', '{st}:nodes') }
