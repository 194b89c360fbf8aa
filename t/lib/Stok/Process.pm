package Stok::Process;

# A process of a test: started, awaited, ended by its pid.

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time sleep);

# everything is slower under valgrind

our $patience = ($ENV{TEST_RUNNER} // '') eq 'valgrind' ? 8 : 1;

sub start {
    my ($class, %opt) = @_;

    my $parent = $$;
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $opt{log} or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;

        if ($opt{code}) {
            eval { $opt{code}->() };
            print STDERR $@ if $@;
            POSIX::_exit(0);
        }

        exec { $opt{argv}[0] } @{ $opt{argv} } or POSIX::_exit(127);
    }

    return bless { pid => $pid, parent => $parent }, $class;
}

sub signal {
    my ($self, $signal) = @_;
    kill $signal, $self->{pid};
}

# ends it: by the signal, and after a deadline by KILL; true if it obeyed

sub stop {
    my ($self, $signal, $deadline) = @_;

    return 1 if !$self->{pid} || $self->{parent} != $$;

    kill $signal, $self->{pid};

    my $end = time + ($deadline // 10) * $patience;

    while (waitpid($self->{pid}, POSIX::WNOHANG()) == 0) {
        if (time > $end) {
            kill 'KILL', $self->{pid};
            waitpid $self->{pid}, 0;
            delete $self->{pid};
            return 0;
        }

        sleep 0.01;
    }

    delete $self->{pid};
    return 1;
}

# a child that has ended is still there for kill(), until it is waited for

sub ended {
    my $self = shift;
    return !$self->{pid} || waitpid($self->{pid}, POSIX::WNOHANG()) != 0;
}

# waits until the condition holds; dies when the deadline has passed

sub wait_for {
    my ($what, $condition, $deadline) = @_;

    my $end = time + ($deadline // 10) * $patience;

    while (1) {
        my $answer = $condition->();
        return $answer if $answer;
        die "waited in vain: $what\n" if time > $end;
        sleep 0.01;
    }
}

# a port that was free a moment ago, and was not given out before

my %given;

sub free_port {
    while (1) {
        my $sock = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1',
            LocalPort => 0, ReuseAddr => 1) or die "no free port: $!";

        return $sock->sockport if !$given{ $sock->sockport }++;
    }
}

sub DESTROY { local ($@, $?, $!); $_[0]->stop('KILL') }

1;
