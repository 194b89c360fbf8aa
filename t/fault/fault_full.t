use strict;
use warnings;

# nginx itself has no more: no connection for Redis, no room in the zone.

use lib 't/lib';
use Stok::Fault;
use Stok::Test;

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

# each worker's connections are taken by clients that stay, then its links cut

my $redis = Stok::Redis->start;
my $fault = Stok::Fault->new(redis => $redis, edge => { connections => 40,
    workers => 1, expect => qr/worker_connections are not enough/ });
my $nginx = $fault->{nginx};
my @idle;

# half a request is not closed in favour of others, as an idle one is; what a
# link leaves is taken before it comes back

$fault->try('no connection is left', lasts => 1, lost => 1e9,
    begin => sub {
        for (1 .. 30) {
            push @idle, map { $nginx->open("GET / HTTP/1.1\r\nX") } 1 .. 3;
            $redis->cli('CLIENT', 'KILL', 'TYPE', $_, 'SKIPME', 'yes')
                for 'normal', 'pubsub';
        }
    },
    end => sub { @idle = () });

like($nginx->log, qr/worker_connections are not enough/, 'it was so');

# a zone of the smallest size, and more tokens than it holds, of which some are
# revoked while they push each other out

my $small = Stok::Redis->start;
my $full = Stok::Fault->new(redis => $small, edge => { zone => '128k' });
my @many = map { $small->token(name => "m$_") } 1 .. 1500;

$full->try('more tokens than the zone holds', up => 1, lasts => 0.1,
    begin => sub { Stok::Uses::run($full->{nginx}, \@many) });

my @revoked = @many[map { $_ * 3 } 0 .. 99];

$full->revoke($_) for @revoked;
wait_for('heard', sub { said($full->{nginx}, $revoked[-1]) =~ /^401/ });

is(Stok::Uses::run($full->{nginx}, \@revoked), 0, 'none of the revoked ones');
is(Stok::Uses::run($full->{nginx}, [@many[1, 2, 4, 5]]), 4,
    'all of the others');

# guesses do not push out who is valid

is(Stok::Uses::run($full->{nginx}, [map { "guess-$_" } 1 .. 3000]), 0,
    'no guess');
$full->ready('after many guesses');

finish();
