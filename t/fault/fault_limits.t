use strict;
use warnings;

# Redis meets its limits: a script that does not end, a pause, connections that
# are killed, too old or too many, no buffer for the stream.  See Stok::Fault
# for what must hold.

use lib 't/lib';
use Stok::Fault;
use Stok::Test;

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $redis = Stok::Redis->start;
my $fault = Stok::Fault->new(redis => $redis);
my $stream;

# name, and what is done; r() is one command

my @table = (
    ['BUSY: a script that does not end', down => 1,
        begin => sub {
            r(qw(CONFIG SET busy-reply-threshold 50));
            $redis->send(['EVAL', 'while true do end', 0]);
        },
        end => sub {
            delete $redis->{sock};
            r('SCRIPT', 'KILL');
        }],

    ['CLIENT KILL of the data links', up => 1,
        begin => sub { cut('normal') }],
    ['CLIENT KILL of the stream', up => 1, begin => sub { cut('pubsub') }],
    ['CLIENT PAUSE of all', down => 1,
        begin => sub { r('CLIENT', 'PAUSE', 1200, 'ALL') }, lasts => 1.3],
    ['no buffer for the stream', up => 1,
        begin => sub {
            ($stream) = streams();
            r('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1 0 0');
            r('EVAL', 'for i = 1, 4000 do redis.call("SET", "{st}:user:x" .. i,'
                . ' 1, "PX", 900) end', 0);
        },
        end => sub {
            is(grep({ $_ == $stream } streams()), 0, 'the stream was cut');
            r('CONFIG', 'SET', 'client-output-buffer-limit',
                'pubsub 32mb 8mb 60');
        }],
    ['timeout 1', up => 1, lasts => 2.5,
        begin => sub { r(qw(CONFIG SET timeout 1)) },
        end => sub { delete $redis->{sock}; r(qw(CONFIG SET timeout 0)) }],
    ['no more connections, and links cut', down => 1,
        begin => sub { r(qw(CONFIG SET maxclients 1)); cut('normal');
            cut('pubsub') },
        end => sub { r(qw(CONFIG SET maxclients 1000)) }],
);

$fault->try(@$_) for @table;

finish();


sub r { $redis->cli(@_) }
sub cut { r('CLIENT', 'KILL', 'TYPE', shift, 'SKIPME', 'yes') }

# ids of the connections that are subscribed

sub streams {
    return map { /^id=(\d+)/ } grep { / sub=1 / }
        split /\n/, r('CLIENT', 'LIST');
}
