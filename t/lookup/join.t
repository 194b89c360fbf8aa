use strict;
use warnings;

# A request that began after an acknowledged change does not join a question
# that Redis was asked before it; one that began before may.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
my $proxy = Stok::Proxy->start($redis);

$redis->user('user@service');

# uncached; and cached, while no stream vouches for anything

for my $case (
    ['uncached', 'service_token_cache_valid 0;', sub { }],
    ['no stream', '', sub {
        my ($nginx, $token) = @_;
        $proxy->hold('stream');
        wait_for('no lease', sub { said($nginx, $token) =~ /BYPASS$/ });
    }],
) {
    my ($name, $conf, $prepare) = @$case;

    my $nginx = edge(redis => $redis, workers => 1, cold => 1, name => $name,
        to => '127.0.0.1:' . $proxy->port . ' timeout=20s connect_timeout=20s',
        conf => $conf);

    for my $change (
        ['token', sub { $redis->cli('HSET', $redis->token_key($_[0]),
            'status', 'revoked') }, '401 REVOKED'],
        ['user', sub { $redis->cli('HSET', '{st}:user:user@service',
            'status', 'disabled') }, '401 USER_DISABLED'],
    ) {
        my ($what, $revoke, $refused) = @$change;
        my $token = $redis->token;

        wait_for('let in', sub { said($nginx, $token) =~ /^200/ });
        $prepare->($nginx, $token);

        # Redis has read the token's record; what it answered is under way

        my $calls = $redis->calls('hgetall');
        $proxy->hold('data');
        my $first = $nginx->open(request($token));
        wait_for('asked', sub { $redis->calls('hgetall') > $calls });

        $revoke->($token);
        my $second = $nginx->open(request($token));
        my $third = $nginx->open(request($token));

        $proxy->release('data');

        for ($second, $third) {
            my $answer = $nginx->answer($_);
            is(status_of($answer) . ' ' . header_of($answer, 'X-Status'),
                $refused, "$name, $what: a request after it is refused");
        }

        # the user's record is asked for when the token's has come

        like($nginx->answer($first), $what eq 'token' ? qr/^HTTP\S+ 200 /
            : qr/^HTTP\S+ 401 /, "$name, $what: the first one has its answer");

        $proxy->release('stream');
        $redis->cli('HSET', '{st}:user:user@service', 'status', 'active');
    }
}

finish();


sub request {
    my $token = shift;
    return "GET /index.html HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        . "Authorization: Bearer $token\r\n\r\n";
}
