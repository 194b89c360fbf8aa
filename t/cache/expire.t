use strict;
use warnings;

# Time passes: tokens expire in the cache, and records have an end.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
my $nginx = edge(redis => $redis, conf => 'service_token_cache_valid 2s unknown=1s;');

$redis->user('user@service');

# a token expires although nothing is said about it

my $token = $redis->token(expires_at => time + 3);
$redis->heard;

is(said($nginx, $token), '200 ALLOWED MISS', 'before');
is(said($nginx, $token), '200 ALLOWED HIT', 'before, from the cache');
wait_for('it expires', sub { said($nginx, $token) =~ /^401 EXPIRED/ });
pass('expired by its own date');

# a record is asked for again after cache_valid, whatever the stream says

for my $case (['known', $redis->token, '200 ALLOWED'],
              ['unknown', 'unknown-' . Stok::Redis::random(9), '401 UNKNOWN'])
{
    my ($name, $with, $expected) = @$case;

    $redis->heard;
    said($nginx, $with) for 1 .. 4;
    is(said($nginx, $with), "$expected HIT", "$name: in the cache");
    wait_for('its end', sub { said($nginx, $with) eq "$expected MISS" });
    is(said($nginx, $with), "$expected HIT", "$name: again");
}

finish();
