# satisfy all and any, with allow/deny and auth_basic.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user("$_\@service", role => $_) for qw(member admin);
my %token = map { $_ => $redis->token(user => "$_\@service") }
    qw(member admin);
my $revoked = $redis->token(user => 'admin@service', status => 'revoked');

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        service_token api;
        add_header X-User "$service_token_user" always;
        add_header X-Status $service_token_status always;
        location /all_allow { satisfy all; allow 127.0.0.1; deny all;
            alias %%DIR%%/html; }
        location /all_deny { satisfy all; deny all; alias %%DIR%%/html; }
        location /any_allow { satisfy any; allow 127.0.0.1; deny all;
            alias %%DIR%%/html; }
        location /any_deny { satisfy any; deny all; alias %%DIR%%/html; }
        location /any_deny_admin { satisfy any; deny all;
            service_token_role admin; alias %%DIR%%/html; }
        location /any_basic { satisfy any; auth_basic basic;
            auth_basic_user_file %%DIR%%/htpasswd; alias %%DIR%%/html; }
        location /all_basic { satisfy all; auth_basic basic;
            auth_basic_user_file %%DIR%%/htpasswd; alias %%DIR%%/html; }
    }
EOC

$nginx->file('htpasswd', "eva:{PLAIN}secret\n");

my $basic = 'Authorization: Basic ZXZhOnNlY3JldA==';

for my $round (1 .. 2) {
    my $case = sub {
        my ($uri, $who, $status, $word, $challenge) = @_;
        my $r = $nginx->get($uri,
            $who eq 'basic' ? (headers => [$basic])
            : $who eq 'revoked' ? (token => $revoked)
            : $who ? (token => $token{$who}) : ());

        is(status_of($r) . ' ' . header_of($r, 'X-Status'), "$status $word",
            "$who at $uri ($round)");
        is(header_of($r, 'WWW-Authenticate'), $challenge,
            "challenge for $who at $uri ($round)");
        return $r;
    };

    my $bearer = 'Bearer realm="api"';
    my $bad = "$bearer, error=\"invalid_token\"";

    $case->('/all_allow/', '', 401, 'MISSING', $bearer);
    $case->('/all_allow/', 'member', 200, 'ALLOWED', '');
    $case->('/all_deny/', 'member', 403, 'OFF', '');
    $case->('/any_allow/', '', 200, 'OFF', '');
    $case->('/any_allow/', 'revoked', 200, 'OFF', '');
    is(header_of($case->('/any_allow/', 'member', 200, 'OFF', ''), 'X-User'),
        '', 'let in by address: no identity');
    $case->('/any_deny/', '', 401, 'MISSING', $bearer);
    $case->('/any_deny/', 'member', 200, 'ALLOWED', '');
    $case->('/any_deny/', 'revoked', 401, 'REVOKED', $bad);
    $case->('/any_deny_admin/', 'member', 403, 'ROLE',
        "$bearer, error=\"insufficient_scope\", scope=\"admin\"");
    $case->('/any_basic/', 'basic', 200, 'MISSING', '');
    $case->('/any_basic/', 'member', 200, 'ALLOWED', '');
    is(status_of($nginx->get('/any_basic/')), 401, 'neither');
    is(status_of($nginx->get('/any_basic/', token => $revoked)), 401,
        'neither, with a revoked token');
    is(status_of($nginx->get('/all_basic/', headers => [$basic])), 401,
        'one of both');
    is(status_of($nginx->get('/all_basic/', token => $token{member})), 401,
        'the other of both');
}

finish;
