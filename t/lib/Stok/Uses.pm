package Stok::Uses;

# A known load: so many requests with these tokens, over keepalive connections
# that nginx spreads over its workers.

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();

# one request for each token, by $connections at once; how many were let in

sub run {
    my %allowed = counts(@_);
    my $sum = 0;
    $sum += $_ for values %allowed;
    return $sum;
}

# the same, for each token; one whose connection was closed is not asked again

sub counts {
    my ($nginx, $tokens, %opt) = @_;

    my $connections = $opt{connections} // 8;
    my $uri = $opt{uri} // '/index.html';
    my @left = @$tokens;
    local $SIG{PIPE} = 'IGNORE';
    my %allowed = map { $_ => 0 } @$tokens;

    push @Stok::Redis::tokens, keys %allowed;

    while (@left) {
        my @sock = map { open_one($nginx) } 1 .. $connections;

        for (1 .. 50) {
            my @now = splice @left, 0, scalar @sock;
            my @busy = @sock[0 .. $#now];

            for my $i (0 .. $#now) {
                syswrite $busy[$i], "GET $uri HTTP/1.1\r\nHost: h\r\n"
                    . "Authorization: Bearer $now[$i]\r\n\r\n";
            }

            my @closed;

            for my $i (0 .. $#now) {
                my $said = answered($busy[$i]);
                $allowed{ $now[$i] } += $said == 1;
                push @closed, $i if $said < 0;
            }

            last if !@left || @closed;
        }
    }

    return %allowed;
}

# a load in the background; its end and its counts by finish()

sub start {
    my ($nginx, $tokens, %opt) = @_;

    pipe my $read, my $write or die "pipe: $!";
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        close $read;
        my %allowed = eval { counts($nginx, $tokens, %opt) };
        print STDERR $@ if $@;
        print $write "$_ $allowed{$_}\n" for keys %allowed;
        close $write;
        POSIX::_exit(0);
    }

    close $write;
    push @Stok::Redis::tokens, @$tokens;

    return { pid => $pid, read => $read };
}

sub running { kill(0, $_[0]{pid}) && waitpid($_[0]{pid}, POSIX::WNOHANG()) == 0 }

sub finish {
    my $load = shift;
    my $read = $load->{read};
    my %allowed = map { /^(\S+) (\d+)$/ ? ($1, $2) : () } <$read>;
    waitpid $load->{pid}, 0;
    return %allowed;
}

sub open_one {
    my $nginx = shift;

    for (1 .. 50) {
        my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $nginx->port);
        return $sock if $sock;
        select undef, undef, undef, 0.01;
    }

    die "connect: $!\n";
}

# 1 if this connection's answer is 200 or 404, 0 for another, -1 if there is
# none

sub answered {
    my $sock = shift;
    my $answer = '';

    until ($answer =~ /\r\n\r\n(.*)/s
           && length $1 >= ($answer =~ /^Content-Length: (\d+)/mi)[0])
    {
        sysread $sock, $answer, 65536, length $answer or return -1;
    }

    return $answer =~ m{^HTTP/1.1 (?:200|404) } ? 1 : 0;
}

1;
