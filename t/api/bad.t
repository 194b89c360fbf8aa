# Input that is wrong: the right problem, nothing half-made, and the next
# request gets its own answer.

use strict;
use warnings;
use lib 't/lib';
use IO::Socket::UNIX;
use Stok::Api;
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start;
my $command = Stok::Command->new($redis);

$command->run('init');
$command->run('user', 'create', 'admin@example.com', '--human', '--role', 'admin');

my $token = ($command->run('token', 'create', '--user', 'admin@example.com',
    '--name', 'console', '--env', 'production'))[1] =~ s/\s+$//r;

my $api = Stok::Api->start(redis => $redis);
my $json = 'Content-Type: application/json';

my %user = (name => 'pipeline', purpose => 'loads', owner => 'data');
my $user = '"name":"pipeline","purpose":"loads","owner":"data"';

my @bad = (
    # status, type, name, method, path, body, headers
    [413, undef, 'a body of 64 KiB and one', POST => '/api/users', '{"name":"' . 'x' x 65536 . '"}', $json],
    [400, 'malformed', 'no JSON', POST => '/api/users', '{', $json],
    [400, 'malformed', 'nothing', POST => '/api/users', '', $json],
    [400, 'malformed', 'an array', POST => '/api/users', '[]', $json],
    [400, 'malformed', 'more behind it', POST => '/api/users', "{$user} x", $json],
    [400, 'malformed', 'a member twice', POST => '/api/users', "{$user,\"name\":\"b\"}", $json],
    [400, 'malformed', 'bad UTF-8', POST => '/api/users', "{$user,\"role\":\"\xff\"}", $json],
    [400, 'malformed', 'too deep', POST => '/api/users', '[' x 17 . ']' x 17, $json],
    [400, 'malformed', 'a zero in a text', POST => '/api/users', "{$user,\"role\":\"a\\u0000\"}", $json],
    [422, 'invalid', 'an unknown member', POST => '/api/users', "{$user,\"rolle\":\"admin\"}", $json],
    [422, 'invalid', 'a member is missing', POST => '/api/users', '{"purpose":"x"}', $json],
    [422, 'invalid', 'a number for a text', POST => '/api/users', "{$user,\"role\":1}", $json],
    [422, 'invalid', 'a text for a flag', POST => '/api/users', "{$user,\"human\":\"true\"}", $json],
    [422, 'invalid', 'another role', POST => '/api/users', "{$user,\"role\":\"root\"}", $json],
    [422, 'invalid', 'no purpose', POST => '/api/users', '{"name":"pipeline"}', $json],
    [415, 'media-type', 'a form', POST => '/api/users', "{$user}", 'Content-Type: text/plain'],
    [415, 'media-type', 'no type', POST => '/api/users', "{$user}"],
    [405, 'method', 'a method that is not there', PUT => '/api/users'],
    [405, 'method', 'OPTIONS', OPTIONS => '/api/users'],
    [405, 'method', 'HEAD', HEAD => '/api/users'],
    [405, 'method', 'an unknown one', FROB => '/api/users'],
    [404, 'not-found', 'a path that is not there', GET => '/api/user'],
    [404, 'not-found', 'nothing', GET => '/api/users/x/y/z'],
    [400, 'malformed', 'too long a path', GET => '/api/a/b/c/d/e/f'],
    [400, 'malformed', 'a slash at the end', GET => '/api/users/'],
    [400, 'malformed', 'two slashes', GET => '/api//users'],
    [400, 'malformed', 'up', GET => '/api/tokens/../users'],
    [400, 'malformed', 'up, escaped', GET => '/api/tokens/%2e%2e/users'],
    [400, undef, 'a zero', GET => '/api/users/%00'],
    [400, undef, 'a bad escape', GET => '/api/users/%zz'],
    [404, 'not-found', 'an escaped slash', GET => '/api/users%2fadmin@example.com'],
    [422, 'invalid', 'an unknown parameter', GET => '/api/users?x=1'],
    [400, 'malformed', 'a parameter twice', POST => '/api/wait?for=1s&for=2s'],
    [422, 'invalid', 'a bad wait', POST => '/api/wait?for=soon'],
    [422, 'invalid', 'zero days', POST => '/api/tokens', '{"user":"admin@example.com","name":"a","env":"testing","expires_in_days":0}', $json],
    [422, 'invalid', '366 days', POST => '/api/tokens', '{"user":"admin@example.com","name":"a","env":"testing","expires_in_days":366}', $json],
    [422, 'invalid', 'days as a text', POST => '/api/tokens', '{"user":"admin@example.com","name":"a","env":"testing","expires_in_days":"90"}', $json],
    [404, 'not-found', 'no such user', GET => '/api/users/nobody'],
    [404, 'not-found', 'no such token', GET => '/api/tokens/tok_0000000000000000'],
    [403, 'cross-origin', 'another site', POST => '/api/users', "{$user}", $json, 'Sec-Fetch-Site: cross-site'],
    [403, 'cross-origin', 'a site beside it', POST => '/api/users', "{$user}", $json, 'Sec-Fetch-Site: same-site'],
    [403, 'cross-origin', 'an origin', POST => '/api/users', "{$user}", $json, 'Origin: https://evil.example'],
    [403, 'cross-origin', 'no origin', POST => '/api/users', "{$user}", $json, 'Origin: null'],
    [412, 'revision', 'a revision that is none', PATCH => '/api/users/admin@example.com', '{"owner":"x"}', $json, 'If-Match: "x"'],
    [412, 'revision', 'another revision', PATCH => '/api/users/admin@example.com', '{"owner":"x"}', $json, 'If-Match: "0123456789abcdef"'],
    [409, 'would-lock-you-out', 'disabling oneself', PUT => '/api/users/admin@example.com/status', '{"status":"disabled"}', $json],
    [409, 'would-lock-you-out', 'a lower role', PUT => '/api/users/admin@example.com/role', '{"role":"member"}', $json],
    [409, 'would-lock-you-out', 'revoking all', POST => '/api/users/admin@example.com/revoke-all'],
    [409, 'would-lock-you-out', 'deleting oneself', DELETE => '/api/users/admin@example.com'],
);

my $before = dump_of();

for (@bad) {
    my ($want, $type, $name, $method, $path, $body, @headers) = @$_;

    my ($status, $problem, $head) = $api->call($method, $path, token => $token,
        body => $body, headers => \@headers);

    is($status, $want, "$name: $want");
    is(ref $problem && $problem->{type}, "urn:service-token:$type", "$name: $type")
        if $type && $method ne 'HEAD';
    like($head, qr{^Content-Type: application/problem\+json\r?$}m, "$name: a problem")
        if $type;

    my ($next, $me) = $api->call(GET => '/api/meta', token => $token);
    is(ref $me && $me->{you}{user}, 'admin@example.com', "$name: the next answer is right");
}

is(dump_of(), $before, 'nothing was made');
unlike($api->log, qr/ended by/, 'no worker ended');

# the same origin is not another site

is(($api->call(POST => '/api/users', token => $token, json => \%user,
    headers => ['Origin: http://localhost', 'Sec-Fetch-Site: same-origin']))[0], 201,
    'the page itself');

# two writers: the second has read what the first has changed

my ($status, $record, $head) = $api->call(GET => '/api/users/pipeline@service', token => $token);
my ($etag) = $head =~ /^ETag: (\S+)/m;

is_deeply([map { ($api->call(PATCH => '/api/users/pipeline@service', token => $token,
    json => { owner => $_ }, headers => ["If-Match: $etag"]))[0] } qw(one two)], [200, 412],
    'two writers');
is($command->json('user', 'show', 'pipeline@service')->{owner}, 'one', 'the first one wrote');

# whoever connects and says nothing holds nobody up for long

my @idle = map { IO::Socket::UNIX->new(Peer => "$api->{dir}/control.sock") } 1 .. 4;
is(($api->call(GET => '/api/meta', token => $token))[0], 200, 'idle connections');
@idle = ();

# a worker that dies is replaced, and nobody else notices

my %old = map { $_ => 1 } $api->workers;
kill 'KILL', keys %old;
wait_for('new workers', sub { (grep { !$old{$_} } $api->workers) == 2 });
is(($api->call(GET => '/api/meta', token => $token))[0], 200, 'after workers died');
like($api->log, qr/worker \d+ ended by signal 9/, 'the log says so');

# Redis is away, and comes back

my $nginx = $api->nginx;
$redis->cli("SAVE");
$redis->down;
($status, $record, $head) = $api->call(GET => '/api/meta', token => $token);
is($status, 503, 'Redis is away') or diag explain $record, $api->log;
$redis->up;
wait_for('it is back', sub { ($api->call(GET => '/api/meta', token => $token))[0] == 200 });
pass('and back');

ok($api->stop, 'the daemon ends when it is told to');
ok(!-e "$api->{dir}/control.sock", 'and takes its socket away');

finish;


sub dump_of {
    return join "\n", map { "$_ " . unpack 'H*', $redis->cli('DUMP', $_) }
        sort grep { !/watch:|:tick|last_used|usage:|flushed:|nodes/ }
        @{ $redis->cli('KEYS', '*') };
}
