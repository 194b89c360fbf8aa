# service_token_role with variables: a role by method; a value that is none.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user("$_\@service", role => $_) for qw(member manager admin);
my %token = map { $_ => $redis->token(user => "$_\@service") }
    qw(member manager admin);

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    map $request_method $needed {
        GET member;
        PUT manager;
        DELETE admin;
        default nonsense;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Status $service_token_status always;
        service_token api;
        location /method { service_token_role $needed; alias %%DIR%%/html;
            dav_methods PUT DELETE; }
        location /half { service_token_role mem$arg_half; alias %%DIR%%/html; }
    }
EOC

for my $round (1 .. 2) {
    my $case = sub {
        my ($method, $uri, $who, $status, $word) = @_;
        my $r = $nginx->get($uri, token => $token{$who}, method => $method);
        like(status_of($r) . ' ' . header_of($r, 'X-Status'),
            qr/^$status $word$/, "$method $uri as $who ($round)");
    };

    $case->('GET', '/method/', 'member', 200, 'ALLOWED');
    $case->('PUT', '/method/', 'member', 403, 'ROLE');
    $case->('PUT', '/method/', 'manager', '(?!40[13])\d+', 'ALLOWED');
    $case->('DELETE', '/method/', 'manager', 403, 'ROLE');
    $case->('DELETE', '/method/x', 'admin', 404, 'ALLOWED');
    $case->('GET', '/half/?half=ber', 'member', 200, 'ALLOWED');
    $case->('GET', '/half/?half=', 'admin', 500, 'ROLE');
    $case->('POST', '/method/', 'admin', 500, 'ROLE');
}

like(header_of($nginx->get('/method/', token => $token{member},
    method => 'PUT'), 'WWW-Authenticate'), qr/scope="manager"$/,
    'the challenge names the role of this request');

my @lines = grep { /is no role/ } split /\n/, $nginx->log;
is(@lines, 4, 'an error line for each value that is no role');
like($lines[0], qr/\[error\].*service_token_role "mem\$arg_half" .*"mem"/,
    'it names directive and value');

finish;
