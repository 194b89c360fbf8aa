# Requests that never reach the check, as README, SECURITY.md and
# docs/operations.md describe them: nginx answers before, or does at another
# place what was let in here.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user("$_\@service", role => $_) for qw(member admin);
my %token = map { $_ => $redis->token(user => "$_\@service") } qw(member admin);

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        access_log %%DIR%%/combined.log;
        service_token api;
        service_token_role admin;
        add_header X-Status $service_token_status always;
        root %%DIR%%/html;

        location / { }
        location /return { return 200 "said"; }
        location /rewrite { rewrite ^ http://elsewhere/ redirect; }
        location /permanent { rewrite ^ /there permanent; }
        location /if { if ($arg_x) { return 200 "said"; } }
        location /moved { rewrite ^/moved/(.*)$ /$1 last; }

        # as the documents say to do it

        location /checked { try_files /nonexistent @said; }
        location @said { return 200 "said"; }
        location /checked_proxy { proxy_pass http://127.0.0.1:%%PORT_1%%; }

        location /dav/ { service_token_role member; dav_methods PUT COPY MOVE; }
        location /dav_shut/ { service_token_role member; dav_methods COPY;
            if ($http_destination !~ "^(https?://[^/]+)?/dav_shut/[^.%]+$") { return 403; } }
        location /secret/ { }
    }

    server {
        listen 127.0.0.1:%%PORT_1%%;
        location / { return 200 "said"; }
    }
EOC

for my $dir ('dav', 'dav_shut', 'secret') {
    mkdir "$nginx->{dir}/html/$dir";
    chmod 0777, "$nginx->{dir}/html/$dir";
}

$nginx->file("html/$_", "a file\n", 0666) for 'dav/a', 'dav/b', 'dav_shut/a';

# answered before anybody looks at a token

for my $case (
    ['/return', 200, 'said'], ['/rewrite', 302], ['/permanent', 301],
    ['/if?x=1', 200, 'said'],
) {
    my ($uri, $status, $body) = @$case;
    my $r = $nginx->get($uri);
    is(status_of($r) . header_of($r, 'X-Status'), $status . 'OFF',
        "$uri: without a token");
    is(body_of($r), $body, 'and with all it says') if $body;
    is(status_of($nginx->get($uri, token => 'no-such-token')), $status,
        "$uri: with any");
}

is(status_of($nginx->get('/if')), 401, 'if: it is checked if it does not answer');
is(status_of($nginx->get('/moved/')), 401, 'rewrite that stays here is checked');
is(status_of($nginx->get('/moved/', token => $token{admin})), 200, 'so it works');

# what is advised

for my $uri ('/checked', '/checked_proxy') {
    is(status_of($nginx->get($uri)), 401, "$uri: without a token");
    is(status_of($nginx->get($uri, token => $token{member})), 403, "$uri: a member");
    like(body_of($nginx->get($uri, token => $token{admin})), qr/said/, "$uri: an admin");
}

# DAV: Destination is a place that nobody checks

is(status_of($nginx->get('/secret/b', token => $token{member}, method => 'PUT')),
    403, 'a member may not write to /secret/');

for my $method ('COPY', 'MOVE') {
    my $r = dav($method, '/dav/a', "/secret/$method");
    like(status_of($r), qr/^20[14]$/, "$method to /secret/ as member");
    is($nginx->read("html/secret/$method"), "a file\n", 'and it is there');
}

is(status_of(dav('COPY', '/dav_shut/a', '/dav_shut/b')), 204,
    'with a look at Destination: at home');
is(status_of(dav('COPY', '/dav_shut/a', $_)), 403, "not to $_")
    for '/secret/c', '/dav_shut/../secret/c', '/dav_shut/%2e%2e/secret/c';
ok(!-e "$nginx->{dir}/html/secret/c", 'nothing is there');

# a token as the user of Basic is in every log of nginx's default format

my $body = 'stk_svc_' . Stok::Redis::random(32);
my $wrong_place = $body . Stok::Redis::checksum($body);
require MIME::Base64;
my $r = $nginx->get('/', headers => ['Authorization: Basic '
    . MIME::Base64::encode_base64("$wrong_place:", '')]);
is(status_of($r) . header_of($r, 'X-Status'), '401MISSING', 'a Basic header is not a token');
wait_for('the log', sub { $nginx->read('combined.log') =~ /\Q$wrong_place\E/ });
like($nginx->read('combined.log'), qr/^127\.0\.0\.1 - \Q$wrong_place\E \[/m,
    'but nginx logs its user: $remote_user');

# which is why the sample does not log it

open my $fh, '<', 'conf/nginx.conf' or die;
my ($format) = join('', <$fh>) =~ /(log_format.*?;)/s;
unlike($format, qr/\$(?:remote_user|request\b|args|query|http_)/,
    'the sample logs no user, query or header');

finish;


sub dav {
    my ($method, $from, $to) = @_;
    return $nginx->get($from, token => $token{member}, method => $method,
        headers => ["Destination: $to"]);
}
