# HTTP/2: many streams of one connection, good and bad, wait and are judged
# each by itself.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user('user@service', role => 'manager');
my $good = $redis->token(user => 'user@service', id => 'tok_good');
my $bad = $redis->token(user => 'user@service', status => 'revoked');

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    server {
        listen 127.0.0.1:%%PORT%% http2;
        add_header X-Id "$service_token_id" always;
        add_header X-Status $service_token_status always;
        service_token api;
        location / { }
        location /admin { service_token_role admin; alias %%DIR%%/html; }
        location /upload { proxy_pass http://127.0.0.1:%%PORT_UP%%;
            client_max_body_size 1m; }
    }
    server { listen 127.0.0.1:%%PORT_UP%%;
        location / { return 200 "$content_length"; } }
EOC

my $base = 'http://127.0.0.1:' . $nginx->port;

for my $round (1 .. 2) {
    my $r = $nginx->get2('/', token => $good);
    is(status_of($r) . header_of($r, 'x-id'), '200tok_good', "good ($round)");

    $r = $nginx->get2('/', token => $bad);
    is(status_of($r) . header_of($r, 'www-authenticate'),
        '401Bearer realm="api", error="invalid_token"', "bad ($round)");

    is(status_of($nginx->get2('/')), 401, "none ($round)");
    is(status_of($nginx->get2('/admin/', token => $good)), 403,
        "role ($round)");
}

# sixty streams of one connection at once

my @urls = map { "$base/index.html?$_" } 1 .. 60;

for my $case ([$good, 200], [$bad, 401], ['unknown', 401], ['a=b', 400]) {
    my ($token, $code) = @$case;
    my $out = `nghttp -ns -H 'Authorization: Bearer $token' @urls`;
    is(scalar(() = $out =~ m{^\s*\d+\s.*\s$code\s}mg), 60,
        "sixty streams: $code");
}

# a body that comes while the token is looked up

my $file = $nginx->file('upload.bin', 'x' x 100_000);
like(`curl -s --http2-prior-knowledge -H 'Authorization: Bearer $good' --data-binary \@$file $base/upload`,
    qr/^100000$/, 'a body is not lost');

finish;
