package Stok::Process;

# A process of a test: started, awaited, ended by its pid.

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
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

# A port of 127.0.0.1 for a server that is started later.  It lies below those
# that the kernel gives to connections, and until this process ends no other
# test gets it: an abstract socket of the port's name says that it is taken,
# in the same network namespace.

my ($lowest, $highest) = (10240, 32767);
my @taken;

sub free_port {
    for (1 .. 1000) {
        my $port = $lowest + int rand(ephemeral() - $lowest);
        my $mine = IO::Socket::UNIX->new(Listen => 1,
            Local => "\0stok-test-port-$port") or next;

        IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1',
            LocalPort => $port, ReuseAddr => 1) or next;

        push @taken, $mine;
        return $port;
    }

    die "no free port\n";
}

# the first port that the kernel may give to a connection

sub ephemeral {
    open my $fh, '<', '/proc/sys/net/ipv4/ip_local_port_range' or return $highest;
    my ($first) = split ' ', <$fh>;
    return $first > $lowest + 1000 ? $first : $highest;
}

sub DESTROY { local ($@, $?, $!); $_[0]->stop('KILL') }

1;
