package Stok::Terminal;

# The command on a terminal: standard input, output and error are one pty, or
# those that are named go elsewhere.
#
#     my $tty = Stok::Terminal->start($command, \@args, out => $file);
#     $tty->expect(qr/go on: /);
#     $tty->type("yes\n");
#     my ($code, $seen) = $tty->end;

use strict;
use warnings;

use IO::Pty;
use POSIX ();
use Stok::Process;

sub start {
    my ($class, $command, $args, %opt) = @_;

    my $pty = IO::Pty->new;
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        $pty->make_slave_controlling_terminal;
        my $slave = $pty->slave;
        close $pty;

        my $tty = $slave->ttyname;
        open STDIN, '<', $opt{in} // $tty;
        open STDOUT, '>', $opt{out} // $tty;
        open STDERR, '>', $opt{err} // $tty;
        $command->become(@$args);
    }

    $pty->close_slave;
    $pty->blocking(0);

    return bless { pty => $pty, pid => $pid, seen => '', from => 0 }, $class;
}

# waits until what was not expected before has it

sub expect {
    my ($self, $what) = @_;

    Stok::Process::wait_for("the terminal to show $what", sub {
        $self->read;
        return substr($self->{seen}, $self->{from}) =~ $what
            && ($self->{from} += $+[0]);
    });
}

sub type { my ($self, $text) = @_; syswrite $self->{pty}, $text }
sub signal { my ($self, $name) = @_; kill $name, $self->{pid} }

# exit code, or "signal N", and all that was shown

sub end {
    my $self = shift;

    Stok::Process::wait_for('the command ends', sub {
        $self->read;
        return waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid};
    });

    my $status = $?;
    $self->read;

    return ($status & 127 ? 'signal ' . ($status & 127) : $status >> 8,
        $self->{seen} =~ s/\r\n/\n/gr);
}

sub read {
    my $self = shift;
    1 while sysread $self->{pty}, $self->{seen}, 65536, length $self->{seen};
}

1;
