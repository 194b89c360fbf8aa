# Dates are read and printed by arithmetic of 64 bits, also where time_t has 32,
# and agree with the calendar of perl.

use strict;
use warnings;

use lib 't/lib';
use POSIX ();
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start;
my $st = Stok::Command->new($redis);
my $user = $redis->listed_user('user@service');

my @dates = map { $_->[0] } (
    [10, '1970'], [951782400, '2000-02-29'], [951868799, 'its last second'],
    [951868800, '2000-03-01'], [2147483647, 'the last of 32 bits'],
    [2147483648, 'the next'], [4102444800, '2100'], [4107542400, '2100-03-01'],
    [13574563200, '2400-02-29'], [253402300799, 'the end of 9999'],
);

# printed

for my $date (@dates) {
    my $id = $redis->listed_token(name => "n$date", created_at => $date);
    my ($code, $out) = $st->run('token', 'show', $id);
    my $iso = POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $date);
    like($out, qr/^created_at +$iso/m, $iso);
}

# read: an entry of the audit at that second, and one a second before

my $audit = Stok::Command->new($redis);

for my $date (@dates) {
    $redis->cli('DEL', $redis->key('audit'));

    for my $at ($date - 1, $date) {
        $redis->cli('XADD', $redis->key('audit'), "${at}000-0", at => $at,
            action => 'user.create', by => 'root', user => $user);
    }

    my $iso = POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $date);
    my $found = $audit->json('audit', '--since', $iso);
    is(join(' ', map { $_->{at} } @$found), $date, "since $iso");
}

finish();
