# Optional checks, a realm with variables, and environments: whatever is not
# "off" checks, and what is optional grants nothing.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user('bot@service');

my %token = (
    good    => $redis->token(user => 'bot@service', env => 'production'),
    staging => $redis->token(user => 'bot@service', env => 'staging'),
    none    => $redis->token(user => 'bot@service', env => undef),
    revoked => $redis->token(user => 'bot@service', env => 'production',
        status => 'revoked'),
    broken  => 'no(token',
);

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    map $request_method $preflight { OPTIONS off; default api; }
    map $arg_realm $named { volatile; '' ''; default $arg_realm; }
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Status $service_token_status always;
        add_header X-User "<$service_token_user>" always;
        add_header X-Env "<$service_token_env>" always;

        location /optional { service_token api; service_token_optional on;
            alias %%DIR%%/html;
            location /optional/not { service_token_optional off;
                alias %%DIR%%/html; } }
        location /any_deny { service_token api; service_token_optional on;
            satisfy any; deny all; alias %%DIR%%/html; }
        location /any_allow { service_token api; service_token_optional on;
            satisfy any; allow all; alias %%DIR%%/html; }
        location /all_deny { service_token api; service_token_optional on;
            deny all; alias %%DIR%%/html; }

        location /preflight { service_token $preflight; alias %%DIR%%/html; }
        location /named { service_token $named; alias %%DIR%%/html;
            location /named/off { service_token off; alias %%DIR%%/html; } }
        location /uri { service_token $uri; alias %%DIR%%/html; }

        location /except { alias %%DIR%%/html;
            limit_except GET { service_token write;
                service_token_env production; } }

        location /production { service_token api;
            service_token_env production; alias %%DIR%%/html;
            location /production/both { service_token_env staging production;
                alias %%DIR%%/html; }
            location /production/any { service_token_env any;
                alias %%DIR%%/html; } }
    }
EOC

for my $round (1 .. 2) {
    my $case = sub {
        my ($uri, $who, $expected, $user) = @_;
        my $r = $nginx->get($uri, $who ? (token => $token{$who}) : ());
        is(join(' ', status_of($r), header_of($r, 'X-Status')), $expected,
            ($who // 'nobody') . " at $uri ($round)");
        is(header_of($r, 'X-User'), $user ? "<$user>" : '<>', 'who it is');
        return $r;
    };

    my $bot = 'bot@service';

    # nothing presented goes on; what is presented is judged

    $case->('/optional/', undef, '200 MISSING');
    $case->('/optional/', 'good', '200 ALLOWED', $bot);
    $case->('/optional/', 'revoked', '401 REVOKED');
    $case->('/optional/', 'broken', '400 MALFORMED');
    $case->('/optional/not/', undef, '401 MISSING');

    # it grants nothing

    $case->('/any_deny/', undef, '403 MISSING');
    $case->('/any_deny/', 'good', '200 ALLOWED', $bot);
    $case->('/any_allow/', undef, '200 OFF');
    $case->('/all_deny/', 'good', '403 OFF');

    # environments

    $case->('/production/', 'good', '200 ALLOWED', $bot);
    $case->('/production/', 'staging', '403 ENV');
    $case->('/production/', 'none', '403 ENV');
    $case->('/production/', 'revoked', '401 REVOKED');
    $case->('/production/both/', 'staging', '200 ALLOWED', $bot);
    $case->('/production/both/', 'none', '403 ENV');
    $case->('/production/any/', 'none', '200 ALLOWED', $bot);
    is(header_of($case->('/production/any/', 'staging', '200 ALLOWED', $bot),
        'X-Env'), '<staging>', 'the environment');

    # only "off" switches off

    $case->('/named/?realm=off', undef, '200 OFF');
    $case->('/named/off/?realm=api', undef, '200 OFF');
    like(header_of($case->("/named/?realm=$_", undef, '401 MISSING'),
        'WWW-Authenticate'), qr/^Bearer realm="$_"$/, "realm '$_'")
        for '', 'OFF', 'offf', 'on', 'x';
    $case->('/named/?realm=off', 'revoked', '200 OFF');

    # what a client writes stays inside the quotes, on one line

    my $r = $nginx->get('/uri/%0d%0aX-Evil:%201%22%5C');
    is(header_of($r, 'WWW-Authenticate'),
        'Bearer realm="/uri/X-Evil: 1\"\\\\"', 'quoted');
    unlike($r, qr/^X-Evil/m, 'no line of its own');
}

# CORS: a preflight has no token

my $raw = sub { $nginx->raw("$_[0] /preflight/ HTTP/1.1\r\nHost: x\r\n"
    . "Connection: close\r\n" . ($_[1] // '') . "\r\n") };

is(status_of($raw->('OPTIONS')), 405, 'the preflight goes on');
is(status_of($raw->('GET')), 401, 'and the request is judged');

# limit_except: writing needs a token, of that environment

my $post = sub { status_of($nginx->raw("DELETE /except/x HTTP/1.1\r\n"
    . "Host: x\r\nConnection: close\r\n"
    . ($_[0] ? "Authorization: Bearer $_[0]\r\n" : '') . "\r\n")) };

is(status_of($nginx->get('/except/')), 200, 'reading needs none');
is($post->(), 401, 'writing needs one');
is($post->($token{staging}), 403, 'of that environment');
is($post->($token{good}), 405, 'and then nginx goes on');

# what is written wrong

for my $bad (['service_token_env production production', 'duplicate env'],
             ['service_token_env any production', 'invalid environment "any"'],
             ['service_token_env "a b"', 'invalid environment'],
             ['service_token_env a; service_token_env b', 'is duplicate'],
             ['service_token_optional maybe', 'invalid value'],
             ['service_token $nonesuch', 'unknown "nonesuch" variable'])
{
    my (undef, $said) = Stok::Nginx->conf_test("server { $bad->[0]; }");
    like($said, qr/\Q$bad->[1]/, $bad->[0]);
}

my (undef, $said) = Stok::Nginx->conf_test('map $uri $where { default api; }
    server { service_token $where; }');
like($said, qr/service_token "\$where": "\$where" keeps its first value/,
    'a map of the URI is kept');

finish;
