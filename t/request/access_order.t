# allow and deny run first: an address that is denied costs no look-up.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user('user@service');
my $token = $redis->token(user => 'user@service');

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        service_token api;
        location /denied { deny all; alias %%DIR%%/html; }
        location /allowed { allow all; alias %%DIR%%/html; }
    }
EOC

is(status_of($nginx->get('/denied/index.html', token => $token)), 403, 'denied');
is($redis->calls('hgetall'), 0, 'no look-up for it');
is(status_of($nginx->get('/allowed/index.html', token => $token)), 200, 'allowed');

# an answer before the first proof is asked for once more

cmp_ok($redis->calls('hgetall'), '>=', 2, 'a look-up for it: token and user');

finish;
