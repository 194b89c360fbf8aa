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
        volatile;
        GET member;
        PUT manager;
        DELETE admin;
        default nonsense;
    }
    # what decides by the URI of now, also through another map
    map $uri $area { volatile; ~^/secret/ closed; default open; }
    map $area $by_uri { volatile; closed admin; default member; }
    server {
        listen 127.0.0.1:%%PORT_1%%;
        add_header X-Accel-Redirect /secret/;
        location / { return 200 ""; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Status $service_token_status always;
        service_token api;
        location /method { service_token_role $needed; alias %%DIR%%/html;
            dav_methods PUT DELETE; }
        location /pub/ { service_token_role $by_uri;
            proxy_pass http://127.0.0.1:%%PORT_1%%/?; }
        location /secret/ { service_token_role $by_uri; alias %%DIR%%/html/; }
        location /moved/ { service_token_role $by_uri; try_files /none /secret/; }
        location = /lost { service_token_role member; error_page 404 /secret/;
            return 404; }
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

# an internal redirect is judged by where it goes

for my $uri ('/pub/', '/moved/') {
    for my $round (1 .. 2) {
        my $r = $nginx->get($uri, token => $token{member});
        is(status_of($r), 403, "$uri to /secret/ as member ($round)");
        unlike($r, qr/index/, 'and nothing of it');
        is(status_of($nginx->get($uri, token => $token{admin})), 200,
            "$uri to /secret/ as admin ($round)");
    }
}

like(header_of($nginx->get('/method/', token => $token{member},
    method => 'PUT'), 'WWW-Authenticate'), qr/scope="manager"$/,
    'the challenge names the role of this request');

my @lines = grep { /is not a role/ } split /\n/, $nginx->log;
is(@lines, 4, 'an error line for each value that is not a role');
like($lines[0], qr/\[error\].*service_token_role "mem\$arg_half" .*"mem"/,
    'it names directive and value');

unlike($nginx->log, qr/keeps its first value/, 'no warning: all are volatile');

# nginx keeps the value of a variable unless it is volatile

for my $case (
    ['a map', 'map $uri $v { default member; }', '$v', 'v'],
    ['a map below its use', '', '$v', 'v', 'map $uri $v { default member; }'],
    ['a part', 'map $uri $v { default ber; }', 'mem$v', 'v'],
    ['the second of two', 'map $uri $w { volatile; default mem; }
        map $uri $v { default ber; }', '$w$v', 'v'],
    ['capitals', 'map $uri $Vari { default member; }', '$VARI', 'vari'],
    ['geo', 'geo $arg_x $v { default member; }', '$v', 'v'],
    ['volatile', 'map $uri $v { volatile; default member; }', '$v'],
    ['one value a request', '', '$http_x$remote_addr$request_uri$host'],
    ['not kept by nginx', '', '$arg_x$uri$request_method'],
    ['no variable', '', 'member'],
) {
    my ($name, $before, $role, $warned, $after) = @$case;
    my ($code, $out) = Stok::Nginx->conf_test($before . "\nserver {"
        . " service_token x;\nservice_token_role $role;\n location / { } }\n"
        . ($after // ''));
    is($code, 0, "$name: taken") or diag $out;
    is_deeply([$out =~ /\[warn\].*: "\$(\w+)" keeps its first value .* in \S+:\d+$/mg],
        [$warned // ()], "$name: " . ($warned ? 'warned once' : 'no warning'));
}

my $warning = (Stok::Nginx->conf_test("map \$uri \$v { default member; }\n"
    . "server { service_token x;\nservice_token_role \$v; }"))[1];
my ($line) = $warning =~ /keeps its first .*nginx\.conf:(\d+)/;
my ($start) = (Stok::Nginx->conf_test('service_token_roles;'))[1] =~ /nginx\.conf:(\d+)/;
is($line - $start, 2, 'with the line of the directive');

finish;
