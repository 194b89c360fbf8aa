use strict;
use warnings;

# Redis is away: what service_token_stale allows, and nothing else.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;

$redis->user('user@service');
$redis->user('off@service', status => 'disabled');

my %token = (
    good     => $redis->token,
    expiring => $redis->token(expires_at => time + 6),
    revoked  => $redis->token(status => 'revoked'),
    disabled => $redis->token(user => 'off@service'),
    unseen   => $redis->token,
    unknown  => 'unknown-' . Stok::Redis::random(9),
    changed  => $redis->token,
);

my $nginx = edge(redis => $redis, conf => <<'EOC', server => <<'EOS');
service_token_lease 1s;
service_token_cache_valid 600s unknown=600s;
EOC
location = /stale { service_token_stale 600s; alias %%DIR%%/html/index.html; }
location = /short { service_token_stale 3s; alias %%DIR%%/html/index.html; }
location = /admin-stale { service_token_stale 600s; service_token_role admin;
    alias %%DIR%%/html/index.html; }
EOS

for my $name (grep { $_ ne 'unseen' } keys %token) {
    said($nginx, $token{$name}) for 1 .. 3;
    like(said($nginx, $token{$name}), qr/ HIT$/, "$name: in the cache");
}

# known to have changed: dropped, not kept for later

$redis->cli('HSET', $redis->token_key($token{changed}), status => 'revoked');
wait_for('heard', sub { said($nginx, $token{changed}) =~ /REVOKED/ });

$redis->down;

# by default: 503 when the lease is out

wait_for('503', sub { said($nginx, $token{good}) =~ /^503/ });

for my $case (
    ['good',     '/stale',       '200 STALE'],
    ['good',     '/short',       '200 STALE'],
    ['good',     '/admin-stale', '403 ROLE'],
    ['good',     '/index.html',  '503 UNAVAILABLE'],
    ['revoked',  '/stale',       '401 REVOKED'],
    ['changed',  '/stale',       '401 REVOKED'],
    ['disabled', '/stale',       '401 USER_DISABLED'],
    ['unseen',   '/stale',       '503 UNAVAILABLE'],
    ['unknown',  '/stale',       '503 UNAVAILABLE'],
) {
    my ($name, $uri, $expected) = @$case;
    like(said($nginx, $token{$name}, $uri), qr/^$expected /, "$name at $uri");
}

wait_for('it expires',
    sub { said($nginx, $token{expiring}, '/stale') =~ /^401 EXPIRED/ });
pass('expired although Redis is away');

wait_for('3 s are over', sub { said($nginx, $token{good}, '/short') =~ /^503/ });
pass('never beyond its time');
like(said($nginx, $token{good}, '/stale'), qr/^200 STALE /, 'the other goes on');

# it is back, and something changed meanwhile

$redis->up;
$redis->init;
$redis->user('user@service');
wait_for('back', sub { said($nginx, $token{good}, '/stale') =~ /^401 UNKNOWN/ });
pass('an empty Redis is the truth');
wait_for('cached', sub { said($nginx, $token{good}, '/stale') eq '401 UNKNOWN HIT' });

# away again: what was in force before is not served any more

$redis->down;
wait_for('503', sub { said($nginx, $token{good}, '/stale') =~ /^503/ });
pass('nothing of before');

finish();
