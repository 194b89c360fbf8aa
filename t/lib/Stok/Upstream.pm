package Stok::Upstream;

# An HTTP/1.1 server that shows what reached it: the body of its answer is the
# request as it came.  One request a connection.
#
# A request for /cache... is answered with "Cache-Control: max-age=60"; one
# that asks for an upgrade gets 101 and then its own bytes.  Everything it
# got stands in log(), too.

use strict;
use warnings;

use File::Temp ();
use IO::Socket::INET;
use Stok::Process;

sub start {
    my $class = shift;

    my $dir = File::Temp->newdir('stok-upstream-XXXXXX', TMPDIR => 1);
    my $listen = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1,
        LocalAddr => '127.0.0.1', LocalPort => 0) or die "cannot listen: $!";

    my $self = bless { dir => $dir, port => $listen->sockport }, $class;

    $self->{process} = Stok::Process->start(log => "$dir/log",
        code => sub { serve($listen) });

    return $self;
}

sub port { $_[0]{port} }
sub log { open my $fh, '<', "$_[0]{dir}/log" or return ''; local $/; <$fh> // '' }

sub serve {
    my $listen = shift;

    $SIG{CHLD} = 'IGNORE';
    $| = 1;

    while (1) {
        my $sock = $listen->accept or next;
        my $pid = fork // next;

        if ($pid == 0) {
            close $listen;
            alarm 30;
            answer($sock);
            POSIX::_exit(0);
        }

        close $sock;
    }
}

sub answer {
    my $sock = shift;

    my $in = '';

    while ($in !~ /\r\n\r\n/) {
        sysread $sock, $in, 65536, length $in or return;
    }

    my ($head, $body) = split /\r\n\r\n/, $in, 2;
    my $left = ($head =~ /^Content-Length: (\d+)/mi ? $1 : 0) - length $body;

    while ($left > 0) {
        my $n = sysread $sock, $body, 65536, length $body or return;
        $left -= $n;
    }

    print "$head\n\n";

    if ($head =~ /^Upgrade: (\S+)/mi) {
        syswrite $sock, "HTTP/1.1 101 Switching Protocols\r\n"
            . "Connection: Upgrade\r\nUpgrade: $1\r\n\r\n";
        syswrite $sock, $in while sysread $sock, $in, 65536;
        return;
    }

    my $cache = $head =~ m{^\S+ /cache} ? "Cache-Control: max-age=60\r\n" : '';
    my $text = "$head\r\nbody " . length($body) . "\r\n";

    syswrite $sock, "HTTP/1.1 200 OK\r\n${cache}Connection: close\r\n"
        . 'Content-Length: ' . length($text) . "\r\n\r\n"
        . ($head =~ /^HEAD/ ? '' : $text);
}

1;
