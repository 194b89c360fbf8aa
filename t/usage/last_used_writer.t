use strict;
use warnings;

# One worker of the node writes the uses of all: which one, what happens when
# it dies, stops or comes back, and how many connections a node has.

use lib 't/lib';
use Stok::Test;
use Time::HiRes ();

my $redis = Stok::Redis->start;
$redis->user('user@service');

my $nginx = edge(redis => $redis, workers => 4,
    conf => 'service_token_flush 1s;');
$nginx->{expect} = qr/exited on signal 9/;

my @tokens = map { $redis->token(id => sprintf 'tok_%016d', $_) } 0 .. 199;
my $uses = 0;

# more than one batch

used(@tokens);
written('by four workers');

# warm, and every worker has touches: the keeper's two connections

wait_for('warm', sub {
    my $asked = $redis->calls('hgetall');
    used(@tokens[0 .. 39]) for 1 .. 4;
    return $redis->calls('hgetall') == $asked;
});
$redis->cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
wait_for('the keeper is back', sub { connections() == 2 });

for (1 .. 3) {
    used(@tokens[0 .. 39], @tokens[0 .. 39]);
    written("warm, round $_");
}

is(connections(), 2, 'four workers, warm: two connections');
is(writer(), keeper(), 'the writer is the keeper');

# a first use goes within a second, from whichever worker

for my $n (200 .. 203) {
    my $fresh = $redis->token(id => sprintf 'tok_%016d', $n);
    wait_for('let in', sub { said($nginx, $fresh) =~ /^200/ && ++$uses });
    my $start = Time::HiRes::time();
    wait_for('written', sub { uses($n) });
    my $took = Time::HiRes::time() - $start;
    cmp_ok($took, '<', 1, sprintf 'a first use after %.2f s', $took);
}

# killed

for my $round (1 .. 3) {
    used(@tokens);
    my $killed = keeper();
    kill 'KILL', $killed;
    used(@tokens);
    written("the keeper is killed, round $round");
    wait_for('another keeper writes',
        sub { writer() != $killed && writer() == keeper() });
}

# stopped, with touches of all; another one writes; and back again

my $stopped = writer();
used(@tokens);
kill 'STOP', $stopped;
used(grep { defined } map { $tokens[ $_ % 50 ] } 1 .. 400);
wait_for('another one writes', sub { writer() != $stopped }, 20);
kill 'CONT', $stopped;
written('the keeper stops and comes back');
wait_for('one stream', sub { connections(qr/ sub=1 /) == 1 });

# a batch that is sent again, even after later ones of its slot, counts once

my $monitor = IO::Socket::UNIX->new(Peer => $redis->socket) or die "connect: $!";
print $monitor "MONITOR\r\n";
$monitor->flush;

used(@tokens[0 .. 49]);
written('watched');
used(@tokens[0 .. 49]);
written('and later ones');
my @sent = batches();
cmp_ok(scalar(@sent), '>=', 2, 'batches were sent');

is_deeply($redis->cli(@$_), [ 'OK', 0, 0 ], "batch $_->[7] again") for @sent;
written('sent again');

# another node may write the key, but says nothing by it

my ($slot) = map { "{st}:flushed:$_->[6]" } $sent[-1];
my ($number, $proof) = split ' ', $redis->cli('GET', $slot);
is($number, $sent[-1][7], 'the last number is kept');
unlike($redis->cli('GET', $slot), qr/$sent[-1][8]/, 'and not the secret');

for my $lie (999_999, "999999 $proof", $number + 1 . " $proof",
             "999999 $sent[-1][8]", "999999\n $proof", '')
{
    for my $key (@{ $redis->cli('KEYS', '{st}:flushed:*') }) {
        $redis->cli('SET', $key, $lie);
    }

    used(@tokens[0 .. 9]);
    written("told '$lie'");
}

$redis->cli('DEL', $slot);
$redis->cli('HSET', $slot, 'a', 1);
used(@tokens[0 .. 9]);
written('a key of another type');

# nothing is cached, so there is no keeper; tracking is refused

for my $case (['no cache', 'service_token_cache_valid 0;', ''],
              ['tracking refused', '', '-client|tracking'])
{
    my ($name, $conf, $rule) = @$case;

    $nginx->stop;
    $redis->cli('ACL', 'SETUSER', 'edge', 'on', '>secret', '~*', '&*', '+@all',
        $rule || ());
    $nginx = edge(redis => $redis, workers => 2, cold => 1, name => $name,
        files => { secret => 'secret' },
        to => '%%REDIS%% user=edge password_file=%%DIR%%/secret',
        conf => "service_token_flush 1s; $conf");
    $nginx->{expect} = qr/exited on signal 9/;

    used(@tokens[0 .. 19]);
    written($name);
    my $killed = writer();
    used(@tokens[0 .. 19]);
    kill 'KILL', $killed;
    used(@tokens[0 .. 19]);
    written("$name: the writer is killed");
}

finish();


# all of them let in, by all workers

sub used {
    my @list = @_;
    my $n = Stok::Uses::run($nginx, \@list);
    $uses += $n;
    die "only $n let in\n" if $n != @list;
}

sub uses { $redis->cli('HGET', sprintf('{st}:usage:tok_%016d', shift), 'uses') }

sub written {
    my $name = shift;

    my $sum = sub {
        $redis->send(map { [ 'HGET', sprintf('{st}:usage:tok_%016d', $_),
            'uses' ] } 0 .. 203);
        my $sum = 0;
        $sum += $redis->reply // 0 for 0 .. 203;
        return $sum;
    };

    eval { wait_for($name, sub { $sum->() >= $uses }, 20) };
    is($sum->(), $uses, "$name: each use once");
}

# the scripts that wrote touches, as they were sent

sub batches {
    my @batch;

    $redis->cli('PING', 'the end');

    while (my $line = <$monitor>) {
        last if $line =~ /"the end"/;
        next if $line !~ /^\+[\d.]+ \[\d+ (?!lua)[^]]*\] "EVALSHA"/i;
        my @args = $line =~ /"((?:[^"\\]|\\.)*)"/g;
        push @batch, \@args if @args > 10;
    }

    return @batch;
}

sub connections {
    my $which = shift // qr/^id/;
    return scalar grep { $_ =~ $which && !/cmd=client/ }
        split /\n/, $redis->cli('CLIENT', 'LIST');
}

sub last_said {
    my $what = shift;
    return ($nginx->log =~ /(\d+)#\d+: service token: this worker $what/g)[-1];
}

sub keeper { last_said('keeps the stream') }
sub writer { last_said('writes the uses of all workers') }
