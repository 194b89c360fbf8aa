# Variables: what they show, and that an identity is shown only here.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
my $expires = time + 5000;

$redis->user('bot@service', role => 'manager');
$redis->user('eva@example.org', role => 'admin', kind => 'human');

my %token = (
    bot   => $redis->token(user => 'bot@service', id => 'tok_bot',
        name => "n\xc3\xa4me with \"blanks\"", expires_at => $expires),
    eva   => $redis->token(user => 'eva@example.org', id => 'tok_eva',
        name => 'laptop', type => 'personal'),
    scim  => $redis->token(user => 'bot@service', id => 'tok_scim',
        scope => 'scim', name => 'sync'),
    off   => $redis->token(user => 'bot@service', id => 'tok_off',
        status => 'revoked'),
    nobody => $redis->token(user => 'gone@service', id => 'tok_nobody'),
    unknown => 'an-unknown-token-of-another',
);

my $all = join '|', map { "\$service_token_$_" }
    qw(user id name role type scope expires status presented presented_user);

my $nginx = Stok::Nginx->start(redis => $redis, http => <<"EOC");
    service_token_redis %%REDIS%%;
service_token_cache_valid 0;
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-All "$all" always;
        add_header X-Cache "\$service_token_cache" always;
        location /on { service_token api; alias %%DIR%%/html; }
        location /scim { service_token api; service_token_scope scim;
            alias %%DIR%%/html; }
        location /early { set \$early "\$service_token_status";
            service_token api; alias %%DIR%%/html;
            add_header X-All "\$early \$service_token_status"; }
        location /off { alias %%DIR%%/html; }
        location /admin { service_token api; service_token_role admin;
            alias %%DIR%%/html; }
        location /proxy { service_token api;
            proxy_pass http://127.0.0.1:%%PORT_UP%%/;
            proxy_set_header X-User \$service_token_user;
            proxy_set_header X-Scope \$service_token_scope;
            proxy_set_header Authorization ""; }
    }
    server {
        listen 127.0.0.1:%%PORT_UP%%;
        location / { return 200
            "user=\$http_x_user scope=\$http_x_scope auth=\$http_authorization"; }
    }
EOC

for my $round (1 .. 2) {
    my $case = sub {
        my ($uri, $who, $all) = @_;
        my $r = $nginx->get($uri, $who ? (token => $token{$who}) : ());
        is(header_of($r, 'X-All'), $all, "$who at $uri ($round)");
        return $r;
    };

    $case->('/on/', 'bot', 'bot@service|tok_bot|'
        . "n\xc3\xa4me with \"blanks\"|manager|service||$expires|ALLOWED|tok_bot|bot\@service");
    $case->('/on/', 'eva',
        'eva@example.org|tok_eva|laptop|admin|personal|||ALLOWED|tok_eva|eva@example.org');
    $case->('/scim/', 'scim',
        'bot@service|tok_scim|sync|manager|service|scim||ALLOWED|tok_scim|bot@service');
    $case->('/on/', 'off', '|||||||REVOKED|tok_off|bot@service');
    $case->('/on/', 'scim', '|||||||SCOPE|tok_scim|bot@service');
    $case->('/admin/', 'bot', '|||||||ROLE|tok_bot|bot@service');
    $case->('/on/', 'unknown', '|||||||UNKNOWN||');
    $case->('/on/', 'nobody', '|||||||ORPHANED|tok_nobody|gone@service');
    $case->('/on/', '', '|||||||MISSING||');
    $case->('/off/', 'bot', '|||||||OFF||');
    $case->('/early/', 'bot', 'OFF ALLOWED');

    is(header_of($nginx->get('/on/', token => $token{bot}), 'X-Cache'),
        'BYPASS', "without a cache ($round)");
    is(header_of($nginx->get('/on/'), 'X-Cache'), '', "no look-up ($round)");

    is(body_of($nginx->get('/proxy/', token => $token{bot},
            headers => ['X-User: root', 'X-Scope: all'])),
        'user=bot@service scope= auth=',
        "the upstream sees our headers, not the client's ($round)");
}

finish;
