# RFC 6750 and 9110 as a table, over HTTP/1.1 and HTTP/2, each case twice.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
my $user = $redis->user('user@service', role => 'manager');
my $good = $redis->token(user => $user);
my $foreign = $redis->token(user => $user,
    clear => 'A-z.0_9~+/foreign/token/of/some/other/maker==');
my $longest = $redis->token(user => $user, clear => 'x' x 512);
my $revoked = $redis->token(user => $user, status => 'revoked');
my $checksum = $good =~ s/(.)$/$1 eq '0' ? '1' : '0'/er;
my $unknown = do { my $t = 'stk_svc_' . Stok::Redis::random(32);
    $t . Stok::Redis::checksum($t) };

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        add_header X-Status $service_token_status always;
        service_token "the \"api\" \\ here";
        location / { }
        location /admin { service_token_role admin; alias %%DIR%%/html; }
    }
EOC

my $realm = 'Bearer realm="the \"api\" \\\\ here"';
my $invalid = "$realm, error=\"invalid_token\"";
my $request = "$realm, error=\"invalid_request\"";

# name, value of Authorization, status, word, challenge
my @table = (
    ['no credentials', undef, 401, 'MISSING', $realm],
    ['another scheme', 'Basic dXNlcjpwYXNz', 401, 'MISSING', $realm],
    ['a longer scheme', "Bearerx $good", 401, 'MISSING', $realm],
    ['a shorter scheme', "Beare $good", 401, 'MISSING', $realm],
    ['bearer', "Bearer $good", 200, 'ALLOWED', ''],
    ['lower case', "bearer $good", 200, 'ALLOWED', ''],
    ['upper case', "BEARER $good", 200, 'ALLOWED', ''],
    ['many spaces', "Bearer      $good", 200, 'ALLOWED', ''],
    ['foreign token', "Bearer $foreign", 200, 'ALLOWED', ''],
    ['512 bytes', "Bearer $longest", 200, 'ALLOWED', ''],
    ['513 bytes', "Bearer x$longest", 400, 'MALFORMED', $request],
    ['scheme alone', 'Bearer', 400, 'MALFORMED', $request],
    ['a tab', "Bearer\t$good", 400, 'MALFORMED', $request],
    ['space and tab', "Bearer \t$good", 400, 'MALFORMED', $request],
    ['a comma', "Bearer $good,x", 400, 'MALFORMED', $request],
    ['comma at the scheme', "Bearer, $good", 400, 'MALFORMED', $request],
    ['two words', "Bearer $good $good", 400, 'MALFORMED', $request],
    ['inner =', "Bearer a=b", 400, 'MALFORMED', $request],
    ['only =', "Bearer ==", 400, 'MALFORMED', $request],
    ['quoted', "Bearer \"$good\"", 400, 'MALFORMED', $request],
    ['8-bit', "Bearer $good\xe9", 400, 'MALFORMED', $request],
    ['wrong checksum', "Bearer $checksum", 401, 'UNKNOWN', $invalid],
    ['unknown', "Bearer $unknown", 401, 'UNKNOWN', $invalid],
    ['revoked', "Bearer $revoked", 401, 'REVOKED', $invalid],
);

for my $round (1 .. 2) {
    for my $http ('get', 'get2') {
        my $port = $nginx->port($http eq 'get' ? 'PORT' : 'PORT_H2');

        for my $case (@table) {
            my ($name, $value, $status, $word, $challenge) = @$case;

            my $r = $nginx->$http('/', port => $port,
                headers => [defined $value ? "Authorization: $value" : ()]);

            is(join(' ; ', status_of($r), scalar header_of($r, 'X-Status'),
                    scalar header_of($r, 'WWW-Authenticate')),
                "$status ; $word ; $challenge", "$name ($http $round)");
        }

        my $r = $nginx->$http('/admin', port => $port, token => $good);

        is(join(' ; ', status_of($r), scalar header_of($r, 'WWW-Authenticate')),
            "403 ; $realm, error=\"insufficient_scope\", scope=\"admin\"",
            "insufficient scope ($http $round)");
    }
}

# section 2.3: a token in the query is nothing to us; core logs the URI

$nginx->{headers_logged}
    = qr/access_token=|client sent duplicate header line/;

is(status_of($nginx->get("/?access_token=$good")), 401, 'token in the query');

# a presented token that is bad: the same bytes, whatever was bad

$redis->user('off@service', status => 'disabled');

my %bad = (revoked => $revoked, checksum => $checksum,
    expired  => $redis->token(user => $user, expires_at => time - 1),
    disabled => $redis->token(user => 'off@service'),
    orphaned => $redis->token(user => 'gone@service'));

for my $http ('get', 'get2') {
    my $get = sub { plain($nginx->$http(@_,
        port => $nginx->port($http eq 'get' ? 'PORT' : 'PORT_H2'))) };

    for my $name (sort keys %bad) {
        is($get->('/', token => $bad{$name}), $get->('/', token => $unknown),
            "unknown and $name: the same bytes ($http)") for 1 .. 2;
    }
}

# core answers two Authorization headers, and logs both: see SECURITY.md

is(status_of($nginx->get('/', token => $good,
    headers => ["Authorization: Bearer $good"])), 400, 'two headers');

# nor is it one if Redis holds its digest, however often it comes

my $spaced = 'two words';
$redis->token(user => $user, clear => $spaced);
is(status_of($nginx->get('/', token => $spaced)), 400, "malformed in Redis, $_")
    for 1 .. 5;

# no Redis call for what cannot be a token

my $before = $redis->calls('hgetall');
$nginx->get('/', headers => ["Authorization: $_"])
    for 'Bearer a=b', 'Basic x', "Bearer $checksum";
is($redis->calls('hgetall'), $before, 'bad grammar and checksum: no look-up');

finish;


sub plain {
    my $response = shift;
    $response =~ s/^(?:Date|X-Status): .*?\r\n//mgi;
    return $response;
}
