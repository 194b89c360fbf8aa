# WWW-Authenticate and Retry-After: whatever way a request takes through
# locations and neighbours, an answer has exactly those of its own refusal,
# and none if it was let in.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;
use Stok::Upstream;

my $redis = Stok::Redis->start;
$redis->user("$_\@service", role => $_) for qw(member admin);
my %token = map { $_ => $redis->token(user => "$_\@service") } qw(member admin);
$token{revoked} = $redis->token(user => 'admin@service', status => 'revoked');
my $upstream = Stok::Upstream->start;

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    auth_basic_user_file %%DIR%%/htpasswd;

    server {
        listen 127.0.0.1:%%PORT%%;
        service_token api;
        error_page 401 403 429 503 /err.json;
        location = /err.json { root %%DIR%%/html; }
        location / { }
        location /admin { service_token_role admin; alias %%DIR%%/html; }

        location /code { error_page 401 =418 /err.json; alias %%DIR%%/html; }
        location /code_off { error_page 401 =418 /err_off; alias %%DIR%%/html; }
        location /open { error_page 401 = /off/; alias %%DIR%%/html; }
        location /named { error_page 401 403 = @named; service_token_role admin;
            alias %%DIR%%/html; }
        location @named { service_token off; return 401 "named"; }
        location /lower { error_page 403 = /member; service_token_role admin;
            alias %%DIR%%/html; }
        location /lower_code { error_page 403 /member; service_token_role admin;
            alias %%DIR%%/html; }
        location /member { alias %%DIR%%/html/index.html; }
        location /then_app { error_page 403 = /app; service_token_role admin;
            alias %%DIR%%/html; }
        location /app { error_page 599 /x; proxy_pass http://127.0.0.1:%%PORT_APP%%/401; }
        location /app403 { error_page 599 /x; proxy_pass http://127.0.0.1:%%PORT_APP%%/403; }
        location /lower_app { error_page 403 = /app403; service_token_role admin;
            alias %%DIR%%/html; }
        location /caught { proxy_intercept_errors on;
            proxy_pass http://127.0.0.1:%%PORT_APP%%/401; }
        location /caught_admin { proxy_intercept_errors on; error_page 401 /admin/;
            proxy_pass http://127.0.0.1:%%PORT_APP%%/401; }
        location /off { service_token off; alias %%DIR%%/html; }
        location /x_off { service_token off; error_page 404 =200 /admin/;
            return 404; }
        location /stepped { recursive_error_pages on; error_page 401 /admin_stepped;
            proxy_intercept_errors on;
            proxy_pass http://127.0.0.1:%%PORT_APP%%/401; }
        location /admin_stepped { recursive_error_pages on;
            error_page 403 /err_off; service_token_role admin;
            alias %%DIR%%/html; }
        location /err_off { service_token off; alias %%DIR%%/html/err.json; }
    }

    server {
        listen 127.0.0.1:%%PORT_REC%%;
        service_token api;
        recursive_error_pages on;
        error_page 401 403 /err.json;
        location / { }
        location /admin { service_token_role admin; alias %%DIR%%/html; }
        location = /err.json { root %%DIR%%/html; }
    }

    server {
        listen 127.0.0.1:%%PORT_ANY%%;
        service_token api;
        satisfy any;
        auth_basic users;
        error_page 401 403 /err.json;
        location / { }
        location = /err.json { root %%DIR%%/html; }
        location /app { error_page 599 /x; proxy_pass http://127.0.0.1:%%PORT_APP%%/401; }
        location /asked { auth_request /yes; alias %%DIR%%/html; }
        location /asked_app { auth_request /yes;  error_page 599 /x;
            proxy_pass http://127.0.0.1:%%PORT_APP%%/401; }
        location = /yes { internal; return 200; }
        location /all { satisfy all; alias %%DIR%%/html; }
        location /err_open { error_page 401 /err_allow; alias %%DIR%%/html; }
        location /err_allow { allow all; alias %%DIR%%/html/err.json; }
        location /err_open_eq { error_page 401 = /err_allow; alias %%DIR%%/html; }
    }

    server {
        listen 127.0.0.1:%%PORT_ASK%%;
        service_token api;
        error_page 401 403 /err.json;
        location = /err.json { root %%DIR%%/html; }
        location / { auth_request /ask; root %%DIR%%/html; }
        location = /ask { internal; proxy_pass http://127.0.0.1:%%PORT_APP%%/401; }
    }

    server {
        listen 127.0.0.1:%%PORT_APP%%;
        location /401 { add_header WWW-Authenticate 'App x="1"' always; return 401; }
        location /403 { return 403 "app"; }
    }

    server {
        listen 127.0.0.1:%%PORT_H2%% http2;
        service_token api;
        error_page 401 /err.json;
        location / { }
        location = /err.json { root %%DIR%%/html; }
    }
EOC

$nginx->file('htpasswd', "eva:{PLAIN}secret\n");
$nginx->file('html/err.json', '{}');

my $api = 'Bearer realm="api"';
my $bad = "$api, error=\"invalid_token\"";
my $admin = "$api, error=\"insufficient_scope\", scope=\"admin\"";
my $users = 'Basic realm="users"';
my $app = 'App x="1"';
my $eva = 'Authorization: Basic ZXZhOnNlY3JldA==';

for my $case (
    # an error page that inherits the check
    ['', '/', '', 401, $api],
    ['', '/', 'revoked', 401, $bad],
    ['', '/admin/', 'member', 403, $admin],
    ['', '/admin/', 'admin', 200],
    ['REC', '/', '', 500],                       # of nginx: a cycle
    ['REC', '/', 'revoked', 500],
    ['REC', '/admin/', 'member', 403, $admin],
    ['REC', '/', 'member', 200],
    ['H2', '/', '', 401, $api],

    # an error page with another status, or in a location of its own
    ['', '/code/', '', 401, $api],
    ['', '/code_off/', '', 418],
    ['', '/open/', '', 200],
    ['', '/named/', '', 401, $api],
    ['', '/named/', 'member', 401],

    # refused, then let in
    ['', '/lower/', 'member', 200],
    ['', '/lower_code/', 'member', 403, $admin],
    ['', '/lower_app', 'member', 403],
    ['', '/then_app', 'member', 401, $app],
    ['', '/x_off', 'admin', 200],

    # what the application says is its own
    ['', '/app', 'member', 401, $app],
    ['', '/caught', 'member', 401, $app],
    ['', '/caught', 'revoked', 401, $bad],
    ['', '/caught_admin', 'member', 403, $admin],
    ['', '/caught_admin', 'admin', 401, $app],
    ['', '/stepped', 'member', 403, $admin],

    # either way is a way in
    ['ANY', '/', '', 401, $users, $api],
    ['ANY', '/', 'revoked', 401, $users, $bad],
    ['ANY', '/', 'member', 200],
    ['ANY', '/', 'eva', 200],
    ['ANY', '/app', 'member', 401, $app],
    ['ANY', '/app', 'eva', 401, $app],
    ['ANY', '/asked/', '', 200],
    ['ANY', '/asked_app', '', 401, $app],
    ['ANY', '/all/', 'eva', 401, $api],
    ['ANY', '/all/', 'member', 401, $users],
    ['ANY', '/err_open/', '', 401, $users, $api],
    ['ANY', '/err_open_eq/', '', 200],

    # auth_request refuses, we do not
    ['ASK', '/', 'member', 401, $app],
    ['ASK', '/', 'revoked', 401, $bad],
) {
    my ($server, $uri, $who, $status, @challenges) = @$case;
    my $port = $nginx->port($server ? "PORT_$server" : 'PORT');
    my $get = $server eq 'H2' ? 'get2' : 'get';

    for my $round (1 .. 2) {
        my $r = $nginx->$get($uri, port => $port, $who eq 'eva'
            ? (headers => [$eva]) : $who ? (token => $token{$who}) : ());
        is_deeply([status_of($r), sort(headers($r, 'WWW-Authenticate'))],
            [$status, sort @challenges], "$server$uri, $who ($round)");
    }
}

# Retry-After, too, stands there once

$redis->down;
wait_for('the lease is out', sub {
    status_of($nginx->get('/', token => $token{member})) == 503 });
my $r = $nginx->get('/', token => $token{member});
is_deeply([headers($r, 'Retry-After')], [1], 'Retry-After, once');
is_deeply([headers($r, 'WWW-Authenticate')], [], 'and no challenge');

finish;


sub headers {
    my ($r, $name) = @_;
    my ($head) = $r =~ /^(.*?)\r\n\r\n/s;
    return $head =~ /^\Q$name\E: *(.*?)\r?$/mig;
}
