# Reload: requests that wait are answered by their old worker, which then
# leaves; the configuration that is read anew is in force.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $slow = Stok::FakeRedis->start(sub {
    my ($args) = @_;
    return Stok::FakeRedis::marker() if $args->[0] eq 'HMGET';
    return Stok::FakeRedis::hash(qw(kind service role member status active))
        if $args->[1] =~ /user:/;
    return (\1.0, Stok::FakeRedis::hash(qw(id tok_x user u@service name n
        type service status active expires_at 0)));
});

my $http = <<'EOC';
    service_token_redis %%REDIS_ADDR%% timeout=20s connect_timeout=5s;
service_token_cache_valid 0;
    server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC

my $nginx = Stok::Nginx->start(redis => $slow, http => $http, workers => 2);

my $request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    . "Authorization: Bearer ";

my @waiting = map { $nginx->open("${request}waits$_\r\n\r\n") } 1 .. 5;
wait_for('they wait', sub { $slow->log =~ /HGETALL/ });
$nginx->reload(nowait => 1);
is(status_of($nginx->answer($_)), 200, 'answered over a reload') for @waiting;

# with idle links, and with a server that is away

my $redis = Stok::Redis->start;
$redis->user('user@service', role => 'manager');
my $token = $redis->token(user => 'user@service');

my $idle = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
service_token_cache_valid 0;
    server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC

for my $round (1 .. 3) {
    is(status_of($idle->get('/', token => $token)), 200, "round $round");
    $idle->reload;
}

pass('an old worker with an open link leaves');

my $clients = () = $redis->cli('CLIENT', 'LIST') =~ /^id=/mg;
cmp_ok($clients, '<=', 2, 'and closes it');

$idle->configure(<<'EOC');
    service_token_redis %%REDIS%%;
service_token_cache_valid 0;
    server { listen 127.0.0.1:%%PORT%%; service_token api;
        service_token_role admin; }
EOC
$idle->reload;
is(status_of($idle->get('/', token => $token)), 403, 'the new role');

# a configuration that is bad changes nothing

$idle->configure("service_token_prefix '';\nserver { listen 127.0.0.1:%%PORT%%; }");
$idle->{process}->signal('HUP');
$idle->{expect} = qr/\[emerg\].*"service_token_prefix" directive must not be empty/;
ok($idle->wait_log($idle->{expect}), 'a bad configuration is refused');
is(status_of($idle->get('/', token => $token)), 403, 'and the old one goes on');

$redis->down;
is(status_of($idle->get('/', token => $token)), 503, 'away');
$idle->configure(<<'EOC');
    service_token_redis %%REDIS%%;
service_token_cache_valid 0;
    server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC
$idle->reload;
pass('a worker that tries to reconnect leaves too');

finish;
