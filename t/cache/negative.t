use strict;
use warnings;

# That a token is unknown is kept, too: not for long, and not when it is made.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
my $nginx = edge(redis => $redis,
    conf => 'service_token_cache_valid 60s unknown=60s;');

$redis->user('user@service');

my $token = 'foreign-' . Stok::Redis::random(20);

said($nginx, $token);
my $calls = $redis->calls('hgetall');
is(said($nginx, $token), '401 UNKNOWN HIT', 'unknown, from the cache')
    for 1 .. 5;
is($redis->calls('hgetall'), $calls, 'Redis is not asked');

# it is created: announced, and so it works at once

$redis->token(clear => $token);
wait_for('it works', sub { said($nginx, $token) =~ /^200 ALLOWED/ });
pass('created');

# a user that was not there

my $orphan = $redis->token(user => 'late@service');
said($nginx, $orphan) for 1 .. 3;
is(said($nginx, $orphan), '401 ORPHANED HIT', 'orphaned, from the cache');
$redis->user('late@service');
wait_for('it works', sub { said($nginx, $orphan) =~ /^200 ALLOWED/ });
pass('the user was created');

# unknown=0: not kept

my $none = edge(redis => $redis, name => 'the second', cold => 1,
    conf => 'service_token_cache_valid 60s unknown=0;');

wait_for('it caches', sub { said($none, $orphan) eq '200 ALLOWED HIT' });
is(said($none, 'foreign-0'), '401 UNKNOWN MISS', 'never kept') for 1 .. 3;

finish();
