use strict;
use warnings;

# A reload every 200 ms under load, a zone of another size with each, and an
# upgrade of the binary: no valid request is refused or lost, who was revoked
# stays out, and old workers leave.

use lib 't/lib';
use Stok::Fault;
use Stok::Test;
use Time::HiRes qw(time sleep);

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $seconds = $ENV{STORM_SECONDS} // 60;
my $leave = 5;      # seconds, for the old workers

my $redis = Stok::Redis->start;
my $fault = Stok::Fault->new(redis => $redis, edge => { daemon => 1,
    main => 'env ASAN_OPTIONS;' });
my $nginx = $fault->{nginx};
my $reloads = 0;
my %all;

# A worker that leaves closes the connections that wait for another request,
# also one that is just being sent: nginx does that by itself, so no connection
# is kept here.

my %quiet = (moves => 1, close => 1);

# plain reloads

$fault->try('a reload every 200 ms', up => 1, %quiet, lasts => 0,
    begin => sub { storm($seconds, sub { }) },
    end => sub { left('after the storm') });

cmp_ok($reloads, '>', 4 * $seconds * 0.5, "$reloads reloads");

# the cache begins empty each time: Redis is asked for all, and answers

$reloads = 0;

$fault->try('a zone of another size each time', up => 1, %quiet, lasts => 0,
    begin => sub {
        storm(3, sub {
            my $size = 1 + $reloads % 2;
            $nginx->file('nginx.conf', $nginx->read('nginx.conf')
                =~ s/(service_token_zone service_token) \w+/$1 ${size}m/r);
        });
    },
    end => sub { left('after the zones') });

# the binary is upgraded: both masters share the listening sockets, then the
# old one's workers leave, then itself

$fault->try('an upgrade of the binary', up => 1, %quiet, lasts => 0.5,
    begin => sub {
        my $old = $nginx->pid;
        my @old = $nginx->workers;

        kill 'USR2', $old;
        wait_for('another master', sub {
            my $pid = $nginx->pid;
            $pid && $pid != $old && $nginx->workers == 2 });
        $fault->ready('both answer');

        kill 'WINCH', $old;
        wait_for('the old workers are gone', sub {
            !grep { kill 0, $_ } @old }, $leave);

        kill 'QUIT', $old;
        wait_for('the old master is gone', sub { !kill 0, $old }, $leave);
        pass('the old ones have left');
    });

finish();


# a reload every 200 ms

sub storm {
    my ($storm, $change) = @_;

    my $end = time + $storm;
    my $next = time;

    while (time < $end) {
        $change->();
        kill 'HUP', $nginx->pid;
        $reloads++;
        $all{$_} = 1 for $nginx->workers;

        $next += 0.2;
        $next = time if $next < time;
        sleep $next - time if $next > time;
    }
}

# all but two are gone; a client that keeps its connection is asked to leave

sub left {
    my $name = shift;
    my $start = time;

    ok(eval { wait_for('old workers leave', sub { $nginx->workers == 2 },
        $leave) }, "$name: old workers have left")
        or diag(scalar $nginx->workers, ' workers');
    note(sprintf '%s: %d workers were seen, the old ones left after %.0f ms',
        $name, scalar keys %all, 1000 * (time - $start));
}
