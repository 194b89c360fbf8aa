# One connection for each worker, one question in flight for each key however
# many wait, one write for each pass, at most two round trips.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

# a server that holds its answers until it may send them

my $held = Stok::FakeRedis->start(sub {
    my ($args) = @_;
    return Stok::FakeRedis::marker() if $args->[0] eq 'HMGET';
    return (\0.5, Stok::FakeRedis::hash(qw(kind service role member
        status active))) if $args->[1] =~ /user:/;
    return (\0.5, Stok::FakeRedis::hash(qw(id tok_x user u@service name n
        type service status active expires_at 0)));
});

my $nginx = Stok::Nginx->start(redis => $held,
    connections => '512; multi_accept on', http => <<'EOC');
    service_token_redis %%REDIS_ADDR%% timeout=20s connect_timeout=5s;
service_token_cache_valid 0;
    server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC

my $request = "GET /index.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    . "Authorization: Bearer foreign";

# Requests of one pass of the event loop: the worker is frozen while they come.
# The question of the first is not written yet when the others join it.

my @waiting;

sub together {
    my ($worker) = $nginx->workers;
    kill 'STOP', $worker;
    wait_for('the worker is frozen',
        sub { Stok::Nginx::slurp("/proc/$worker/stat") =~ /\) T / });
    @waiting = map { $nginx->open("$request$_\r\n\r\n") } @_;
    kill 'CONT', $worker;
    return join ' ', map { status_of($nginx->answer($_)) } @waiting;
}

is(together(('') x 40), join(' ', (200) x 40), 'forty wait for one answer');

my $log = $held->log;
is(scalar(() = $log =~ /HGETALL/g), 2, 'two questions: token and user');
is(scalar(() = $log =~ /^connection/mg), 1, 'over one connection');

# several tokens of one user: a question for each token; and for the user, as
# each token's answer comes half a second after the other

is(together(1 .. 10), join(' ', (200) x 10), 'ten tokens');

$log = substr $held->log, length $log;
cmp_ok(scalar(() = $log =~ /HGETALL/g), '<=', 20, 'one question each');
is(scalar(() = $log =~ /^connection/mg), 0, 'over the same connection');

# A request that comes after its question was written asks anew: Redis may have
# read the record before a change which this client knows to be in force.

my $asked = sub { scalar(() = $held->log =~ /HGETALL/g) };
my $before = $asked->();
my $first = $nginx->open("${request}late\r\n\r\n");
wait_for('asked', sub { $asked->() == $before + 1 });
@waiting = ($first, map { $nginx->open("${request}late\r\n\r\n") } 1 .. 20);
is(join(' ', map { status_of($nginx->answer($_)) } @waiting),
    join(' ', (200) x 21), 'each has its answer');
cmp_ok($asked->(), '<=', $before + 5, 'and one question at a time was asked');

# against a real server, with two workers

my $redis = Stok::Redis->start;
$redis->user('user@service');
my @tokens = map { $redis->token(user => 'user@service') } 1 .. 200;

my $two = Stok::Nginx->start(redis => $redis, workers => 2, http => <<'EOC');
    service_token_redis %%REDIS%%;
service_token_cache_valid 0;
    server { listen 127.0.0.1:%%PORT%% reuseport; service_token api; }
EOC

$before = $redis->calls('hgetall');
my @open = map { $two->open("GET /index.html HTTP/1.1\r\nHost: x\r\n"
    . "Connection: close\r\nAuthorization: Bearer $_\r\n\r\n") } @tokens;
my %codes;
$codes{ status_of($two->answer($_)) }++ for @open;

is_deeply(\%codes, { 200 => 200 }, 'two hundred at once');
cmp_ok($redis->calls('hgetall') - $before, '<=', 400, 'two questions at most');

my @clients = grep { !/cmd=client/ } split /\n/, $redis->cli('CLIENT', 'LIST');
cmp_ok(scalar(@clients), '<=', 3, 'a connection for each worker, and ours');

finish;
