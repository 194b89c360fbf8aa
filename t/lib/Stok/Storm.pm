package Stok::Storm;

# Clients that leave: each sends requests at once and resets its connection, or
# its streams, at a random moment, whether they are answered or not.
#
#     my $sent = Stok::Storm::http1($port, $requests, \@tokens);
#     my $sent = Stok::Storm::http2($port, $requests, \@tokens);
#
# Two of three tokens are made up, so that each is a question to Redis.

use strict;
use warnings;

use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Stok::Redis;
use Time::HiRes qw(sleep);

my $lines = 20;         # pipelined over one connection of HTTP/1.1
my $streams = 100;      # at a time, over one of HTTP/2
my $batches = 5;        # of streams

my $n = 0;

sub token {
    my $tokens = shift;
    return $tokens->[rand @$tokens] if rand() < 0.33;
    return 'stk_svc_storm' . $$ . 'x' . $n++;
}

sub connected {
    my $port = shift;

    for (1 .. 100) {
        my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $port);
        return $sock if $sock;
        sleep 0.01;
    }

    die "connect: $!\n";
}

# close() resets then, and what was not read is not waited for

sub leave {
    my $sock = shift;
    setsockopt $sock, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $sock;
}

sub http1 {
    my ($port, $requests, $tokens) = @_;

    my ($sent, @open) = (0);

    while ($sent < $requests) {
        my $sock = connected($port);

        syswrite $sock, join '', map { "GET /index.html HTTP/1.1\r\nHost: h\r\n"
            . 'Authorization: Bearer ' . token($tokens) . "\r\n\r\n" }
            1 .. $lines;
        $sent += $lines;

        # some stay for a while, one of those leaves

        push @open, $sock;
        leave(splice @open, rand @open, 1) if @open > 1 + rand 16;
        sleep 0.002 if rand() < 0.3;
    }

    leave($_) for @open;

    return $sent;
}

sub frame {
    my ($type, $flags, $stream, $body) = @_;
    return substr(pack('N', length $body), 1) . pack('CCN', $type, $flags,
        $stream) . $body;
}

# GET http /index.html, from the static table, and authorization, never indexed

sub headers {
    my $token = 'Bearer ' . shift;
    return "\x82\x86\x85\x41\x01h\x1f\x08" . chr(length $token) . $token;
}

sub http2 {
    my ($port, $requests, $tokens) = @_;

    my $sent = 0;

    while ($sent < $requests) {
        my $sock = connected($port);
        my $stream = 1;

        syswrite $sock, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '');

        for (1 .. $batches) {
            my (@reset, $text);

            # each is reset right after it began, or after others have

            for (1 .. $streams) {
                $text .= frame(1, 5, $stream, headers(token($tokens)));
                push @reset, $stream;
                $text .= frame(3, 0, splice(@reset, rand @reset, 1),
                    pack 'N', 8) if rand() < 0.8;
                $stream += 2;
            }

            syswrite $sock, $text;
            $sent += $streams;
            sleep 0.005 if rand() < 0.5;
            syswrite $sock, join '', map { frame(3, 0, $_, pack 'N', 8) }
                @reset;
        }

        leave($sock);
    }

    return $sent;
}

1;
