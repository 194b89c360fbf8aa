use strict;
use warnings;

# A reload keeps the cache, and misses nothing; another size, dataset or key
# begins an empty one, and another lease rules at once.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;

$redis->user('user@service');

my @token = map { $redis->token(name => "n$_") } 1 .. 20;
my $nginx = edge(redis => $redis);

said($nginx, $_) for @token, @token;
wait_for('cached', sub { said($nginx, $token[0]) eq '200 ALLOWED HIT' });

# again and again, with a change right before and right after

my $calls = $redis->calls('hgetall');

for my $round (1 .. 3) {
    $nginx->reload;
    is(said($nginx, $_), '200 ALLOWED HIT', "reload $round: from the cache")
        for @token[4 .. 7];
}

is($redis->calls('hgetall'), $calls, 'Redis was not asked');

my $victim = $token[0];

for my $round (1 .. 2) {
    $redis->cli('HSET', $redis->token_key($victim), status => 'revoked');
    $nginx->reload(nowait => 1);
    wait_for('refused', sub { said($nginx, $victim) =~ /^401 REVOKED/ });
    pass('a change right before a reload');

    $redis->cli('HSET', $redis->token_key($victim), status => 'active');
    wait_for('allowed', sub { said($nginx, $victim) =~ /^200 ALLOWED/ });
    pass('a change right after a reload');
    wait_for('settled', sub { $nginx->workers == 2 });
}

is(said($nginx, $token[5]), '200 ALLOWED HIT', 'the others were kept');

# the old keeper is gone, and one stream is left

wait_for('one stream', sub {
    1 == grep { / sub=1 / } split /\n/, $redis->cli('CLIENT', 'LIST') });
pass('one stream');

# not the same cache

for my $case (
    ['another size', sub { s/service_token 1m/service_token 2m/ },
        '200 ALLOWED'],
    ['another prefix', sub { s/(service_token_zone)/service_token_prefix "{x}:";\n$1/ },
        '503 UNAVAILABLE'],
    ['the prefix again', sub { s/service_token_prefix.*\n// }, '200 ALLOWED'],
    ['another database', sub { s/(service_token_redis \S+)/$1 db=3/ },
        '503 UNAVAILABLE'],
    ['the database again', sub { s/ db=3// }, '200 ALLOWED'],
) {
    my ($name, $change, $expected) = @$case;

    local $_ = $nginx->read('nginx.conf');
    $change->();
    $nginx->file('nginx.conf', $_);
    $nginx->reload;
    like(said($nginx, $token[9]), qr/^$expected (?!HIT)/, "$name: not kept");
    wait_for('in use', sub { said($nginx, $token[9]) =~ / HIT$/ })
        if $expected =~ /^2/;
}

# the key of the digests

$nginx->file('keys', Stok::Redis::key_file({ name => 'k', secret => "\x11" x 32 }),
    0600);
$nginx->file('nginx.conf', $nginx->read('nginx.conf')
    =~ s/(service_token_zone)/service_token_key_file keys;\n$1/r);
$nginx->reload;
like(said($nginx, $token[9]), qr/^401 UNKNOWN/, 'another key: not kept');

# a shorter lease: what the longer one proved is not used for longer

my $lease = edge(redis => $redis, conf => 'service_token_lease 60s;');

wait_for('cached', sub { said($lease, $token[9]) eq '200 ALLOWED HIT' });
$redis->cli(qw(ACL SETUSER default -client|tracking));
$lease->file('nginx.conf',
    $lease->read('nginx.conf') =~ s/lease 60s/lease 1s/r);
$lease->reload;
$redis->cli(qw(CLIENT KILL TYPE pubsub));
$redis->cli('HSET', $redis->token_key($token[9]), status => 'revoked');
wait_for('refused', sub { said($lease, $token[9]) eq '401 REVOKED BYPASS' });
pass('another lease: the old one is not kept');

finish();
