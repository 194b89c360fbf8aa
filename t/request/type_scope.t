# Token types and scopes.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user('bot@service', role => 'admin');
$redis->user('eva@example.org', role => 'member', kind => 'human');

my %token = (
    service  => $redis->token(user => 'bot@service'),
    personal => $redis->token(user => 'eva@example.org', type => 'personal',
        kind => 'pat'),
    scim     => $redis->token(user => 'bot@service', scope => 'scim',
        kind => 'scim'),
    noscope  => $redis->token(user => 'bot@service', scope => undef),
);

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Status $service_token_status always;
        add_header X-Scope $service_token_scope always;
        service_token api;
        location /any { alias %%DIR%%/html; }
        location /service { service_token_type service; alias %%DIR%%/html; }
        location /personal { service_token_type personal; alias %%DIR%%/html; }
        location /both { service_token_type personal service;
            alias %%DIR%%/html; }
        location /scim { service_token_scope scim; alias %%DIR%%/html;
            location /scim/none { service_token_scope ""; alias %%DIR%%/html; } }
        location /other { service_token_scope scim2; service_token_role admin;
            alias %%DIR%%/html; }
    }
EOC

for my $round (1 .. 2) {
    my $case = sub {
        my ($uri, $who, $status, $word) = @_;
        my $r = $nginx->get($uri, token => $token{$who});
        is(status_of($r) . ' ' . header_of($r, 'X-Status'), "$status $word",
            "$who at $uri ($round)");
        return $r;
    };

    $case->('/any/', 'service', 200, 'ALLOWED');
    $case->('/any/', 'personal', 200, 'ALLOWED');
    $case->('/any/', 'noscope', 200, 'ALLOWED');
    $case->('/service/', 'service', 200, 'ALLOWED');
    $case->('/service/', 'personal', 403, 'TYPE');
    $case->('/personal/', 'service', 403, 'TYPE');
    $case->('/personal/', 'personal', 200, 'ALLOWED');
    $case->('/both/', 'service', 200, 'ALLOWED');
    $case->('/both/', 'personal', 200, 'ALLOWED');

    $case->('/any/', 'scim', 403, 'SCOPE');
    $case->('/scim/none/', 'scim', 403, 'SCOPE');
    $case->('/personal/', 'scim', 403, 'TYPE');
    $case->('/scim/', 'service', 200, 'ALLOWED');

    is(header_of($case->('/scim/', 'scim', 200, 'ALLOWED'), 'X-Scope'),
        'scim', 'the scope is shown');
    is(header_of($case->('/other/', 'scim', 403, 'SCOPE'),
            'WWW-Authenticate'),
        'Bearer realm="api", error="insufficient_scope", scope="admin"',
        'the challenge of SCOPE');
    is(header_of($case->('/other/', 'personal', 403, 'ROLE'), 'X-Scope'), '',
        'nothing is shown of a refused one');
}

finish;
