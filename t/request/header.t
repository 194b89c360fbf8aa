# The Authorization header reaches us or does not; the upstream sees it
# unless it is hidden; nothing is logged of it by us.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user('user@service');
my $token = $redis->token(user => 'user@service');

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    underscores_in_headers on;
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        service_token api;
        location / { }
        location /forward { proxy_pass http://127.0.0.1:%%PORT_UP%%/; }
        location /hide { proxy_pass http://127.0.0.1:%%PORT_UP%%/;
            proxy_set_header Authorization ""; }
        location /upload { client_max_body_size 1m; proxy_pass
            http://127.0.0.1:%%PORT_UP%%/; }
    }
    server {
        listen 127.0.0.1:%%PORT_UP%%;
        location / { return 200 "auth=$http_authorization"; }
    }
EOC

for my $round (1 .. 2) {
    for my $name ('Authorization', 'authorization', 'AUTHORIZATION') {
        is(status_of($nginx->get('/', headers => ["$name: Bearer $token"])),
            200, "$name ($round)");
    }

    for my $name ('X-Authorization', 'Authorization_', 'Proxy-Authorization')
    {
        is(status_of($nginx->get('/', headers => ["$name: Bearer $token"])),
            401, "$name is another header ($round)");
    }

    is(status_of($nginx->get('/', headers => ["Authorization:Bearer $token"])),
        200, "no space after the colon ($round)");
    is(status_of($nginx->get('/', headers => ["Authorization:  Bearer $token "])),
        200, "blanks around the value ($round)");
    is(status_of($nginx->get('/', headers => ['Authorization:'])), 401,
        "an empty value ($round)");

    is(body_of($nginx->get('/forward', token => $token)),
        "auth=Bearer $token", "a proxy leaves it alone ($round)");
    is(body_of($nginx->get('/hide', token => $token)), 'auth=',
        "unless it is hidden ($round)");
}

# a request body is not lost while the token is looked up

my $body = 'x' x 200_000;
my $r = $nginx->raw("POST /upload HTTP/1.1\r\nHost: localhost\r\n"
    . "Connection: close\r\nAuthorization: Bearer $token\r\n"
    . "Content-Length: " . length($body) . "\r\n\r\n$body");
is(status_of($r), 200, 'with a body');

# keep-alive: each request of a connection is judged by itself

my $one = "GET / HTTP/1.1\r\nHost: localhost\r\n";
my $two = $nginx->raw("${one}Authorization: Bearer $token\r\n\r\n"
    . "${one}\r\n${one}Connection: close\r\nAuthorization: Bearer $token\r\n\r\n");
is(join(' ', $two =~ m{HTTP/1.1 (\d+)}g), '200 401 200', 'pipelined');

my $line = $nginx->get('/', headers => ['Authorization: Bearer ' . 'a' x 9000]);
is(status_of($line), 400, 'beyond the header buffer');

# core's line of a variable that this configuration uses

$nginx->{headers_logged} = qr/http script var: /;

finish;
