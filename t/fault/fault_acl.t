use strict;
use warnings;

# Redis runs and refuses: permissions are taken away while it runs, or it is
# another's replica.  See Stok::Fault for what must hold.

use lib 't/lib';
use Stok::Fault;
use Stok::Test;

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $redis = Stok::Redis->start;
my $fault = Stok::Fault->new(redis => $redis);
my $nobody = Stok::Process::free_port();

# name, and what is done; r() is one command

my @table = (
    # open connections are not asked again, new ones are refused

    ['NOAUTH: a password, and links cut', down => 1,
        begin => sub { r(qw(CONFIG SET requirepass secret)); cut('normal');
            cut('pubsub') },
        end => sub { r(qw(CONFIG SET requirepass), '') }],
    ['NOPERM: nothing may be asked', down => 1,
        begin => sub { r(qw(ACL SETUSER default -@all +acl)) },
        end => sub { r(qw(ACL SETUSER default +@all)) }],
    ['NOPERM: only the dataset\'s marker', down => 1,
        begin => sub { r(qw(ACL SETUSER default -hmget)) },
        end => sub { r(qw(ACL SETUSER default +@all)) }],
    ['NOPERM: ticks', up => 1, lasts => 1.5,
        begin => sub { r(qw(ACL SETUSER default -eval -evalsha)) },
        end => sub { r(qw(ACL SETUSER default +@all)) }],
    ['NOPERM: keys', down => 1,
        begin => sub { r(qw(ACL SETUSER default resetkeys ~other:*)) },
        end => sub { r(qw(ACL SETUSER default ~*)) }],
    ['NOPERM: the stream, when it comes again', up => 1, lasts => 1.5,
        begin => sub { r(qw(ACL SETUSER default -subscribe)); cut('pubsub') },
        end => sub { r(qw(ACL SETUSER default +@all)) }],
    ['NOPERM: the channel', up => 1, lasts => 1.5,
        begin => sub { r(qw(ACL SETUSER default resetchannels));
            cut('pubsub') },
        end => sub { r(qw(ACL SETUSER default allchannels)) }],

    ['MASTERDOWN: a replica without a master', down => 1,
        begin => sub { r(qw(CONFIG SET replica-serve-stale-data no));
            r('REPLICAOF', '127.0.0.1', $nobody) },
        end => sub { r(qw(REPLICAOF NO ONE)) }],

    # an answer decides while a script was accepted a lease ago, no longer

    ['READONLY: a replica', down => 1, lasts => 1.5,
        begin => sub { r(qw(CONFIG SET replica-serve-stale-data yes));
            r('REPLICAOF', '127.0.0.1', $nobody) },
        end => sub { r(qw(REPLICAOF NO ONE)) }],

    # ticks are refused for so long that the stream is opened anew meanwhile

    ['READONLY: for two leases and more', down => 1, lasts => 3,
        begin => sub { r('REPLICAOF', '127.0.0.1', $nobody) },
        end => sub { r(qw(REPLICAOF NO ONE)) }],
    ['NOREPLICAS: an isolated primary', down => 1, lasts => 3,
        begin => sub { r(qw(CONFIG SET min-replicas-to-write 1)) },
        end => sub { r(qw(CONFIG SET min-replicas-to-write 0)) }],
);

$fault->try(@$_) for @table;

finish();


sub r { $redis->cli(@_) }
sub cut { r('CLIENT', 'KILL', 'TYPE', shift, 'SKIPME', 'yes') }
