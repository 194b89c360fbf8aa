use strict;
use warnings;

# nginx names its scripts by their hashes; one that Redis does not know is sent
# whole, once, and nothing is lost or written twice by that.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start(options => ['--appendonly', 'yes']);
$redis->user('user@service');

my @tokens = map { $redis->token(id => "tok_evalsha_$_") } 0 .. 2;
my ($uses, $mark) = (0, 0);

my $nginx = edge(redis => $redis, workers => 1,
    conf => 'service_token_flush 1s;');

all_three('a new server');
my $evals = $redis->calls('eval');
is($evals, 3, 'a new server: each of three scripts was sent whole once');
is(refused(), 3, 'a new server: after it was not known');

my $before = $redis->scripts;
all_three('known');
wait_for('more ticks', sub { $redis->scripts > $before + 8 });
is($redis->calls('eval'), $evals, 'known: all by their hashes');

$redis->cli('SCRIPT', 'FLUSH');
all_three('SCRIPT FLUSH');
is($redis->calls('eval'), $evals + 3, 'SCRIPT FLUSH: once more each');

$redis->down;
$redis->up;
wait_for('back', sub { used($tokens[0]) =~ /^200/ });
all_three('a restart');
is($redis->calls('eval'), 3, 'a restart: once each');
is(refused(), 3, 'a restart: after it was not known');
unlike($nginx->log, qr/NOSCRIPT/, 'nothing to complain of');

# a server that knows no script, ever: one EVAL for each EVALSHA

my $fake = Stok::FakeRedis->start(sub {
    my ($args) = @_;

    return "-NOSCRIPT No matching script.\r\n" if $args->[0] =~ /^EVAL/;
    return ":1\r\n" if "@$args" =~ /^CLIENT ID/;
    return "*3\r\n\$9\r\nsubscribe\r\n\$20\r\n__redis__:invalidate\r\n:1\r\n"
        if $args->[0] eq 'SUBSCRIBE';
    return "+OK\r\n";
}, ticks => 1);

my $other = edge(redis => $fake, workers => 1, cold => 1);

wait_for('asked', sub { sent('EVALSHA') >= 4 });
my ($sha, $whole) = (sent('EVALSHA'), sent('EVAL'));
cmp_ok(abs($sha - $whole), '<=', 1, "never known: $sha by hash, $whole whole");
ok($other->wait_log(qr/refuses the freshness check, .*: NOSCRIPT/), 'and is logged');

finish();


# ticks, touches and an acknowledgement

sub all_three {
    my $name = shift;

    for my $token (@tokens) {
        wait_for("$name: let in", sub { used($token) =~ /^200/ });
    }

    $mark++;
    wait_for("$name: acknowledged", sub {
        $redis->cli('SET', "{st}:watch:mark:$mark", 1, 'EX', 60);
        return $redis->cli('SCARD', "{st}:ack:$mark");
    });

    wait_for("$name: proven", sub { used($tokens[0]) =~ /HIT$/ });
    wait_for("$name: written", sub { written() >= $uses });
    is(written(), $uses, "$name: each use counts once");
}

sub used {
    my $said = said($nginx, shift);

    $uses++ if $said =~ /^200/;
    return $said;
}

sub written {
    my $sum = 0;
    $sum += $redis->cli('HGET', "{st}:usage:tok_evalsha_$_", 'uses') // 0
        for 0 .. 2;
    return $sum;
}

# calls of EVALSHA that failed

sub refused {
    my ($failed) = $redis->cli('INFO', 'commandstats')
        =~ /cmdstat_evalsha:.*failed_calls=(\d+)/;
    return $failed // 0;
}

sub sent {
    my $command = shift;
    return scalar(() = $fake->log =~ /^command \d+ $command$/mg);
}
