# Inheritance: http, server, location, nested location; off again.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user("$_\@service", role => $_) for qw(low mid high);
my %token = map { $_ => $redis->token(user => "$_\@service") }
    qw(low mid high);

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    service_token_role mid;
    service_token_roles low mid high;
    service_token top;
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { }
        location /off { service_token off; alias %%DIR%%/html;
            location /off/on { service_token nested; alias %%DIR%%/html; } }
        location /low { service_token_role low; alias %%DIR%%/html;
            location /low/high { service_token_role high; alias %%DIR%%/html;
                location /low/high/same { alias %%DIR%%/html; } } }
    }
    server {
        listen 127.0.0.1:%%PORT_2%%;
        service_token second;
        service_token_role high;
        location / { }
        location /off { service_token off; alias %%DIR%%/html; }
    }
    server {
        listen 127.0.0.1:%%PORT_3%%;
        service_token off;
    }
EOC

# port, uri, realm, least role
for my $case (
    ['PORT', '/', 'top', 'mid'],
    ['PORT', '/off/', undef, undef],
    ['PORT', '/off/on/', 'nested', 'mid'],
    ['PORT', '/low/', 'top', 'low'],
    ['PORT', '/low/high/', 'top', 'high'],
    ['PORT', '/low/high/same/', 'top', 'high'],
    ['PORT_2', '/', 'second', 'high'],
    ['PORT_2', '/off/', undef, undef],
    ['PORT_3', '/', undef, undef],
) {
    my ($port, $uri, $realm, $least) = @$case;
    my @to = ($uri, port => $nginx->port($port));
    my $r = $nginx->get(@to);

    if (!defined $realm) {
        is(status_of($r), 200, "$port $uri is open");
        next;
    }

    is(header_of($r, 'WWW-Authenticate'), "Bearer realm=\"$realm\"",
        "realm of $port $uri");

    my %rank = (low => 0, mid => 1, high => 2);

    for my $role (qw(low mid high)) {
        is(status_of($nginx->get(@to, token => $token{$role})),
            $rank{$role} >= $rank{$least} ? 200 : 403,
            "$role at $port $uri");
    }
}

finish;
