# Somebody who can write to Redis, and has no key: what he can do to nginx, and
# what he cannot.  SECURITY.md and docs/threat-model.md say the same.

use strict;
use warnings;
use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use Stok::Test;

my $key = { name => 'k1', secret => 'k' x 32 };
my $redis = Stok::Redis->start;
my $nginx = edge(redis => $redis,
    files => { keys => Stok::Redis::key_file($key) },
    conf => 'service_token_key_file keys;',
    server => 'location /scim { service_token_scope scim; try_files '
        . '/index.html =404; }');

$redis->{key} = $key;
$redis->user('user@service');
$redis->user('admin@service', role => 'admin');

my $weak = $redis->token(user => 'user@service', id => 'tok_weak',
    scope => 'scim');
my $strong = $redis->token(user => 'admin@service', id => 'tok_strong');
my $gone = $redis->token(user => 'user@service', id => 'tok_gone',
    status => 'revoked', expires_at => 0);
my ($weak_key, $strong_key, $gone_key)
    = map { $redis->token_key($_) } $weak, $strong, $gone;
my $user_key = $redis->key('user:user@service');

is(said($nginx, $weak, '/scim'), '200 ALLOWED MISS', 'a token of a scope');
is(said($nginx, $strong), '200 ALLOWED MISS', 'a token of an admin');

# what he writes, the token, what comes of it: name, commands, token, verdict
for my $case (
    ['a role is raised', [[HSET => $user_key, role => 'admin']], $weak],
    ['a user is renamed', [[HSET => $user_key, name => 'root']], $weak],
    ['a scope is taken off', [[HDEL => $weak_key, 'scope']], $weak],
    ['it is given to another user',
        [[HSET => $weak_key, user => 'admin@service']], $weak],
    ['it lives longer', [[HSET => $weak_key, expires_at => time + 9999]], $weak],
    ['a revocation is undone', [[HSET => $gone_key, status => 'active']], $gone],
    ['a seal is taken off', [[HDEL => $strong_key, 'seal']], $strong],
    ['a seal of another token',
        [[HSET => $strong_key, seal => $redis->cli('HGET', $weak_key, 'seal')]],
        $strong],
    ['the record of another token',
        [[COPY => $strong_key, $gone_key, 'REPLACE']], $gone],
    ['the record of another user',
        [[COPY => $redis->key('user:admin@service'), $user_key, 'REPLACE']],
        $weak],
) {
    my ($name, $commands, $token) = @$case;
    my %was = map { $_->[0] eq 'COPY' ? ($_->[2] => dump_of($_->[2]))
        : ($_->[1] => dump_of($_->[1])) } @$commands;

    $redis->cli(@$_) for @$commands;
    ok(eval { wait_for($name, sub {
        said($nginx, $token, '/scim') =~ /^401 TAMPERED / }) }, $name)
        or diag(said($nginx, $token, '/scim'));
    $redis->cli('RESTORE', $_, 0, $was{$_}, 'REPLACE') for keys %was;
    wait_for('all is as it was',
        sub { said($nginx, $token, '/scim') !~ /TAMPERED/ });
}

# a token of his own, under whatever digest

my $minted = 'minted-by-who-can-write';

for my $digest (sha256_hex($minted), $redis->digest($minted)) {
    $redis->cli('COPY', $strong_key, $redis->key("token:$digest"));
}

like(said($nginx, $minted), qr/^401 TAMPERED /, 'a token is made');

# what he can: refuse, and bring back what once was

my $sealed = dump_of($strong_key);

$redis->{key} = $key;
$redis->token(user => 'admin@service', id => 'tok_strong', clear => $strong,
    status => 'revoked');
ok(eval { wait_for('revoked', sub {
    said($nginx, $strong) =~ /^401 REVOKED / }) }, 'it is revoked');
$redis->cli('RESTORE', $strong_key, 0, $sealed, 'REPLACE');
ok(eval { wait_for('put back', sub {
    said($nginx, $strong) =~ /^200 ALLOWED / }) },
    'an old record that is put back is not noticed');

# what he says on the channel: nothing is believed, the cache begins anew

said($nginx, $strong) for 1 .. 3;
is(said($nginx, $strong), '200 ALLOWED HIT', 'from the cache');
$redis->cli('PUBLISH', '__redis__:invalidate', 'x');
ok(eval { wait_for('asked anew', sub {
    said($nginx, $strong) eq '200 ALLOWED MISS' }) }, 'a message of his own');

$redis->cli('DEL', $strong_key);
ok(eval { wait_for('deleted', sub {
    said($nginx, $strong) =~ /^401 UNKNOWN / }) }, 'he can refuse one');

$redis->cli('FLUSHALL');
ok(eval { wait_for('emptied', sub {
    said($nginx, $weak, '/scim') =~ /^503 UNAVAILABLE / }) },
    'and all: an outage, no 401');

# without a key file he decides who gets in

my $open = Stok::Redis->start;
my $bare = edge(redis => $open);

$open->user('user@service');
my $token = $open->token(user => 'user@service');
is(said($bare, $token, '/admin/none'), '403 ROLE MISS', 'no admin');
$open->cli('HSET', $open->key('user:user@service'), 'role', 'admin');
ok(eval { wait_for('raised', sub {
    said($bare, $token, '/admin/none') =~ /^404 ALLOWED / }) },
    'without a key: a role is raised');
$open->token(user => 'user@service', clear => $minted);
like(said($bare, $minted), qr/^200 ALLOWED /, 'without a key: a token is made');

finish;


sub dump_of { $redis->cli('DUMP', shift) }
