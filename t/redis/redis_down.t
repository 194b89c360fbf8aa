# Redis absent, gone, back: 503 at once, one line for each change of state,
# recovery without help.  Never 401 for an outage.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;
use Time::HiRes qw(time);

my $redis = Stok::Redis->start;
$redis->user('user@service');
my $token = $redis->token(user => 'user@service');
my @dump = map { [ $_, $redis->cli('DUMP', $_) ] } @{ $redis->cli('KEYS', '*') };
$redis->down;

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS_ADDR%% timeout=5s connect_timeout=5s;
service_token_cache_valid 0;
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Status $service_token_status always;
        service_token api;
        location / { }
        location /open { service_token off; alias %%DIR%%/html; }
        location /any { satisfy any; allow 127.0.0.1; deny all;
            alias %%DIR%%/html; }
    }
EOC

# absent at start

for my $round (1 .. 3) {
    my $start = time;
    my $r = $nginx->get('/', token => $token);

    is(word($r), '503 UNAVAILABLE', "absent ($round)");
    like(header_of($r, 'Retry-After'), qr/^\d+$/, "when to retry ($round)");
    is(header_of($r, 'WWW-Authenticate'), '', "no challenge ($round)");
    cmp_ok(time - $start, '<', 4, "at once, not after the timeout ($round)");

    is(word($nginx->get('/', token => 'foreign-token')), '503 UNAVAILABLE',
        "an unknown token: nobody knows ($round)");
    is(word($nginx->get('/')), '401 MISSING', "no token ($round)");
    is(word($nginx->get('/', token => 'a=b')), '400 MALFORMED',
        "bad grammar ($round)");
    is(status_of($nginx->get('/open/')), 200, "an open location ($round)");
    is(status_of($nginx->get('/any/')), 200, "let in by address ($round)");
}

is(lines('error'), 1, 'one line says that it is lost');

# it comes

back();

# it goes, with requests before and after

$redis->down;
is(word($nginx->get('/', token => $token)), '503 UNAVAILABLE', 'gone');
is(word($nginx->get('/', token => $token)), '503 UNAVAILABLE', 'still gone');
is(lines('error'), 2, 'one more line');

back();
is(lines('notice'), 2, 'a line for each return');

# a restart between two requests is not an outage: asked again on a new
# connection

$redis->down;
restore();
is(word($nginx->get('/', token => $token)), '200 ALLOWED', 'restarted');
is(lines('error'), 2, 'nothing to say');

# the server closes our connection; the next request opens another

for my $client ($redis->cli('CLIENT', 'LIST') =~ /^id=(\d+) .* cmd=hmget /mg) {
    $redis->cli('CLIENT', 'KILL', 'ID', $client);
}
is(word($nginx->get('/', token => $token)), '200 ALLOWED', 'killed by CLIENT KILL');
is(lines('error'), 2, 'nothing to say');

finish;


sub word { status_of($_[0]) . ' ' . header_of($_[0], 'X-Status') }

sub lines {
    my $level = shift;
    return scalar grep { /\[$level\].* service token: redis / }
        split /\n/, $nginx->log;
}

sub restore {
    $redis->up;
    $redis->cli('RESTORE', $_->[0], 0, $_->[1], 'REPLACE') for @dump;
}

sub back {
    restore();
    wait_for('it is back',
        sub { word($nginx->get('/', token => $token)) eq '200 ALLOWED' });
    pass('it recovers by itself');
}
