package Load;

# wrk, and which core runs what: nginx alone on the first, all else on the
# second; or, on a machine with one core or after one_core(), all on the first.

use strict;
use warnings;

use POSIX ();

my $cores = grep { /^processor/ } do { open my $fh, '<', '/proc/cpuinfo'; <$fh> };
my $other = $cores > 1 ? 1 : 0;

sub one_core { $other = 0 }

# a command on the core of nginx, and on the other.  On one core nobody is
# interrupted by whom he wakes (SCHED_BATCH): else each answer is a switch, and
# how often that is differs between cases.

sub nginx_core { (batch(), 'taskset', '-c', 0) }
sub other_core { (batch(), 'taskset', '-c', $other) }
sub batch { $other ? () : ('chrt', '--batch', 0) }

# moves processes that run

sub move {
    my ($core, @pids) = @_;

    for my $pid (@pids) {
        system("taskset -a -c -p $core $pid > /dev/null") == 0
            or die "taskset does not move process $pid\n";
        system("chrt --batch -a -p 0 $pid") == 0
            or die "chrt does not change process $pid\n" if batch();
    }
}

sub move_to_nginx { move(0, @_) }
sub move_to_other { move($other, @_) }

# runs wrk for so many seconds; a hash of what it says

sub wrk {
    my ($url, $tokens, $connections, $seconds) = @_;

    my @argv = (other_core(), 'wrk', '-t', 1, '-c', $connections,
        '-d', "${seconds}s", '-s', 'bench/wrk.lua', "$url/index.html");

    local $ENV{WRK_TOKENS} = $tokens;

    open my $fh, '-|', @argv or die "wrk: $!";
    my $text = do { local $/; <$fh> };
    close $fh;

    $text =~ /^RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)/m
        or die "wrk says no figures:\n$text";

    return { requests => $1, rate => $1 / $2 * 1e6, p50 => $3, p99 => $4,
        refused => $5, errors => $6 };
}

# seconds of CPU that a process has had: by the scheduler's nanoseconds, if the
# kernel tells them, else by the clock's ticks

sub cpu {
    my $pid = shift;

    if (open my $fh, '<', "/proc/$pid/schedstat") {
        return (split ' ', <$fh>)[0] / 1e9;
    }

    open my $fh, '<', "/proc/$pid/stat" or die "process $pid is gone\n";
    my @field = split ' ', <$fh> =~ s/.*\) //sr;

    return ($field[11] + $field[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    my $n = @sorted;
    return $n % 2 ? $sorted[$n / 2] : ($sorted[$n / 2 - 1] + $sorted[$n / 2]) / 2;
}

# the value below which p of a hundred lie

sub percentile {
    my ($p, @values) = @_;
    my @sorted = sort { $a <=> $b } @values;
    my $i = POSIX::ceil(@sorted * $p / 100) - 1;
    return $sorted[$i < 0 ? 0 : $i];
}

1;
