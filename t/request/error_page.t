# error_page, named locations, try_files and internal redirects: every
# location judges anew, and an identity does not travel.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user("$_\@service", role => $_) for qw(member admin);
my %token = map { $_ => $redis->token(user => "$_\@service", id => "tok_$_") }
    qw(member admin);
my $revoked = $redis->token(user => 'admin@service', status => 'revoked',
    id => 'tok_revoked');

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    log_format st '$uri $status $service_token_status '
                  '$service_token_presented $service_token_presented_user '
                  '$service_token_id';
    server {
        listen 127.0.0.1:%%PORT%%;
        access_log %%DIR%%/access.log st;
        service_token api;

        error_page 401 403 @refused;
        location @refused { service_token off;
            return 200 "$service_token_status,$service_token_user,$service_token_presented,$service_token_presented_user"; }

        location /code { error_page 401 = @json; alias %%DIR%%/html; }
        location @json { service_token off; return 418 "json"; }

        location /named_admin { error_page 403 @admin; error_page 401 /401;
            service_token_role admin; alias %%DIR%%/html; }
        location @admin { service_token_role admin; return 200 "never"; }
        location = /401 { service_token off; root %%DIR%%/html; }

        location / { }
        location /admin { service_token_role admin; alias %%DIR%%/html; }
        location /to_admin { try_files /nonexistent /admin/index.html; }
        location /to_off { try_files /nonexistent /off/index.html; }
        location /off { service_token off; alias %%DIR%%/html;
            add_header X-All "$service_token_status,$service_token_user,$service_token_id,$service_token_role,$service_token_presented"; }
        location /from_off { service_token off;
            try_files /nonexistent /admin/index.html; }
    }
EOC

for my $round (1 .. 2) {
    my $r;

    $r = $nginx->get('/');
    is(status_of($r), 401, 'error_page keeps the code');
    is(body_of($r), 'MISSING,,,', 'the refusal is known to the error page');
    is(header_of($r, 'WWW-Authenticate'), 'Bearer realm="api"',
        'and so is the challenge');

    $r = $nginx->get('/', token => $revoked);
    is(body_of($r), 'REVOKED,,tok_revoked,admin@service', 'which token it was');

    is(status_of($nginx->get('/code')), 418, 'error_page with a new code');

    is(status_of($nginx->get('/named_admin/', token => $token{member})), 403,
        'a named location judges too');
    is(status_of($nginx->get('/named_admin/', token => $token{admin})), 200,
        'and is not reached by an accepted request');

    is(status_of($nginx->get('/to_admin', token => $token{member})), 403,
        'try_files: the role of the new location');
    is(status_of($nginx->get('/to_admin', token => $token{admin})), 200,
        'try_files: let in at both');
    is(status_of($nginx->get('/from_off')), 401,
        'from an open location into a protected one');

    $r = $nginx->get('/to_off', token => $token{member});
    is(status_of($r), 200, 'on to an open location');
    is(header_of($r, 'X-All'), 'OFF,,,,', 'no identity of another location');
}

wait_for('the log', sub { $nginx->read('access.log') =~ /REVOKED tok_revoked/ });
like($nginx->read('access.log'), qr/ 401 REVOKED tok_revoked admin\@service $/m,
    'the log names the refused token and its user, and no identity');

finish;
