use strict;
use warnings;

# A reply comes in two parts, parted at every byte of it, or one byte at a
# time, or is lost from there on: whoever is valid is let in, or answered with
# 503 in time, and who is not is never let in.

use lib 't/lib';
use Stok::Test;
use Time::HiRes qw(time);

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $hash = \&Stok::FakeRedis::hash;
my $marker = Stok::FakeRedis::marker();
my $user = $hash->(qw(kind service name U role member status active));
my %token = map { $_ => $hash->(id => "tok_$_", user => 'u@service',
    name => 'n', type => 'service', status => $_, expires_at => 0) }
    qw(active revoked);

# the n-th question of a script is parted at its byte n; the server says when
# all are through

my $asked = 0;

sub parted {
    my ($text, $rest) = @_;

    return sub {
        my ($args) = @_;

        return $marker if $args->[0] eq 'HMGET';
        return $user if $args->[1] =~ /user:/;

        my $n = ++$asked;

        return $text if $n >= length $text;
        return (substr($text, 0, $n), $rest->(substr $text, $n));
    };
}

for my $case (
    ['active, then the rest', 'active', sub { (\0.001, $_[0]) },
        qr/^200 ALLOWED/, 250],
    ['revoked, then the rest', 'revoked', sub { (\0.001, $_[0]) },
        qr/^401 REVOKED/, 250],
    ['active, byte by byte', 'active',
        sub { map { (\0.0001, $_) } split //, $_[0] }, qr/^200 ALLOWED/, 250],
    # it is asked again, once, and parted at the next byte

    ['active, then closed', 'active', sub { 'CLOSE' }, qr/^503/, 250, 2],
) {
    my ($name, $status, $rest, $expected, $timeout, $times) = @$case;
    my $text = $token{$status};
    my $fake = Stok::FakeRedis->start(parted($text, $rest));
    my $nginx = edge(redis => $fake, cold => 1, workers => 1, level => 'info',
        to => "%%REDIS_ADDR%% timeout=${timeout}ms connect_timeout=3s",
        conf => 'service_token_cache_valid 0;', name => $name);
    my (%said, $slowest);

    for my $n (1 .. (length($text) - 1) / ($times // 1)) {
        my $start = time;
        my $said = said($nginx, 'foreign-token');
        my $took = time - $start;

        $slowest = $took if !$slowest || $took > $slowest;
        push @{ $said{$said} }, $n;

        # a link that is lost is tried again after 100 ms and more

        wait_for('a link', sub {
            my $up = () = $nginx->log =~ /is back/g;
            my $down = () = $nginx->log =~ / lost: /g;
            return $up >= $down;
        }) if $said =~ /^503/;
    }

    is(join(', ', grep { $_ !~ $expected } sort keys %said), '',
        "$name: the same wherever it is parted");
    cmp_ok($slowest, '<', $timeout / 1000 + 1, "$name: in time");
}

finish();
