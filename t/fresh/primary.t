use strict;
use warnings;

# Redis changes its role behind a fixed address: the bound holds.  A token that
# was revoked, and acknowledged, is let in for the lease at most, with one
# worker and with two, from the cache and without it.  A server that is healthy
# again is used again.

use lib 't/lib';
use Stok::Test;
use List::Util qw(max);
use Time::HiRes qw(time);

my $lease = 2;
my $watch = $lease + 1.5;    # seconds, after the revocation

my ($redis, $other, $proxy, @edges, $token);

# $redis and the nodes that follow it, all caches in use; $other is its replica

sub begin {
    my (%opt) = @_;

    $_->down for grep { $_ } $redis, $other;
    $_->stop for map { $_->{nginx} } @edges;

    @Stok::Nginx::running = ();
    $redis = Stok::Redis->start(options => $opt{options});
    $other = Stok::Redis->start(empty => 1);
    $proxy = Stok::Proxy->start($redis) if $opt{proxy};

    $redis->user('user@service');
    $token = $redis->token;

    @edges = map {
        my ($workers, $cached) = @$_;
        my $nginx = edge(redis => $redis, workers => $workers, cold => 1,
            name => "workers: $workers, " . ($cached ? 'cached' : 'uncached'),
            conf => $cached ? '' : 'service_token_cache_valid 0;',
            $opt{proxy} ? (to => '127.0.0.1:' . $proxy->port) : ());
        { nginx => $nginx, cached => $cached, name => $nginx->{name} }
    } [1, 1], [2, 1], [1, 0], [2, 0];

    healthy('at first');

    if (!$opt{alone}) {
        $_->cli(qw(CONFIG SET repl-diskless-sync-delay 0)) for $redis, $other;
        follow($other, $redis);
    }
}

sub follow {
    my ($replica, $primary) = @_;
    $replica->cli('REPLICAOF', '127.0.0.1', $primary->port);
    wait_for('synchronised', sub {
        $replica->cli('INFO', 'replication') =~ /master_link_status:up/ });
}

sub promote { $_[0]->cli(qw(REPLICAOF NO ONE)) }

sub revoke {
    my $at = shift;
    $at->cli('HSET', $at->token_key($token), 'status', 'revoked',
        'revoked_at', int time);
    return time;
}

# each node lets the valid token in, from the cache if it has one

sub healthy {
    my $name = shift;

    for my $edge (@edges) {
        my $as = $edge->{cached} ? 'HIT' : 'BYPASS';
        my $last = '';
        ok(eval { wait_for($name, sub {
            ($last = said($edge->{nginx}, $token)) eq "200 ALLOWED $as" }) },
            "$name: $edge->{name}") or diag($last);
    }
}

# how long the revoked token was let in, by requests that began so long after
# its revocation; and what was said last

sub bounded {
    my ($name, $revoked, $last) = @_;
    my (%let_in, %said);

    $let_in{ $_->{name} } = 0 for @edges;

    while (time < $revoked + $watch) {
        for my $edge (@edges) {
            my $begun = time;
            my $said = said($edge->{nginx}, $token);
            $said{ $edge->{name} } = $said;
            $let_in{ $edge->{name} } = $begun - $revoked if $said =~ /^200/;
        }
    }

    for my $edge (@edges) {
        my $n = $edge->{name};
        cmp_ok($let_in{$n}, '<=', $lease, sprintf(
            '%s, %s: let in for %.2f s', $name, $n, max(0, $let_in{$n})));
        like($said{$n}, $last, "$name, $n: then refused");
    }
}

sub told {
    my ($name, $pattern) = @_;
    ok($_->{nginx}->wait_log($pattern), "$name, $_->{name}: the log says it")
        for @edges;
}


# Another server was promoted, the one at the address refuses writes, since its
# replicas are gone.  It was believed without end.

begin();
promote($other);
$redis->cli(qw(CONFIG SET min-replicas-to-write 1));
bounded('NOREPLICAS', revoke($other), qr/^503 UNAVAILABLE/);
told('NOREPLICAS', qr/\[error\].*accepts no writes, .*: NOREPLICAS/);
$redis->cli(qw(CONFIG SET min-replicas-to-write 0));
healthy('it takes writes again');

# Demoted, with its links kept

begin();
promote($other);
follow($redis, $other);
bounded('demoted', revoke($other), qr/^(?:503 UNAVAILABLE|401 REVOKED)/);
told('READONLY', qr/\[error\].*is a replica, .*has to name the primary/);

# the same, and it does not hear of its primary's changes any more

begin();
promote($other);
$redis->cli('REPLICAOF', '127.0.0.1', 1);
bounded('demoted, cut off', revoke($other), qr/^503 UNAVAILABLE/);
promote($redis);
healthy('promoted again');

# A counter that goes back.  The primary goes on alone, is demoted, synchronised
# in full and promoted again, with all links kept; then the stream is silent.
# Ticks of before proved scripts of after: 14 s of HIT.

begin(proxy => 1);
wait_for('the same counter', sub {
    $redis->cli('HGET', '{st}:tick', 'n')
        == ($other->cli('HGET', '{st}:tick', 'n') // 0) });
promote($other);
my $n = $redis->cli('HGET', '{st}:tick', 'n');
wait_for('ticks', sub { $redis->cli('HGET', '{st}:tick', 'n') > $n + 8 });
follow($redis, $other);
promote($redis);
healthy('the data is another');
$proxy->hold('stream');
bounded('counter went back', revoke($redis), qr/^401 REVOKED/);
$proxy->release('stream');

# the stream is silent before it can say so

begin(proxy => 1);
promote($other);
$proxy->hold('stream');
follow($redis, $other);
promote($redis);
bounded('unheard', revoke($redis), qr/^401 REVOKED/);
$proxy->release('stream');

# A server reborn empty: an outage, and no token is called invalid

begin(alone => 1);
$redis->crash;
$redis->up;
my $down = time;
my %said;

while (time < $down + $watch) {
    $said{ said($_->{nginx}, $token) =~ s/ \S+$//r }++ for @edges;
}

delete @said{'200 ALLOWED', '503 UNAVAILABLE'};
is(join(', ', sort keys %said), '', 'reborn empty: 503, never 401');
like(said($_->{nginx}, $token), qr/^503 UNAVAILABLE/,
    "reborn empty, $_->{name}: 503 at the end") for @edges;

# Restored from an older dump: its own changes are in force in time

begin(alone => 1);
$redis->cli('SAVE');
$n = $redis->cli('HGET', '{st}:tick', 'n');
wait_for('ticks', sub { $redis->cli('HGET', '{st}:tick', 'n') > $n + 8 });
$redis->crash;
$redis->up;
healthy('restored');
bounded('restored', revoke($redis), qr/^401 REVOKED/);

finish();
