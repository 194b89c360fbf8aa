# A key file of several keys: a token is found by the digest of each, from
# Redis and from the cache; a guess costs as many questions as there are keys.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my @key = map { { name => "k$_", secret => chr(0x30 + $_) x 32 } } 1 .. 4;
my $redis = Stok::Redis->start;
my $nginx = edge(redis => $redis, files => { keys => Stok::Redis::key_file(@key[0 .. 2]) },
    conf => 'service_token_key_file keys; service_token_cache_valid 60s '
    . 'unknown=60s;', server => 'location = /stale { service_token_stale 60s;'
    . ' try_files /index.html =404; }');
my $st = Stok::Command->new($redis, '--key-file', $nginx->dir . '/keys');

$redis->{key} = $key[0];
$redis->user('user@service');

my @token;
for my $i (0 .. 3) {
    $redis->{key} = $key[$i];
    $token[$i] = $redis->token(id => "tok_$i");
}

for my $i (0 .. 2) {
    my $calls = $redis->calls('hgetall');

    is(said($nginx, $token[$i]), '200 ALLOWED MISS', "key $i: from Redis");
    is($redis->calls('hgetall') - $calls, 1 + $i + ($i == 0),
        'a query for each key before its own');

    $calls = $redis->calls('hgetall');
    is(said($nginx, $token[$i]), '200 ALLOWED HIT', "key $i: from the cache")
        for 1 .. 3;
    is($redis->calls('hgetall'), $calls, 'Redis is not asked');

    my $json = $st->jsonin($token[$i]);
    is("@$json{qw(verdict id key)}", "ALLOWED tok_$i $key[$i]{name}",
        'check says so, and by which key');
}

# by a key that the file has not: unknown, and so are guesses

for my $case (['another key', $token[3]], ['foreign', 'guess-0123456789']) {
    my ($name, $token) = @$case;
    my $calls = $redis->calls('hgetall');

    is(said($nginx, $token), '401 UNKNOWN MISS', $name);
    is($redis->calls('hgetall') - $calls, 3, 'one question for each key');
    is(said($nginx, $token), '401 UNKNOWN HIT', "$name: from the cache");
    is($redis->calls('hgetall') - $calls, 3, 'and no more');
    is(($st->input($token, 'check'))[1], "UNKNOWN\n", 'check');
}

# a wrong checksum is a question by no key

my $calls = $redis->calls('hgetall');
is(said($nginx, 'stk_svc_' . 'a' x 38), '401 UNKNOWN ', 'a bad checksum');
is(said($nginx, 'a b'), '400 MALFORMED ', 'bad grammar');
is($redis->calls('hgetall'), $calls, 'asks nothing');

# the record of an older key is invalidated and judged as any other

$redis->cli('HSET', $redis->key('user:user@service'), 'role', 'admin');
wait_for('tampered', sub { said($nginx, $token[2]) eq '401 TAMPERED HIT'
    || said($nginx, $token[2]) =~ /^401 TAMPERED/ });
pass('a user edited: tampered');
$redis->{key} = $key[1];
$redis->user('user@service');
wait_for('allowed', sub { said($nginx, $token[2]) =~ /^200 ALLOWED/ });
pass('sealed again, by another key');

# while Redis is away: what was seen, by whatever key

said($nginx, $_) for @token[0 .. 2];
$redis->down;
wait_for('the lease is out', sub {
    said($nginx, $token[0]) =~ /^503 UNAVAILABLE/ });
is(said($nginx, $token[$_], '/stale'), '200 STALE BYPASS', "key $_: stale")
    for 0 .. 2;
like(said($nginx, $token[3], '/stale'), qr/^503 UNAVAILABLE/,
    'not what was never known');

finish;

sub Stok::Command::jsonin {
    my ($self, $token) = @_;
    my ($code, $out) = $self->input($token, 'check', '--json');
    return JSON::PP->new->decode($out);
}
