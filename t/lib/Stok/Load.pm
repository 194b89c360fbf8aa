package Stok::Load;

# A known load: so many requests with these tokens, over keepalive connections
# that nginx spreads over its workers.

use strict;
use warnings;

use IO::Socket::INET;

# one request for each token, by $connections at once; how many were let in

sub run {
    my ($nginx, $tokens, %opt) = @_;

    my $connections = $opt{connections} // 8;
    my $uri = $opt{uri} // '/index.html';
    my @left = @$tokens;
    my $allowed = 0;

    push @Stok::Redis::tokens, keys %{ { map { $_ => 1 } @$tokens } };

    while (@left) {
        my @sock = map { open_one($nginx) } 1 .. $connections;

        for (1 .. 50) {
            my @now = splice @left, 0, scalar @sock;
            my @busy = @sock[0 .. $#now];

            for my $i (0 .. $#now) {
                syswrite $busy[$i], "GET $uri HTTP/1.1\r\nHost: h\r\n"
                    . "Authorization: Bearer $now[$i]\r\n\r\n";
            }

            $allowed += answered($_) for @busy;
            last if !@left;
        }
    }

    return $allowed;
}

sub open_one {
    my $nginx = shift;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $nginx->port) // die "connect: $!\n";
}

# 1 if this connection's answer is 200 or 404

sub answered {
    my $sock = shift;
    my $answer = '';

    until ($answer =~ /\r\n\r\n(.*)/s
           && length $1 >= ($answer =~ /^Content-Length: (\d+)/mi)[0])
    {
        sysread $sock, $answer, 65536, length $answer or return 0;
    }

    return $answer =~ m{^HTTP/1.1 (?:200|404) } ? 1 : 0;
}

1;
