# Inside limit_except the check belongs to the other methods only.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user("$_\@service", role => $_) for qw(member admin);
my %token = map { $_ => $redis->token(user => "$_\@service") }
    qw(member admin);

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Status $service_token_status always;
        location /open {
            alias %%DIR%%/html;
            dav_methods DELETE;
            limit_except GET { service_token api; service_token_role admin; }
        }
        location /checked {
            alias %%DIR%%/html;
            dav_methods DELETE;
            service_token api;
            limit_except GET { service_token_role admin; }
        }
        location /off {
            alias %%DIR%%/html;
            dav_methods DELETE;
            service_token api;
            limit_except DELETE { service_token off; }
        }
    }
EOC

for my $round (1 .. 2) {
    my $case = sub {
        my ($method, $uri, $who, $status, $word) = @_;
        my $r = $nginx->get($uri, method => $method,
            $who ? (token => $token{$who}) : ());
        is(status_of($r) . ' ' . header_of($r, 'X-Status'), "$status $word",
            "$method $uri as " . ($who || 'nobody') . " ($round)");
    };

    $case->('GET', '/open/', '', 200, 'OFF');
    $case->('DELETE', '/open/x', '', 401, 'MISSING');
    $case->('DELETE', '/open/x', 'member', 403, 'ROLE');
    $case->('DELETE', '/open/x', 'admin', 404, 'ALLOWED');
    $case->('GET', '/checked/', '', 401, 'MISSING');
    $case->('GET', '/checked/', 'member', 200, 'ALLOWED');
    $case->('DELETE', '/checked/x', 'member', 403, 'ROLE');
    $case->('DELETE', '/checked/x', 'admin', 404, 'ALLOWED');
    $case->('GET', '/off/', '', 200, 'OFF');
    $case->('DELETE', '/off/x', '', 401, 'MISSING');
}

finish;
