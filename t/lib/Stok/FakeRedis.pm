package Stok::FakeRedis;

# A server that speaks as much of Redis as a script says: for timing and
# faults only.
#
#     Stok::FakeRedis->start(sub { my ($args, $connection) = @_; ... })
#
# The script answers with a list: strings are sent as they are, a number
# reference waits so many seconds, 'CLOSE' closes.  PING, AUTH, SELECT, INFO
# and the freshness check of a node are answered before it is asked.
#
# Options: port; setup, the script is asked for PING, AUTH, ... too; ticks, it
# is asked for the freshness check; raw, what is sent to whoever sends something
# that is not a command.

use strict;
use warnings;

use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Stok::Process;
use Stok::Redis;
use Time::HiRes qw(time);

sub start {
    my ($class, $script, %opt) = @_;

    my $dir = File::Temp->newdir('stok-fake-XXXXXX', TMPDIR => 1);
    my $listen = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1,
        LocalAddr => '127.0.0.1', LocalPort => $opt{port} // 0)
        or die "cannot listen: $!";

    my $self = bless { dir => $dir, port => $listen->sockport }, $class;

    $self->{process} = Stok::Process->start(
        log  => "$dir/log",
        code => sub { serve($listen, $script, %opt) },
    );

    return $self;
}

sub port { $_[0]{port} }
sub log { open my $fh, '<', "$_[0]{dir}/log" or return ''; local $/; <$fh> }
sub stop { $_[0]{process}->stop('KILL') }

# a record, as HGETALL answers it

sub bulk { my $s = shift; '$' . length($s) . "\r\n$s\r\n" }
sub hash { '*' . @_ . "\r\n" . join '', map { bulk($_) } @_ }

# what HMGET answers of a good dataset's marker

sub marker { "*3\r\n" . bulk('2') . bulk($Stok::Redis::dataset) . "\$-1\r\n" }

sub serve {
    my ($listen, $script, %opt) = @_;

    my $select = IO::Select->new($listen);
    my (%client, $count);

    $SIG{PIPE} = 'IGNORE';
    $| = 1;

    while (1) {
        for my $sock ($select->can_read(0.0005)) {

            if ($sock == $listen) {
                my $new = $listen->accept or next;
                setsockopt $new, IPPROTO_TCP, TCP_NODELAY, 1;
                $select->add($new);
                $client{$new} = { sock => $new, in => '', todo => [],
                    n => ++$count };
                print "connection $count\n";
                next;
            }

            my $c = $client{$sock};

            if (!sysread $sock, $c->{in}, 65536, length $c->{in}) {
                $select->remove($sock);
                delete $client{$sock};
                close $sock;
                next;
            }

            if (defined $opt{raw} && $c->{in} !~ /^\*/) {
                $c->{in} = '';
                push @{ $c->{todo} }, $opt{raw};
            }

            while (my $args = command(\$c->{in})) {
                print "command $c->{n} $args->[0]\n";

                if (!$opt{setup} && $args->[0] eq 'PING') {
                    push @{ $c->{todo} }, "+PONG\r\n";

                } elsif (!$opt{setup} && $args->[0] =~ /^(AUTH|SELECT)$/) {
                    push @{ $c->{todo} }, "+OK\r\n";

                } elsif (!$opt{setup} && $args->[0] eq 'INFO') {
                    push @{ $c->{todo} }, bulk("run_id:" . '0123456789' x 4);

                } elsif (!$opt{setup} && !$opt{ticks} && is_tick($args)) {
                    push @{ $c->{todo} }, "*2\r\n:1\r\n:1\r\n";

                } else {
                    push @{ $c->{todo} }, $script->($args, $c->{n});
                }
            }
        }

        for my $c (values %client) {
            next if work($c);
            $select->remove($c->{sock});
            delete $client{ $c->{sock} };
            close $c->{sock};
        }
    }
}

# the script, one key, the prefix, the node's name and its lease

sub is_tick {
    my $args = shift;
    return $args->[0] =~ /^EVAL/ && @$args == 8 && $args->[6] =~ /^\d+$/;
}

sub work {
    my $c = shift;

    while (@{ $c->{todo} }) {
        my $next = $c->{todo}[0];

        if (ref $next) {
            $c->{until} //= time + $$next;
            return 1 if time < $c->{until};
            delete $c->{until};

        } elsif ($next eq 'CLOSE') {
            return 0;

        } else {
            syswrite $c->{sock}, $next;
        }

        shift @{ $c->{todo} };
    }

    return 1;
}

sub command {
    my $in = shift;

    return if $$in !~ /^\*(\d+)\r\n/;

    my ($n, $pos, @args) = ($1, $+[0]);

    for (1 .. $n) {
        pos($$in) = $pos;
        return if $$in !~ /\G\$(\d+)\r\n/g;
        my $len = $1;
        $pos = pos $$in;
        return if length $$in < $pos + $len + 2;
        push @args, substr $$in, $pos, $len;
        $pos += $len + 2;
    }

    substr $$in, 0, $pos, '';

    return \@args;
}

1;
