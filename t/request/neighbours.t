# Beside nginx's other modules: what holds for each, as docs/operations.md
# says it.  satisfy, error_page and try_files, limit_except have files of
# their own.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;
use Stok::Upstream;
use Time::HiRes qw(time);

my $upstream = Stok::Upstream->start;
my $redis = Stok::Redis->start;
$redis->user("$_\@service", role => $_) for qw(member admin);
my %token = map { $_ => $redis->token(user => "$_\@service", id => "tok_$_") }
    qw(member admin);
my $revoked = $redis->token(user => 'admin@service', status => 'revoked');
my $up = $upstream->port;

my $nginx = Stok::Nginx->start(redis => $redis, http => <<"EOC");
service_token_redis %%REDIS%%;
limit_req_zone all zone=all:1m rate=1r/m;
limit_conn_zone all zone=open:1m;
proxy_cache_path %%DIR%%/cache keys_zone=kept:1m;
map \$http_upgrade \$upgrading { default upgrade; '' close; }

server {
    listen 127.0.0.1:%%PORT%%;
    listen 127.0.0.1:%%PORT_H2%% http2;
    service_token api;
    client_max_body_size 8m;
    lingering_timeout 200ms;
    proxy_set_header Authorization "";
    proxy_set_header X-Service-User \$service_token_user;
    add_header X-Status \$service_token_status always;
    add_header X-User "\$service_token_user" always;

    location / { }
    location /limited { limit_req zone=all; alias %%DIR%%/html; }
    location /one { limit_conn open 1; proxy_pass http://127.0.0.1:$up; }

    location /asked { auth_request /yes; alias %%DIR%%/html; }
    location /refused { auth_request /no; alias %%DIR%%/html; }
    location = /yes { internal; service_token_role admin;
        proxy_pass http://127.0.0.1:$up; }
    location = /no { internal; service_token off; return 403; }

    location /page { ssi on; alias %%DIR%%/html; }
    location /part { service_token_role admin; alias %%DIR%%/html; }
    location /secret { internal; alias %%DIR%%/html; }

    location /mirrored { mirror /copy; alias %%DIR%%/html; }
    location = /copy { internal; service_token_role admin;
        proxy_pass http://127.0.0.1:$up; }

    location /cache { proxy_cache kept; proxy_pass http://127.0.0.1:$up; }
    location /cache_user { proxy_cache kept;
        proxy_cache_key \$service_token_user\$uri;
        proxy_pass http://127.0.0.1:$up; }

    location /delayed { auth_delay 1s; service_token_role admin;
        alias %%DIR%%/html; }

    location /app { proxy_pass http://127.0.0.1:$up; }
    location /ws { proxy_pass http://127.0.0.1:$up; proxy_http_version 1.1;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection \$upgrading;
        proxy_set_header Authorization ""; }

    location /pkg.Service/ { grpc_pass grpc://127.0.0.1:%%PORT_GRPC%%;
        grpc_set_header Authorization "";
        grpc_set_header X-Service-User \$service_token_user; }
}

server {
    listen 127.0.0.1:%%PORT_GRPC%% http2;
    location / { default_type application/grpc;
        return 200 "\$http_x_service_user [\$http_authorization]"; }
}
EOC

$nginx->file('html/ssi.html', 'before <!--#include virtual="/part/index.html"-->'
    . '<!--#include virtual="/secret/index.html"--> after');

for my $round (1 .. 2) {
    is(said_of('/part/', 'member'), '403 ROLE', "not for members ($round)");
}

# limit_req comes first: what it refuses costs no look-up and is not judged

is(said_of('/limited/', 'member'), '200 ALLOWED', 'limit_req: the first');
my $before = $redis->calls('hgetall');
is(status_of($nginx->get('/limited/', token => 'some-unknown-token')), 503,
    'limit_req: the second');
is($redis->calls('hgetall'), $before, 'limit_req: nothing was asked');

# auth_request: both must agree; its own request is not checked

is(said_of('/asked/', 'member'), '200 ALLOWED', 'auth_request: both agree');
like($upstream->log, qr{^GET /yes }m,
    'auth_request: its target is asked, whatever role it would need');
unlike(request_of('/yes'), qr/X-Service-User/,
    'auth_request: a subrequest has no identity');
is(said_of('/asked/', $revoked), '401 REVOKED', 'auth_request: not we');
is(status_of($nginx->get('/asked/')), 401, 'auth_request: no token');
is(status_of($nginx->get('/refused/', token => $token{admin})), 403,
    'auth_request: not they');
is(status_of($nginx->get('/yes', token => $token{admin})), 404,
    'internal: not from outside');

# SSI: what is included is not checked by itself

my $r = $nginx->get('/page/ssi.html', token => $token{member});
like($r, qr/before .*index.*index.* after/s, 'SSI: includes what is not for members');
is(said_of('/page/ssi.html', $revoked), '401 REVOKED', 'SSI: the page is checked');

# mirror: only what was let in, without an identity

is(said_of('/mirrored/index.html', $revoked), '401 REVOKED', 'mirror: refused');
is(said_of('/mirrored/index.html', 'member'), '200 ALLOWED', 'mirror: let in');
wait_for('the mirror', sub { $upstream->log =~ m{^GET /copy }m });
is(scalar(() = $upstream->log =~ m{^GET /copy }mg), 1,
    'mirror: nothing of the refused one');
unlike(request_of('/copy'), qr/X-Service-User/, 'mirror: no identity');

# proxy_cache: the check comes before; the key decides who shares an answer

like(user_at('/cache', 'member'), qr/^member/, 'proxy_cache: the first');
like(user_at('/cache', 'admin'), qr/^member/, 'proxy_cache: gets the same');
is(said_of('/cache', $revoked), '401 REVOKED', 'proxy_cache: still checked');
is(status_of($nginx->get('/cache')), 401, 'proxy_cache: no token');
like(user_at('/cache_user', 'member'), qr/^member/, 'with the user in the key');
like(user_at('/cache_user', 'admin'), qr/^admin/, 'everybody has his own');

# auth_delay: 401 takes its time, 403 does not wait for it

my $start = time;
is(said_of('/delayed/', $revoked), '401 REVOKED', 'auth_delay');
cmp_ok(time - $start, '>=', 0.9, 'auth_delay: after it');
is(said_of('/delayed/', 'admin'), '200 ALLOWED', 'auth_delay: let in');
is(said_of('/delayed/', 'member'), '403 ROLE', 'auth_delay: 403');

# WebSocket: judged once, when it is opened

my $ws = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
    . "Upgrade: websocket\r\nAuthorization: Bearer";

is(status_of($nginx->raw("$ws $revoked\r\nConnection: close\r\n\r\n")), 401,
    'WebSocket: refused');
unlike($upstream->log, qr/^Upgrade: websocket/m, 'WebSocket: not opened');

my $open = $nginx->open("$ws $token{member}\r\n\r\n");
like(part($open, qr/\r\n\r\n/), qr/^HTTP\/1.1 101 /, 'WebSocket: opened');
print $open 'one';
is(part($open, qr/one/), 'one', 'WebSocket: talks');

$redis->cli('HSET', $redis->token_key($token{member}), 'status', 'revoked');
wait_for('it is revoked', sub { said_of('/', 'member') eq '401 REVOKED' });
print $open 'two';
is(part($open, qr/two/), 'two', 'WebSocket: goes on after a revocation');
close $open;

$redis->cli('HSET', $redis->token_key($token{member}), 'status', 'active');
wait_for('it is back', sub { said_of('/', 'member') eq '200 ALLOWED' });

# Expect: a client may go on only after it was accepted

my $expect = "POST /app HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    . "Content-Length: 5\r\nExpect: 100-continue\r\nAuthorization: Bearer";

unlike($nginx->raw("$expect $revoked\r\n\r\n"), qr/100 Continue/,
    'Expect: refused at once');

for my $name ('member', 'fresh') {
    $token{$name} //= $redis->token(user => 'member@service');
    my $sock = $nginx->open("$expect $token{$name}\r\n\r\n");
    like(part($sock, qr/\r\n\r\n/), qr/^HTTP\/1.1 100 /, "Expect: $name");
    print $sock 'bytes';
    like(part($sock, qr/body 5/), qr/^HTTP\/1.1 200 /, "Expect: $name, whole");
}

# limit_conn: comes first, too

my $held = $nginx->open($expect =~ s{/app}{/one}r . " $token{member}\r\n\r\n");
like(part($held, qr/\r\n\r\n/), qr/^HTTP\/1.1 100 /, 'limit_conn: the first');
$before = $redis->calls('hgetall');
is(status_of($nginx->get('/one', token => 'another-unknown-token')), 503,
    'limit_conn: beyond it');
is($redis->calls('hgetall'), $before, 'limit_conn: nothing was asked');
print $held 'bytes';
like(part($held, qr/body 5/), qr/^HTTP\/1.1 200 /, 'limit_conn: the first, whole');
wait_for('room for the next', sub { said_of('/one', $revoked) eq '401 REVOKED' });

# large bodies: refused without reading them, and whole if let in

my $size = 4 * 1024 * 1024;
my $post = "POST /app HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";

$token{large} = $redis->token(user => 'member@service');

for my $round ('asked', 'cached') {
    like($nginx->raw("${post}Content-Length: $size\r\n"
        . "Authorization: Bearer $token{large}\r\n\r\n" . 'x' x $size),
        qr/body $size\r/, "a large body ($round)");
}

is(status_of($nginx->raw("${post}Content-Length: $size\r\n"
    . "Authorization: Bearer $revoked\r\n\r\n")), 401,
    'a large body is not waited for');
is(status_of($nginx->raw("${post}Content-Length: 99999999\r\n\r\n")), 413,
    'a body that is too large comes before the check');
unlike($upstream->log, qr/^Content-Length: 99999999/m, 'and goes nowhere');

# gRPC: what nginx says to who is refused is HTTP, not grpc-status

my %grpc = (method => 'POST', port => $nginx->port('PORT_H2'));
my $call = sub { $nginx->get2('/pkg.Service/Method', %grpc, @_,
    headers => ['Content-Type: application/grpc', 'TE: trailers']) };

is(body_of($call->(token => $token{member})), 'member@service []', 'gRPC: let in');
is(status_of($r = $call->(token => $revoked)), 401, 'gRPC: refused');
like(header_of($r, 'WWW-Authenticate'), qr/invalid_token/, 'gRPC: and why');

finish;


sub said_of {
    my ($uri, $who) = @_;
    my $r = $nginx->get($uri, token => $token{$who} // $who);
    return status_of($r) . ' ' . header_of($r, 'X-Status');
}

# whose answer it is

sub user_at {
    my ($uri, $who) = @_;
    return body_of($nginx->get($uri, token => $token{$who}))
        =~ /^X-Service-User: (\S+)/m ? $1 : 'nobody';
}

# what the application got there

sub request_of {
    my $uri = shift;
    return $upstream->log =~ m{^GET \Q$uri\E (.*?)\n\n}ms ? $1 : die $uri;
}

# reads until it is like that

sub part {
    my ($sock, $re) = @_;
    my $text = '';

    eval {
        local $SIG{ALRM} = sub { die "timeout\n" };
        alarm 20 * $Stok::Process::patience;
        while ($text !~ $re) { sysread $sock, $text, 4096, length $text or last }
        alarm 0;
    };

    return $text;
}
