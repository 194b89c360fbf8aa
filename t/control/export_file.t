# An export has its name only when it is whole: after a signal or beyond a limit
# nothing of it is left, and it never replaces another file.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;
use Time::HiRes qw(sleep);

my $tokens = 20_000;
my $redis = Stok::Redis->start;
my $st = Stok::Command->new($redis);
my $dir = File::Temp->newdir;
my $file = "$dir/dump";
my ($code, $out, $err);

fill();

($code, $out, $err) = $st->run('export', $file);
is($code, 0, 'an export') or diag $err;
is(join(' ', files()), 'dump', 'and nothing beside it');
is(sprintf('%o', (stat $file)[2] & 07777), '600', 'for its owner');
is(scalar(my @line = split /^/, Stok::Command::slurp($file)), $tokens + 3, 'whole');
unlink $file;

for my $signal ('INT', 'TERM', 'HUP') {
    my $pid = halfway();
    is(join(' ', grep { $_ eq 'dump' } files()), '', "halfway: it has no name");
    kill $signal, $pid;
    kill 'CONT', $pid;
    waitpid $pid, 0;
    isnt($? & 127, 0, "$signal ends it");
    is(join(' ', files()), '', 'and leaves nothing');
}

# the name is taken meanwhile

my $pid = halfway();
open my $fh, '>', $file or die;
print $fh 'mine';
close $fh;
kill 'CONT', $pid;
waitpid $pid, 0;
is($? >> 8, 3, 'the name is taken');
is(join(' ', files()), 'dump', 'nothing beside it');
is(Stok::Command::slurp($file), 'mine', 'and the other file is as it was');
unlink $file;

# no more room: a limit answers as a full disk does

system qw(sh -c), 'ulimit -f 100; exec "$0" "$@" 2> "' . "$dir/../limit.$$" . '"',
    $ENV{SERVICE_TOKEN} // 'build/service-token', '--redis',
    'unix://' . $redis->socket, 'export', $file;
is($? >> 8, 3, 'no more room');
like(Stok::Command::slurp("$dir/../limit.$$"), qr/^service-token: cannot write/,
    'says so');
unlink "$dir/../limit.$$";
is(join(' ', files()), '', 'and leaves nothing');

is(($st->run('export', "$dir/no/dump"))[0], 3, 'no folder');

finish;


# stopped while it writes

sub halfway {
    my $pid = $st->start('export', $file);

    wait_for('it writes', sub {
        my ($part) = glob "$dir/dump?*";
        return 0 if !defined $part || !-s $part;
        kill 'STOP', $pid;
        return 1;
    });

    wait_for('it has stopped', sub {
        (Stok::Command::slurp("/proc/$pid/stat") =~ /\) (\w)/)[0] eq 'T' });

    return $pid;
}

sub files {
    opendir my $d, $dir or die;
    return sort grep { !/^\.\.?$/ } readdir $d;
}

# many tokens of one user, in large pieces

sub fill {
    $redis->listed_user('user@service');
    my $clear = $redis->token(id => 'tok_' . '0' x 16);
    my %record = @{ $redis->cli('HGETALL', $redis->token_key($clear)) };
    $redis->cli('DEL', $redis->token_key($clear), $redis->key('id:' . $record{id}));

    for my $piece (0 .. $tokens / 1000 - 1) {
        my @commands;

        for my $n (map { $piece * 1000 + $_ } 1 .. 1000) {
            my $digest = sprintf '%064x', $n;
            my $id = sprintf 'tok_%016d', $n;
            push @commands,
                ['HSET', $redis->key("token:$digest"), %record, id => $id,
                    name => "t$n"],
                ['SET', $redis->key("id:$id"), $digest],
                ['SADD', $redis->key('user-tokens:user@service'), $id],
                ['ZADD', $redis->key('tokens'), $record{created_at}, $id];
        }

        $redis->send(@commands);
        $redis->reply for @commands;
    }
}
