use strict;
use warnings;

# A change in Redis reaches every worker: each kind of change, and others'.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
my $nginx = edge(redis => $redis, workers => 2);

$redis->user('user@service', role => 'manager');

my ($token, $key, $user) = ($redis->token, undef, '{st}:user:user@service');
$key = $redis->token_key($token);

for my $case (
    ['revoked', [HSET => $key, status => 'revoked', revoked_at => 1],
        '401 REVOKED'],
    ['restored', [HSET => $key, status => 'active', revoked_at => 0],
        '200 ALLOWED'],
    ['expired', [HSET => $key, expires_at => time - 5], '401 EXPIRED'],
    ['never expires', [HSET => $key, expires_at => 0], '200 ALLOWED'],
    ['scoped', [HSET => $key, scope => 'scim'], '403 SCOPE'],
    ['not scoped', [HDEL => $key, 'scope'], '200 ALLOWED'],
    ['user disabled', [HSET => $user, status => 'disabled'],
        '401 USER_DISABLED'],
    ['user enabled', [HSET => $user, status => 'active'], '200 ALLOWED'],
    ['lower role', [HSET => $user, role => 'member'], '403 ROLE', '/admin/'],
    ['higher role', [HSET => $user, role => 'admin'], '404 ALLOWED',
        '/admin/none'],
    ['user renamed away', [RENAME => $user, '{st}:user:other'],
        '401 ORPHANED'],
    ['user back', [RENAME => '{st}:user:other', $user], '200 ALLOWED'],
    ['unreadable', [HSET => $key, what => 'more'], '503 UNAVAILABLE'],
    ['readable', [HDEL => $key, 'what'], '200 ALLOWED'],
    ['deleted', [DEL => $key], '401 UNKNOWN'],
    ['created', [HSET => $key, id => 'tok_1', user => 'user@service',
        name => 'n', type => 'service', status => 'active', expires_at => 0],
        '200 ALLOWED'],
    ['dies by itself', [PEXPIRE => $key, 1], '401 UNKNOWN'],
) {
    my ($name, $change, $expected, $uri) = @$case;

    said($nginx, $token, $uri) for 1 .. 6;
    $redis->cli(@$change);
    everywhere($name, $token, $expected, $uri);
}

# many keys in one step

my @many = map { $redis->token(name => "n$_") } 1 .. 200;
said($nginx, $_) for @many, @many;
is(said($nginx, $_), '200 ALLOWED HIT', 'in the cache') for @many[0, 199];

$redis->cli('EVAL', 'for i, key in ipairs(KEYS) do
    redis.call("HSET", key, "status", "revoked") end',
    scalar @many, map { $redis->token_key($_) } @many);

everywhere('200 in one script', $_, '401 REVOKED') for @many;

# all at once

said($nginx, $_) for @many;
$redis->cli('FLUSHALL');
everywhere('FLUSHALL', $many[0], '503 UNAVAILABLE');

$redis->init;
everywhere('an empty dataset', $many[0], '401 UNKNOWN');

# a message that is not an invalidation: everything is asked again

$redis->user('user@service');
my $last = $redis->token;
said($nginx, $last) for 1 .. 6;
fresh($nginx);
wait_for('cached', sub { said($nginx, $last) eq '200 ALLOWED HIT' });
my $calls = $redis->calls('hgetall');
$redis->cli('PUBLISH', '__redis__:invalidate', 'what is this');
wait_for('asked again', sub {
    said($nginx, $last);
    $redis->calls('hgetall') > $calls
});
pass('an unknown message drops all');

finish();


# within the deadline every worker says so, and goes on saying so

sub everywhere {
    my ($name, $token, $expected, $uri) = @_;

    my $last = '';
    my $in_time = eval {
        wait_for($name, sub {
            ($last = said($nginx, $token, $uri)) =~ /^$expected /;
        });
    };

    ok($in_time, $name) or diag("$last, not $expected");

    my %said = map { said($nginx, $token, $uri) =~ s/ \w*$//r => 1 } 1 .. 8;
    is_deeply([keys %said], [$expected], "$name: every worker");
}
