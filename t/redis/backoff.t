# Redis is away: in the first minute it is tried at least once a second, so the
# edge is back within a second of Redis; after it every 2.5 to 5 seconds.  This
# test takes that minute.

use strict;
use warnings;
use lib 't/lib';
use IO::Socket::INET;
use Stok::Test;
use Time::HiRes qw(time);

# one that closes each connection at once

my $listen = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1')
    or die "cannot listen: $!\n";

my $nginx = edge(workers => 1, cold => 1,
    to => '127.0.0.1:' . $listen->sockport . ' connect_timeout=5s',
    conf => 'service_token_cache_valid 0;');

my $asked = $nginx->open("GET /index.html HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer foreign\r\nConnection: close\r\n\r\n");
my (@at, @gap);

$listen->timeout(20);

# until there were three tries that begin after the minute

while (@at < 4 || $at[-4] - $at[0] < 61) {
    my $sock = $listen->accept or last;
    push @at, time;
    close $sock;
}

cmp_ok($at[-1] - $at[0], '>', 61, 'it is tried again and again');
push @gap, $at[$_] - $at[$_ - 1] for 1 .. $#at;

my @first = grep { $at[$_] - $at[0] < 59 } 1 .. $#at;
is(scalar(grep { $gap[$_ - 1] > 1.4 } @first), 0, 'at least once a second')
    or diag("@gap");
cmp_ok($at[11] - $at[4], '>', 3, 'and not in a hurry');
is(scalar(grep { $_ < 2.4 } @gap[-3 .. -1]), 0, 'after a minute less often')
    or diag("@gap");
is(scalar(grep { $_ > 7 } @gap[-3 .. -1]), 0, 'and never given up')
    or diag("@gap");

like($nginx->answer($asked), qr/^HTTP\S+ 503 /, 'who asked got 503');

finish;
