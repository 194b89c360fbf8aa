use strict;
use warnings;

# The same answers from the cache as from Redis, and no question for them.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
my $nginx = Stok::Nginx->start(redis => $redis, workers => 2, http => <<'EOC');
service_token_redis %%REDIS%%;
service_token_zone service_token 1m;

server {
    listen 127.0.0.1:%%PORT%%;
    service_token "api";

    add_header X-Status "$service_token_status" always;
    add_header X-Cache "$service_token_cache" always;
    add_header X-Token "$service_token_user|$service_token_id|$service_token_name|$service_token_role|$service_token_type|$service_token_scope|$service_token_expires" always;

    location /member  { return 200; }
    location /index.html { }
    location /admin/  { service_token_role admin; }
    location /manager/ { service_token_role manager; }
    location /scim/   { service_token_scope scim; }
    location /human/  { service_token_type personal; }
}
EOC

fresh($nginx);

$redis->user('user@service', role => 'manager');
$redis->user('gone@service', status => 'deleted');
$redis->user('off@service', status => 'disabled');

my $later = time + 1000;
my %token = (
    good     => $redis->token(id => 'tok_0000000000000001', name => 'n',
                    expires_at => $later),
    revoked  => $redis->token(status => 'revoked'),
    expired  => $redis->token(expires_at => time - 1),
    orphan   => $redis->token(user => 'nobody@service'),
    deleted  => $redis->token(user => 'gone@service'),
    disabled => $redis->token(user => 'off@service'),
    scim     => $redis->token(scope => 'scim', kind => 'scim'),
    unknown  => 'stk_svc_' . ('x' x 32) . Stok::Redis::checksum('stk_svc_' . 'x' x 32),
    long     => $redis->token(name => 'n' x 255),
    huge     => $redis->token(name => "\xf0\x9f\x94\x91" x 255, user => 'user@service'),
);

$redis->heard;

# every case from Redis, then from the cache

for my $case (
    ['good',     '/index.html', '200 ALLOWED'],
    ['good',     '/admin/',     '403 ROLE'],
    ['good',     '/human/',     '403 TYPE'],
    ['revoked',  '/index.html', '401 REVOKED'],
    ['expired',  '/index.html', '401 EXPIRED'],
    ['orphan',   '/index.html', '401 ORPHANED'],
    ['deleted',  '/index.html', '401 ORPHANED'],
    ['disabled', '/index.html', '401 USER_DISABLED'],
    ['scim',     '/index.html', '403 SCOPE'],
    ['unknown',  '/index.html', '401 UNKNOWN'],
    ['long',     '/index.html', '200 ALLOWED'],
    ['huge',     '/index.html', '200 ALLOWED'],
) {
    my ($name, $uri, $expected) = @$case;

    ask($name, $uri);
    my $first = ask($name, $uri);
    my $calls = $redis->calls('hgetall');

    my $again = ask($name, $uri);
    is(answer($again), "$expected HIT", "$name at $uri from the cache");
    is(answer($first), "$expected HIT", "$name at $uri, too");
    is($again, $first, "$name at $uri: the same bytes");
    is($redis->calls('hgetall'), $calls, "$name at $uri: Redis is not asked");
}

is(header_of(ask('good', '/index.html'), 'X-Token'),
    "user\@service|tok_0000000000000001|n|manager|service||$later",
    'variables from the cache');

# what needs no record asks nothing

my $calls = $redis->calls('hgetall');
is(answer($nginx->get('/index.html')), '401 MISSING ', 'no token');
is(answer($nginx->get('/index.html', token => 'stk_svc_' . 'a' x 38)),
    '401 UNKNOWN ', 'a bad checksum');
is($redis->calls('hgetall'), $calls, 'Redis is not asked');

# the first time

my $new = $redis->token;
is(answer($nginx->get('/index.html', token => $new)), '200 ALLOWED MISS',
    'first from Redis');
is(answer($nginx->get('/index.html', token => $new)), '200 ALLOWED HIT',
    'then from the cache');

# nothing is kept

my $off = Stok::Nginx->start(redis => $redis, name => 'the second', http => <<'EOC');
service_token_redis %%REDIS%%;
service_token_cache_valid 0;

server {
    listen 127.0.0.1:%%PORT%%;
    service_token "api";
    add_header X-Status "$service_token_status" always;
    add_header X-Cache "$service_token_cache" always;
}
EOC

for (1 .. 2) {
    is(answer($off->get('/index.html', token => $new)), '200 ALLOWED BYPASS',
        'without a cache');
}

finish();


sub ask {
    my ($name, $uri) = @_;
    my $answer = $nginx->get($uri, token => $token{$name});
    return $answer =~ s/^Date: .*?\r\n//mr;
}

sub answer {
    my $r = shift;
    return join ' ', status_of($r), header_of($r, 'X-Status'),
        scalar header_of($r, 'X-Cache');
}
