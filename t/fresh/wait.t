use strict;
use warnings;

# --wait: the command comes back when every node knows, and names who does not.

use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start;
my $cli = Stok::Command->new($redis);
my $json = Stok::Command->new($redis, '--json');

$redis->user('user@service', role => 'admin');

# without nodes

my $token = $redis->token;
my $id = id($token);
$redis->cli('SADD', '{st}:user-tokens:user@service', $id);

my ($code, $out, $err) = $cli->run('token', 'revoke', $id, '--wait', '5s');

is($code, 0, 'no node: nobody to wait for');
like($err, qr/^0 of 0 nodes acknowledged in [\d.]+ ms$/m, 'and says so');

# two nodes of two workers each

my @nginx = map { edge(redis => $redis, workers => 2, name => "node $_") } 1, 2;

$cli->run('token', 'restore', $id);
wait_for('two nodes', sub { $redis->cli('HLEN', '{st}:nodes') == 2 });

my ($version) = Stok::Nginx::slurp('lib/stok.h')
    =~ /STOK_VERSION +"([\d.]+)"/;
is_deeply([map { "$_->{lease_ms} $_->{version}" }
    @{ JSON::PP->new->decode(($cli->run('status', '--json'))[1])->{nodes} }],
    [("2000 $version") x 2],
    'status shows the lease and the version of each');

my %changes = (
    'token revoke'    => [['token', 'revoke', $id], '401 REVOKED'],
    'token restore'   => [['token', 'restore', $id], '200 ALLOWED'],
    'user set-role'   => [['user', 'set-role', 'user@service', 'member'],
        '403 ROLE', '/admin/'],
    'user disable'    => [['user', 'disable', 'user@service'],
        '401 USER_DISABLED'],
    'user enable'     => [['user', 'enable', 'user@service'], '200 ALLOWED'],
    'user revoke-all' => [['user', 'revoke-all', 'user@service'],
        '401 REVOKED'],
    'token delete'    => [['token', 'delete', $id, '--force'], '401 UNKNOWN'],
);

for my $name ('token revoke', 'token restore', 'user set-role', 'user disable',
    'user enable', 'user revoke-all', 'token delete')
{
    my ($args, $expected, $uri) = @{ $changes{$name} };

    # cached at every worker, of both nodes

    for my $nginx (@nginx) {
        wait_for('cached', sub { said($nginx, $token, $uri) =~ / HIT$/ });
    }

    ($code, $out, $err) = $cli->run(@$args, '--wait', '10s');

    # what the very next request of each node gets, before all else

    my @said = map { said($_, $token, $uri) } @nginx, @nginx;

    is($code, 0, "$name: acknowledged");
    like($err, qr/^2 of 2 nodes acknowledged in [\d.]+ ms$/m, "$name: by both");
    is(scalar(grep { /^$expected / } @said), 4, "$name: in force everywhere")
        or diag(join ', ', @said);
}

# a scan finds something, and has it revoked everywhere when it comes back

my $leaked = $redis->token(id => 'tok_leaked0000000000');
wait_for('cached', sub { said($nginx[0], $leaked) =~ /^200 .* HIT$/ });
my $file = $nginx[0]->file('leaked.txt', "x=$leaked\n");
($code, $out, $err) = $cli->run('scan', $file, '--revoke', '--wait', '10s');
is($code, 1, 'scan: found');
like($err, qr/^2 of 2 nodes acknowledged/m, 'scan: acknowledged');
is(said($nginx[0], $leaked), '401 REVOKED MISS', 'scan: in force');
unlink $file;

# as JSON: one object

$token = $redis->token;
$id = id($token);

my $answer = $json->json('token', 'revoke', $id, '--wait', '10s');
is($answer->{status}, 'revoked', 'json: the record');
is_deeply([@{ $answer->{wait} }{qw(nodes acknowledged missing)}], [2, 2, []],
    'json: who acknowledged');
like($answer->{wait}{milliseconds}, qr/^\d+(?:\.\d+)?$/, 'json: and when');

# a node that hears nothing is named, and the change was made

my @frozen = $nginx[1]->workers;
kill 'STOP', @frozen;

($code, $out, $err) = $cli->run('token', 'restore', $id, '--wait', '500ms');
is($code, 1, 'a frozen node: found something');
like($err, qr/^1 of 2 nodes acknowledged/m, 'one did');
my @named = $err =~ /node (\S+) did not acknowledge/g;
is(scalar(@named), 1, 'the other is named');
ok($redis->cli('HEXISTS', '{st}:nodes', $named[0]), 'as it is registered');
is($redis->cli('HGET', $redis->token_key($token), 'status'), 'active',
    'the change was made');

($code, $out) = $json->run('token', 'revoke', $id, '--wait', '500ms');
is($code, 1, 'json: found something');
is_deeply(JSON::PP->new->decode($out)->{wait}{missing}, \@named,
    'json: who did not');

kill 'CONT', @frozen;

($code, $out, $err) = $cli->run('token', 'restore', $id, '--wait', '10s');
is($code, 0, 'it goes on: acknowledged') or diag($err);

# a node that is long gone is not waited for

$redis->cli('HSET', '{st}:nodes', 'gone', '1700000000000 2000');
($code, $out, $err) = $cli->run('token', 'revoke', $id, '--wait', '10s');
is($code, 0, 'a node of the past is not waited for');
like($err, qr/^2 of 2 /m, 'nor counted');

# nothing stays behind

ok($redis->cli('TTL', $_) > 0, 'an acknowledgement ends by itself')
    for @{ $redis->cli('KEYS', '{st}:ack:*') }[0];
is(scalar(grep { $redis->cli('TTL', $_) < 0 }
    @{ $redis->cli('KEYS', '{st}:ack:*') },
    @{ $redis->cli('KEYS', '{st}:watch:*') }), 0, 'and every marker');

# bad input

for my $bad ('0', '5', '5h', 'x', '-1s', '61m', '') {
    ($code, $out, $err) = $cli->run('token', 'restore', $id, '--wait', $bad);
    is($code, 2, "--wait \"$bad\": usage");
}

is($redis->cli('HGET', $redis->token_key($token), 'status'), 'revoked',
    'and nothing was changed');

($code) = $cli->run('token', 'list', '--wait', '5s');
is($code, 2, 'not for a verb that changes nothing');

finish();


sub id {
    my $token = shift;
    return $redis->cli('HGET', $redis->token_key($token), 'id');
}
