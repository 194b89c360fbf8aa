use strict;
use warnings;

# Redis itself breaks: it dies, freezes, is busy, forgets, or refuses.  See
# Stok::Fault for what must hold.

use lib 't/lib';
use Stok::Fault;
use Stok::Test;

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $redis = Stok::Redis->start;
my $fault = Stok::Fault->new(redis => $redis);
my @dump;

# name, and what is done

my @table = (
    ['killed, and started after 1 s', down => 1, lasts => 1,
        begin => sub { save(); $redis->crash },
        end => sub { $redis->up }],
    ['stopped for 1 s', down => 1, lasts => 1,
        begin => sub { kill 'STOP', $redis->pid },
        end => sub { kill 'CONT', $redis->pid }],
    ['stopped for 5 s', down => 1, lasts => 5,
        begin => sub { kill 'STOP', $redis->pid },
        end => sub { kill 'CONT', $redis->pid }],

    # the older dump has the victim revoked, and Redis forgets its return

    ['restarted with an older dump', lasts => 0.5,
        victim => sub {
            my $key = $redis->token_key(shift);
            $redis->cli('HSET', $key, status => 'revoked');
            save();
            $redis->cli('HSET', $key, status => 'active');
        },
        begin => sub { $redis->crash; $redis->up }],

    ['all keys flushed', down => 1, lasts => 1,
        victim => sub { keep(); $fault->revoke(@_); keep() },
        begin => sub { $redis->cli('FLUSHALL') },
        end => sub { restore() }],
    ['databases swapped, the other empty', down => 1, lasts => 2,
        begin => sub { $redis->cli('SWAPDB', 0, 1) },
        end => sub { $redis->cli('SWAPDB', 0, 1) }],
    ['databases swapped, the other older', lasts => 0.5,
        victim => sub {
            my $key = $redis->token_key(shift);
            $redis->cli('HSET', $key, status => 'revoked');
            keep();
            $redis->cli('HSET', $key, status => 'active');
            $redis->cli('SELECT', 1);
            restore();
            $redis->cli('DEL', $redis->key('tick'));
            $redis->cli('SELECT', 0);
        },
        begin => sub { $redis->cli('SWAPDB', 0, 1) }],
);

$fault->try(@$_) for @table;

finish();


sub save { $redis->cli('SAVE') }

# the marker comes last: with it, a token that is not there is unknown

sub keep {
    @dump = map { [$_, $redis->cli('DUMP', $_)] }
        sort { ($a =~ /:meta$/) <=> ($b =~ /:meta$/) }
        grep { !/:watch:/ } @{ $redis->cli('KEYS', '*') };
}

sub restore {
    $redis->cli('RESTORE', $_->[0], 0, $_->[1], 'REPLACE') for @dump;
}
