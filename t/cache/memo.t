use strict;
use warnings;

# A worker remembers tokens that it has judged, never longer than the cache
# would answer the same.  One worker, and enough requests that each is
# remembered.

use lib 't/lib';
use Stok::Test;
use Time::HiRes 'time';

my $redis = Stok::Redis->start;
my $nginx = edge(redis => $redis, workers => 1,
    server => 'add_header X-Token "$service_token_name" always;');

sub remembered {
    my ($token, $expected) = @_;

    said($nginx, $token) for 1 .. 3;
    my $said = said($nginx, $token);
    is($said, "$expected HIT", "$expected, remembered");
}

sub becomes {
    my ($name, $token, $expected) = @_;

    wait_for($name, sub { said($nginx, $token) =~ /^\Q$expected\E / });
    pass("$name: $expected");
}

# each of the two records, and both ways

$redis->user('user@service', role => 'manager');

my $token = $redis->token;
my $key = $redis->token_key($token);
my $user = '{st}:user:user@service';

for my $change (
    [$key, status => 'revoked', 'active', '401 REVOKED'],
    [$user, status => 'disabled', 'active', '401 USER_DISABLED'],
    [$key, scope => 'other', '', '403 SCOPE'],
) {
    my ($of, $field, $bad, $good, $expected) = @$change;

    remembered($token, '200 ALLOWED');
    $redis->cli(HSET => $of, $field, $bad);
    becomes("$field $bad", $token, $expected);
    $redis->cli(HSET => $of, $field, $good);
    becomes("$field $good", $token, '200 ALLOWED');
}

# all that is kept is dropped at once

remembered($token, '200 ALLOWED');
$redis->cli('EVAL', 'redis.call("FLUSHALL")
    redis.call("HSET", KEYS[1], "schema", "2")', 1, '{st}:meta');
becomes('all gone', $token, '401 UNKNOWN');

$redis->user('user@service', role => 'manager');

# tokens that share a place in it: each keeps its own name

my (%at, @pair);

for my $n (1 .. 2000) {
    my $name = "n$n-" . Stok::Redis::random(6);
    my $made = $redis->token(name => $name);
    my $place = unpack('V', pack 'H*', $redis->digest($made)) % 1024;

    if ($at{$place}) {
        @pair = ($at{$place}, [$made, $name]);
        last;
    }

    $at{$place} = [$made, $name];
}

is(@pair, 2, 'two tokens of one place');

for my $round (1 .. 6) {
    for my $one (@pair) {
        my $answer = $nginx->get('/index.html', token => $one->[0]);
        like(header_of($answer, 'X-Token'), qr/^\Q$one->[1]\E$/,
            "its own name, $round");
    }
}

# too long to be remembered

my $long = $redis->token(name => "\xf0\x9f\x94\x91" x 255);
remembered($long, '200 ALLOWED');
$redis->cli(HSET => $redis->token_key($long), status => 'revoked');
becomes('a long name', $long, '401 REVOKED');

# the older of the two records ends it: the user's, as the token was changed

$nginx = edge(redis => $redis, workers => 1,
    conf => 'service_token_cache_valid 3s;');

$token = $redis->token;

my $other = $redis->token(name => 'n' x 255);       # too long to be remembered
my $first;

for my $round (1 .. 8) {
    $redis->cli(HSET => $user, name => "n$round");
    wait_for('the user is asked for', sub { said($nginx, $token) =~ /MISS/ });
    my $since = time;
    wait_for('some of its time', sub { time - $since > 1 });

    for my $one ($token, $other) {
        $redis->cli(HSET => $redis->token_key($one), env => "e$round");
        wait_for('the token is asked for', sub { said($nginx, $one) =~ /MISS/ });
        said($nginx, $one) for 1 .. 3;
    }

    # the end may come between the two: then it is tried again

    wait_for('the end of the user\'s record', sub {
        select undef, undef, undef, 0.03;
        $first = said($nginx, $token) =~ /MISS/;
        return $first || said($nginx, $other) =~ /MISS/;
    });

    last if $first;
}

ok($first, 'a remembered token ends with its user, though it is younger');

finish();
