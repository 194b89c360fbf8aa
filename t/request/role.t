# Roles: a higher one may do all that a lower one may; the order of judgement.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
my %token;

for my $role (qw(member manager admin)) {
    $redis->user("$role\@service", role => $role);
    $token{$role} = $redis->token(user => "$role\@service");
}

$redis->user('odd@service', role => 'emperor');
$redis->user('off@service', status => 'disabled', role => 'admin');
$redis->user('new@service', status => 'pending', role => 'admin');
$redis->user('gone@service', status => 'deleted', role => 'admin');

$token{odd} = $redis->token(user => 'odd@service');
$token{revoked} = $redis->token(user => 'member@service', status => 'revoked');
$token{expired} = $redis->token(user => 'member@service',
    expires_at => time - 1);
$token{soon} = $redis->token(user => 'member@service',
    expires_at => time + 1000);
$token{both} = $redis->token(user => 'gone@service', status => 'revoked',
    expires_at => 1);
$token{off} = $redis->token(user => 'off@service');
$token{off_expired} = $redis->token(user => 'off@service', expires_at => 1);
$token{new} = $redis->token(user => 'new@service');
$token{gone} = $redis->token(user => 'gone@service');
$token{orphan} = $redis->token(user => 'nobody@service');
$token{personal_off} = $redis->token(user => 'off@service',
    type => 'personal');

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Status $service_token_status always;
        service_token api;
        location /member { alias %%DIR%%/html; }
        location /manager { service_token_role manager; alias %%DIR%%/html; }
        location /admin { service_token_role admin; alias %%DIR%%/html; }
        location /service { service_token_type service; service_token_role admin;
            alias %%DIR%%/html; }
    }
EOC

for my $round (1 .. 2) {
    my $case = sub {
        my ($uri, $who, $status, $word) = @_;
        my $r = $nginx->get($uri, token => $token{$who});
        is(status_of($r) . ' ' . header_of($r, 'X-Status'), "$status $word",
            "$who at $uri ($round)");
    };

    $case->('/member/', 'member', 200, 'ALLOWED');
    $case->('/member/', 'manager', 200, 'ALLOWED');
    $case->('/member/', 'admin', 200, 'ALLOWED');
    $case->('/manager/', 'member', 403, 'ROLE');
    $case->('/manager/', 'manager', 200, 'ALLOWED');
    $case->('/manager/', 'admin', 200, 'ALLOWED');
    $case->('/admin/', 'member', 403, 'ROLE');
    $case->('/admin/', 'manager', 403, 'ROLE');
    $case->('/admin/', 'admin', 200, 'ALLOWED');

    $case->('/member/', 'soon', 200, 'ALLOWED');
    $case->('/member/', 'odd', 503, 'UNAVAILABLE');
    $case->('/admin/', 'revoked', 401, 'REVOKED');
    $case->('/admin/', 'expired', 401, 'EXPIRED');
    $case->('/admin/', 'both', 401, 'REVOKED');
    $case->('/member/', 'orphan', 401, 'ORPHANED');
    $case->('/member/', 'gone', 401, 'ORPHANED');
    $case->('/member/', 'off', 401, 'USER_DISABLED');
    $case->('/member/', 'new', 401, 'USER_DISABLED');
    $case->('/member/', 'off_expired', 401, 'EXPIRED');
    $case->('/service/', 'personal_off', 401, 'USER_DISABLED');
}

# one write to a user is in force for all its tokens

$redis->user('member@service', role => 'admin');
is(status_of($nginx->get('/admin/', token => $token{soon})), 200, 'raised');
$redis->user('member@service', status => 'disabled');
is(status_of($nginx->get('/member/', token => $token{soon})), 401, 'disabled');

finish;
