# Where a token may stand: each place, each way to write it wrong, and which of
# two is judged.

use strict;
use warnings;
use lib 't/lib';
use MIME::Base64 qw(encode_base64);
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user('bot@service');
my $good = $redis->token(user => 'bot@service');
my $odd = $redis->token(user => 'bot@service', clear => 'foreign/+~.-==');
my $bad = $redis->token(user => 'bot@service', status => 'revoked');

# a debug log has the request line, and so the query

my $nginx = Stok::Nginx->start(redis => $redis, plain => 1, http => <<'EOC');
    service_token_redis %%REDIS%%;
    log_format st "$request_method $uri $status $service_token_source";
    map $request_uri $passed {
        "~^([^?]*\?(?:.*&)?)tok=[^&]*(.*)$" $1$2;
        default $request_uri;
    }
    server { listen 127.0.0.1:%%PORT_UP%%;
        location / { return 200
            "$http_authorization|$http_x_api_key|$http_cookie|$request_uri"; } }
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        access_log %%DIR%%/access.log st;
        add_header X-Status $service_token_status always;
        add_header X-Source "<$service_token_source>" always;
        service_token api;

        location /bearer { alias %%DIR%%/html; }
        location /basic { service_token_source basic; alias %%DIR%%/html; }
        location /both { service_token_source bearer basic;
            alias %%DIR%%/html;
            location /both/bearer { service_token_source bearer;
                alias %%DIR%%/html; } }
        location /header { service_token_source header=X-Api-Key;
            alias %%DIR%%/html; }
        location /scheme { service_token_source header=Authorization:token;
            alias %%DIR%%/html; }
        location /cookie { service_token_source cookie=tok;
            alias %%DIR%%/html; }
        location /query { service_token_source query=tok; alias %%DIR%%/html; }
        location /socket { service_token_source subprotocol;
            alias %%DIR%%/html; }
        location /all { service_token_source bearer basic header=X-Api-Key
                cookie=tok query=tok subprotocol;
            alias %%DIR%%/html; }
        location /optional { service_token_source header=X-Api-Key;
            service_token_optional on; alias %%DIR%%/html; }
        location /except { alias %%DIR%%/html;
            limit_except GET { service_token_source header=X-Api-Key; } }
        location /passed { service_token_source bearer basic header=X-Api-Key
                cookie=tok query=tok;
            proxy_set_header Authorization "";
            proxy_set_header X-Api-Key "";
            proxy_set_header Cookie "";
            proxy_pass http://127.0.0.1:%%PORT_UP%%$passed; }
    }
EOC

sub basic { 'Authorization: Basic ' . encode_base64($_[0], '') }
sub encoded { my $t = shift; $t =~ s/(.)/sprintf '%%%02x', ord $1/ger }

my $key = 'X-Api-Key';
my $list = 'Sec-WebSocket-Protocol';

# uri, headers, answer, source
my @table = (
    ['/bearer/', ["Authorization: Bearer $good"], '200 ALLOWED', 'bearer'],
    ['/bearer/', ["$key: $good", "Cookie: tok=$good"], '401 MISSING', ''],
    ["/bearer/?tok=$good", [], '401 MISSING', ''],

    # curl -u user:TOKEN, git and pip with a token for a user

    ['/basic/', [basic("user:$good")], '200 ALLOWED', 'basic'],
    ['/basic/', [basic("$good:")], '200 ALLOWED', 'basic'],
    ['/basic/', [basic(":$good")], '200 ALLOWED', 'basic'],
    ['/basic/', [basic("user:$odd")], '200 ALLOWED', 'basic'],
    ['/basic/', [basic("$good:other")], '401 UNKNOWN', 'basic'],
    ['/basic/', [basic("$good:$bad")], '401 REVOKED', 'basic'],
    ['/basic/', [basic("user:a:$good")], '400 MALFORMED', 'basic'],
    ['/basic/', [basic("user:$good\n")], '400 MALFORMED', 'basic'],
    ['/basic/', [basic("user:$good\0")], '400 MALFORMED', 'basic'],
    ['/basic/', [basic($good)], '400 MALFORMED', 'basic'],
    ['/basic/', [basic(':')], '400 MALFORMED', 'basic'],
    ['/basic/', ['Authorization: Basic'], '400 MALFORMED', 'basic'],
    ['/basic/', ['Authorization: Basic @@@@'], '400 MALFORMED', 'basic'],
    ['/basic/', [basic('x:' . 'a' x 513)], '400 MALFORMED', 'basic'],
    ['/basic/', ["Authorization: Bearer $good"], '401 MISSING', ''],
    ['/both/', ["Authorization: Bearer $good"], '200 ALLOWED', 'bearer'],
    ['/both/', [basic("user:$good")], '200 ALLOWED', 'basic'],
    ['/both/bearer/', [basic("user:$good")], '401 MISSING', ''],

    ['/header/', ["$key: $good"], '200 ALLOWED', "header=$key"],
    ['/header/', ["x-api-key: $good"], '200 ALLOWED', "header=$key"],
    ['/header/', ["$key: \t$good \t"], '200 ALLOWED', "header=$key"],
    ['/header/', ["$key: $good x"], '400 MALFORMED', "header=$key"],
    ['/header/', ["$key: \"$good\""], '400 MALFORMED', "header=$key"],
    ['/header/', ["$key:"], '400 MALFORMED', "header=$key"],
    ['/header/', ["$key: $good", "$key: $good"], '400 MALFORMED',
        "header=$key"],
    ['/header/', ["X-Api-Keys: $good", "X-Api-Ke: $good"], '401 MISSING', ''],
    ['/header/', ["Authorization: Bearer $good"], '401 MISSING', ''],

    ['/scheme/', ["Authorization: token $good"], '200 ALLOWED',
        'header=Authorization:token'],
    ['/scheme/', ["Authorization: TOKEN\t$good\t"], '200 ALLOWED',
        'header=Authorization:token'],
    ['/scheme/', ['Authorization: token'], '400 MALFORMED',
        'header=Authorization:token'],
    ['/scheme/', ["Authorization: tokens $good"], '401 MISSING', ''],

    ['/cookie/', ["Cookie: a=b; tok=$good; c=d"], '200 ALLOWED', 'cookie=tok'],
    ['/cookie/', ["Cookie: tok=\"$good\""], '200 ALLOWED', 'cookie=tok'],
    ['/cookie/', ["Cookie: tok=$good; tok=$bad"], '400 MALFORMED',
        'cookie=tok'],
    ['/cookie/', ["Cookie: tok=$good", "Cookie: tok=$bad"], '400 MALFORMED',
        'cookie=tok'],
    ['/cookie/', ["Cookie: a=b", "Cookie: tok=$good"], '200 ALLOWED',
        'cookie=tok'],
    ['/cookie/', ["Cookie: tok="], '400 MALFORMED', 'cookie=tok'],
    ['/cookie/', ["Cookie: tok=\"$good"], '400 MALFORMED', 'cookie=tok'],
    ['/cookie/', ["Cookie: TOK=$good; xtok=$good"], '401 MISSING', ''],

    ["/query/?tok=$good", [], '200 ALLOWED', 'query=tok'],
    ["/query/?a=b&tok=$good&c", [], '200 ALLOWED', 'query=tok'],
    ['/query/?tok=' . encoded($good), [], '200 ALLOWED', 'query=tok'],
    ['/query/?tok=' . encoded($odd), [], '200 ALLOWED', 'query=tok'],
    ["/query/?tok=$good%0a", [], '400 MALFORMED', 'query=tok'],
    ["/query/?tok=$good%00", [], '400 MALFORMED', 'query=tok'],
    ["/query/?tok=$good%4", [], '400 MALFORMED', 'query=tok'],
    ["/query/?tok=%zz", [], '400 MALFORMED', 'query=tok'],
    ["/query/?tok=", [], '400 MALFORMED', 'query=tok'],
    ["/query/?tok=$good&tok=$good", [], '400 MALFORMED', 'query=tok'],
    ["/query/?t%6fk=$good&TOK=$good", [], '401 MISSING', ''],
    ["/query/?tok=$bad", [], '401 REVOKED', 'query=tok'],

    ['/socket/', ["$list: bearer, $good"], '200 ALLOWED', 'subprotocol'],
    ['/socket/', ["$list: chat, bearer.$good"], '200 ALLOWED', 'subprotocol'],
    ['/socket/', ["$list: bearer"], '400 MALFORMED', 'subprotocol'],
    ['/socket/', ["$list: chat, $good"], '401 MISSING', ''],

    # the first that is there is judged, though another one is good

    ["/all/?tok=$good", ["Authorization: Bearer $bad", "$key: $good"],
        '401 REVOKED', 'bearer'],
    ["/all/?tok=$good", [basic("x:$bad")], '401 REVOKED', 'basic'],
    ["/all/?tok=$good", ["Cookie: tok=$good", "$key: $bad"], '401 REVOKED',
        "header=$key"],
    ["/all/?tok=$bad", ["Cookie: tok=$good"], '200 ALLOWED', 'cookie=tok'],
    ["/all/?tok=$good", ['Authorization: Digest x'], '200 ALLOWED',
        'query=tok'],
    ["/all/?tok=$good", ["$key:"], '400 MALFORMED', "header=$key"],

    ['/optional/', [], '200 MISSING', ''],
    ['/optional/', ["$key:"], '400 MALFORMED', "header=$key"],
);

for my $round (1 .. 2) {
    for (@table) {
        my ($uri, $headers, $expected, $source) = @$_;
        my $r = $nginx->get($uri, headers => $headers);
        my $name = join ' ', $uri, map { /(.{0,30})/ } @$headers;
        $name =~ s/stk_\w+/TOKEN/g;

        is(status_of($r) . ' ' . header_of($r, 'X-Status') . ' '
            . header_of($r, 'X-Source'), "$expected <$source>",
            "$name ($round)");
    }
}

# challenges: those that a client can answer, and only with a 401

my $challenges = sub {
    my ($uri, @headers) = @_;
    join ' | ', $nginx->get($uri, headers => \@headers)
        =~ /^WWW-Authenticate: ([^\r]*)/mg;
};

is($challenges->('/both/'), 'Bearer realm="api" | Basic realm="api"', 'both');
is($challenges->('/basic/'), 'Basic realm="api"', 'one');
is($challenges->('/header/'), 'Bearer realm="api"', 'there is always one');
is($challenges->('/both/', basic("x:$bad")),
    'Bearer realm="api", error="invalid_token" | Basic realm="api"',
    'a bad one');
is($challenges->('/both/', basic("x:$bad")),
    $challenges->('/both/', basic("x:unknown")), 'the very same bytes');
is($challenges->('/basic/', basic('x')), '', 'malformed');

unlike($nginx->read('access.log'), qr/\Q$good/, 'no token in such a log');

# the upstream server sees no token, by the lines of docs/directives.md

for my $case ([basic("x:$good")], ["$key: $good"], ["Cookie: tok=$good"],
              ["Authorization: Bearer $good"])
{
    is(body_of($nginx->get('/passed?a=b', headers => $case)), '|||/passed?a=b',
        'not passed on');
}

is(body_of($nginx->get("/passed?a=b&tok=$good&c=d")), '|||/passed?a=b&&c=d',
    'not passed on in a query');

# limit_except

is(status_of($nginx->get('/except/', method => 'DELETE',
    headers => ["$key: $good"])), 405, 'limit_except');
is(status_of($nginx->get('/except/', method => 'DELETE', token => $good)), 401,
    'and nowhere else');

# what is written wrong

for my $case (['bearer bearer', 'it is listed twice'],
              ['header=X-A header=x-a', 'it is listed twice'],
              ['header=a:', 'a scheme is a word'],
              ['header=Cookie', 'a cookie is named by'],
              ['cookie=a,b', 'a cookie has a name'],
              ['query=a%62', 'an argument has a name'],
              ['query=a+b', 'an argument has a name'],
              ['bogus', 'it is "bearer"'])
{
    my (undef, $said) = Stok::Nginx->conf_test(
        "server { service_token_source $case->[0]; }");
    like($said, qr/emerg.*(?:$case->[1])/, $case->[0]);
}

finish;
