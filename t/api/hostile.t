# Attacks by a hostile reader: preconditions that are passed over, records that
# lie, a revocation that is said and not made, workers that are held or spin.

use strict;
use warnings;
use lib 't/lib';
use IO::Socket::UNIX;
use Stok::Api;
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $command = Stok::Command->new($redis);

$command->run('init');
my $token = person($command, 'admin');

my $api = Stok::Api->start(redis => $redis);

my %new = (purpose => 'loads', owner => 'data', role => 'member');
my ($status, $json, $head);

# If-Match: whatever the change is, of a record or of none

for my $name (qw(pipeline other)) {
    $command->run('user', 'create', $name, map { ("--$_" => $new{$_}) } sort keys %new);
}

my $user = 'pipeline@service';
my $id = $command->json('token', 'create', '--user', $user, '--name', 'one',
    '--env', 'testing')->{id};
my $revoked = $command->json('token', 'create', '--user', $user, '--name', 'two',
    '--env', 'testing')->{id};
$command->run('token', 'revoke', $revoked);

my $before = Stok::Command::snapshot($redis);

for (
    [PATCH => "/api/users/$user", { owner => 'x' }],
    [PUT => "/api/users/$user/role", { role => 'admin' }],
    [PUT => "/api/users/$user/status", { status => 'disabled' }],
    [PUT => "/api/users/$user/status", { status => 'active' }],
    [POST => "/api/users/$user/approve"],
    [POST => "/api/users/$user/revoke-all"],
    [DELETE => "/api/users/$user"],
    [POST => '/api/users', { name => 'third', %new }],
    [POST => '/api/tokens', { user => $user, name => 'three', env => 'testing' }],
    [POST => "/api/tokens/$id/rotate", {}],
    [POST => "/api/tokens/$id/revoke"],
    [POST => "/api/tokens/$revoked/restore"],
    [DELETE => "/api/tokens/$revoked?force=true"],
    [DELETE => '/api/token'],
    [POST => '/api/incidents', { user => $user }],
) {
    my ($method, $path, $body) = @$_;
    is(($api->call($method, $path, token => $token, json => $body,
        headers => ['If-Match: "0123456789abcdef"']))[0], 412, "$method $path: another revision");
}

is(Stok::Command::snapshot($redis), $before, 'and nothing was changed');

# of a change in two steps, the second is of what the first has made

for (['POST', '/revoke-all'], ['DELETE', '']) {
    ($status, $json, $head) = $api->call(GET => '/api/users/other@service', token => $token);
    my ($etag) = $head =~ /^ETag: (\S+)/m;
    ($status, $json) = $api->call($$_[0], "/api/users/other\@service$$_[1]", token => $token,
        headers => ["If-Match: $etag"]);
    is($status, 200, "$$_[0] $$_[1]: the revision that was read") or diag explain $json;
}

# what a problem quotes is text, however it was sent

for (['/api/users/%ff', 404], ['/api/users?%ff=1', 422], ['/api/users/' . '%c3%a4' x 150, 404]) {
    ($status, $json) = $api->call(GET => $$_[0], token => $token);
    is($status, $$_[1], 'odd letters: ' . substr $$_[0], 0, 20);
    ok(length($json->{detail} // ''), 'it says why');
}

is(($api->call(GET => '/api/users?role+type=x', token => $token))[0], 422,
    'two names are not a name');

# a node is silent: the answer says which, and the next one is another

my $now = int(1000 * time);
$redis->cli('HSET', $redis->key('nodes'), 'silent', "$now 600000");

($status, $json) = $api->call(POST => '/api/wait?for=50ms', token => $token);
is($status, 202, 'a node has not acknowledged');
is_deeply(ref $json && [grep { $_ eq 'silent' } @{ $json->{missing} // [] }], ['silent'],
    'it is named');

for (['/api/wait?for=61s', 'for'], ["/api/tokens/$id/revoke?wait=1h", 'wait']) {
    is(($api->call(POST => $$_[0], token => $token))[0], 422, "$$_[1]: a minute at most");
}

is($command->json('token', 'show', $id)->{state}, 'active', 'and nothing was done');
$redis->cli('HDEL', $redis->key('nodes'), 'silent');

# notes of each kind

($status, $json) = $api->call(POST => "/api/tokens/$id/revoke", token => $token);
is($status, 200, 'revoked');
ok((grep { $_->{code} eq 'done' } @{ $json->{notes} // [] }), 'what was done')
    or diag explain $json;

my $digest = $redis->cli('GET', $redis->key("id:$id"));
$redis->cli('SET', $redis->key("id:$id"),
    $redis->cli('GET', $redis->key("id:$revoked")));
($status, $json) = $api->call(GET => '/api/tokens', token => $token);
is($status, 200, 'an index leads to another record');
is_deeply([map { $_->{code} } @{ $json->{notes} // [] }], ['error'], 'a note says so');
$redis->cli('SET', $redis->key("id:$id"), $digest);

# revoked by whoever holds it: said only if it is so

my $held = $command->json('token', 'create', '--user', $user, '--name', 'held',
    '--env', 'testing');
$digest = $redis->cli('GET', $redis->key("id:$held->{id}"));
my $key = $redis->key("token:$digest");
$redis->cli('HSET', $key, 'id', 'no id');
is(($api->call(POST => '/api/revoke', form => { token => $held->{token} }))[0], 503,
    'its record cannot be changed: it is not said to be revoked');
$redis->cli('HSET', $key, 'id', $held->{id});
is(($api->call(POST => '/api/revoke', form => { token => $held->{token} }))[0], 200,
    'and one that can');
is($command->json('token', 'show', $held->{id})->{state}, 'revoked', 'is revoked');
is(($api->call(POST => '/api/revoke', form => { token => 'anything' }))[0], 200,
    'one that is unknown');

# a daemon is ended while connections wait: it takes no further one

my $busy = Stok::Api->start(redis => $redis, workers => 1);
my ($worker) = $busy->workers;
kill 'STOP', $worker;
my @waiting = map { IO::Socket::UNIX->new(Peer => "$busy->{dir}/control.sock") or die } 1 .. 50;
syswrite $_, "1:x," for @waiting;
kill 'TERM', $busy->{process}{pid}, $worker;
kill 'CONT', $worker;
ok($busy->stop, 'it ends');

my $answers = 0;
for my $sock (@waiting) {
    local $/;
    $answers++ if (<$sock> // '') =~ /Status/;
}

cmp_ok($answers, '<=', 1, 'and answers nobody else');

# a worker that cannot go on is in the log, and does not loop: here a file is
# inherited that is not a socket

my $odd = bless { dir => File::Temp->newdir, redis => $redis, workers => 1 }, 'Stok::Api';
$odd->{wrap} = ['/bin/sh', '-c', 'exec 3< /dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', 'sh'];
IO::Socket::UNIX->new(Local => "$odd->{dir}/control.sock", Listen => 1) or die;
$odd->serve;
wait_for('a line of the log', sub { $odd->log =~ /worker \d+ ended by exit code 1/ });
ok($odd->stop, 'not a socket');

# a sealed dataset: records that were changed from outside, and no keys

my $keyed = Stok::Redis->start(empty => 1);
my $keys = "$command->{dir}/keys";
open my $fh, '>', $keys or die;
print $fh +($command->run('key', 'new', 'k1'))[1];
close $fh;
chmod 0600, $keys;

my $sealed = Stok::Command->new($keyed, '--key-file', $keys);
is(($sealed->run('init'))[0], 0, 'sealed');
person($sealed, $_) for qw(admin member);
my ($mine) = @{ $sealed->json('token', 'list', '--user', 'member@example.com') };
my ($boss) = @{ $sealed->json('token', 'list', '--user', 'admin@example.com') };

my $with = daemon(keys => $keys);
my $without = daemon();

like(ask($with, $boss), qr/^Status: 200 /, 'an admin');
like(ask($with, $mine), qr/^Status: 403 /, 'a member');
like(ask($with, $boss, '', "/api/tokens/$held->{token}"), qr/^Status: 422 /,
    'a plaintext token for an id');
like(ask($without, $boss), qr/^Status: 500 /, 'without keys nobody is known');
like(ask($without, undef, 'token=x'), qr/^Status: 500 /, 'and nothing is revoked');

$keyed->cli('HSET', $keyed->key('user:member@example.com'), 'role', 'admin');
like(ask($with, $mine), qr/^Status: 403 /, 'a role that was written into Redis');
like(ask($without, $mine), qr/^Status: 500 /, 'nor without keys');

finish;


sub person {
    my ($st, $name) = @_;
    $st->run('user', 'create', "$name\@example.com", '--human', '--role', $name);
    return ($st->run('token', 'create', '--user', "$name\@example.com",
        '--name', 'console', '--env', 'production'))[1] =~ s/\s+$//r;
}

# a daemon alone, without nginx

sub daemon {
    my %opt = @_;
    my $self = bless { dir => File::Temp->newdir, redis => $keyed, workers => 1,
        key_file => $opt{keys} }, 'Stok::Api';
    $self->serve;
    return $self;
}

sub ask {
    my ($daemon, $who, $body, $uri) = @_;
    my %params = (CONTENT_LENGTH => length($body // ''), SCGI => 1,
        REQUEST_METHOD => $who ? 'GET' : 'POST',
        REQUEST_URI => $uri ? $uri : $who ? '/api/users' : '/api/revoke',
        CONTENT_TYPE => 'application/x-www-form-urlencoded',
        REMOTE_ADDR => '127.0.0.1', REQUEST_ID => 'r1',
        SERVICE_TOKEN_ID => $who && $who->{id},
        SERVICE_TOKEN_USER => $who && $who->{user},
        ST_AUTH => $who ? 'token' : 'none');
    my $text = join '', map { "$_\0" . ($params{$_} // '') . "\0" }
        qw(CONTENT_LENGTH SCGI REQUEST_METHOD REQUEST_URI CONTENT_TYPE ACCEPT
        IF_MATCH PREFER IDEMPOTENCY_KEY ORIGIN SEC_FETCH_SITE HOST SCHEME
        REMOTE_ADDR REQUEST_ID SERVICE_TOKEN_ID SERVICE_TOKEN_USER ST_AUTH);
    my $sock = IO::Socket::UNIX->new(Peer => "$daemon->{dir}/control.sock") or die;
    syswrite $sock, length($text) . ":$text," . ($body // '');
    local $/;
    return scalar(<$sock>) // '';
}
