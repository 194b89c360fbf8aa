use strict;
use warnings;

# A reply that was overtaken by a change is used by those who waited for it,
# and never kept; who comes after the change does not wait for it.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
my $proxy = Stok::Proxy->start($redis);

my $nginx = edge(redis => $proxy, workers => 1,
    to => '127.0.0.1:' . $proxy->port . ' timeout=20s connect_timeout=20s',
    conf => 'service_token_lease 20s;');

$redis->user('user@service');

my $other = $redis->token;
said($nginx, $other) for 1 .. 2;

for my $case (
    ['token', sub { $_[0] }, [status => 'revoked'], '401 REVOKED'],
    ['user', sub { '{st}:user:user@service' }, [status => 'disabled'],
        '401 USER_DISABLED'],
) {
    my ($name, $key, $change, $refused) = @$case;
    my $token = $redis->token;
    my $calls = $redis->calls('hgetall');

    if ($name eq 'user') {
        # the token is kept, and the user's record is not

        my $key = '{st}:user:user@service';
        $redis->cli('HSET', $key, 'status', 'disabled');
        wait_for('heard', sub { said($nginx, $token) =~ /USER_DISABLED/ });
        my %user = @{ $redis->cli('HGETALL', $key) };
        $redis->cli('DEL', $key);
        wait_for('heard', sub { said($nginx, $token) =~ /ORPHANED/ });
        $redis->write($key, { %user, status => 'active' });
        wait_for('heard', sub { said($nginx, $token) =~ /ALLOWED/ });
        $redis->cli('HSET', $key, 'purpose', 'other');
        select undef, undef, undef, 0.3;
        $calls = $redis->calls('hgetall');
    }

    # asked and answered, but the answer is under way

    $proxy->hold('data');
    my $first = $nginx->open(request($token));
    wait_for('Redis was asked', sub { $redis->calls('hgetall') > $calls });

    $redis->cli('HSET', $key->($redis->token_key($token)), @$change);

    # who comes once the change was heard asks anew

    my $second;
    wait_for('Redis was asked again', sub {
        $second = $nginx->open(request($token));
        select undef, undef, undef, 0.05;
        $redis->calls('hgetall') > $calls + 1;
    });

    $proxy->release('data');

    like($nginx->answer($first), qr/^HTTP\S+ 200 /,
        "$name: who waited began before the change");
    my $r = $nginx->answer($second);
    is(status_of($r) . ' ' . header_of($r, 'X-Status'), $refused,
        "$name: who came later does not wait for the old answer");
    like(said($nginx, $token), qr/^$refused /, "$name: it was not kept")
        for 1 .. 3;
}

finish();


sub request {
    my $token = shift;
    push @Stok::Redis::tokens, $token;
    return "GET /index.html HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        . "Authorization: Bearer $token\r\n\r\n";
}
