use strict;
use warnings;

# service_token_throttle: an address that goes on failing is answered with
# 429, before Redis is asked; no other address is, and nobody with a valid
# token that is known.
#
# A failure takes a minute to leak out, but for one location: so counts are
# exact.  Each case has an address of its own, or begins at one that is full.

use lib 't/lib';
use Stok::Status;
use Stok::Test;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $fits = 5;       # a burst of 4, and one

my %conf = (conf => Stok::Status::server() . <<'EOC', server => <<'EOC');
    real_ip_header X-Client;
    set_real_ip_from 127.0.0.1;
    service_token_throttle zone=guess:1m rate=1r/m burst=4;
    service_token_cache_valid 500ms unknown=60s;
EOC
    listen unix:%%DIR%%/edge.sock;
    location /less/ { service_token_throttle zone=guess burst=1;
        alias %%DIR%%/html/; }
    location /again/ { service_token_throttle burst=1 rate=1r/m zone=guess:1m;
        alias %%DIR%%/html/; }
    location /quick/ { service_token_throttle zone=quick:1m rate=10r/s;
        alias %%DIR%%/html/; }
    location /off/ { service_token_throttle off; alias %%DIR%%/html/; }
    location /any/ { satisfy any; deny all; auth_basic basic;
        auth_basic_user_file %%DIR%%/htpasswd; alias %%DIR%%/html/; }
    location /page/ { error_page 401 /index.html; alias %%DIR%%/html/; }
EOC

my $redis = Stok::Redis->start;
my $nginx = edge(redis => $redis, cold => 1, %conf,
    files => { htpasswd => "eva:{PLAIN}secret\n" });
my $status = Stok::Status->new($nginx);

$redis->user('user@service');
$redis->user('off@service', status => 'disabled');

my $valid = $redis->token;
fresh_by('10.0.1.1');

my %failing = (
    MALFORMED     => 'a b',
    UNKNOWN       => undef,
    REVOKED       => $redis->token(status => 'revoked'),
    EXPIRED       => $redis->token(expires_at => time - 10),
    ORPHANED      => $redis->token(user => 'nobody@service'),
    USER_DISABLED => $redis->token(user => 'off@service'),
    CHECKSUM      => 'stk_svc_' . 'x' x 38,
);

# each way to fail counts, up to the last one; then Redis hears nothing

my $n = 0;

for my $verdict (sort keys %failing) {
    my $address = '10.0.0.' . ++$n;
    my $code = $verdict eq 'MALFORMED' ? 400 : 401;

    is(tries($fits, $address, $failing{$verdict}), "$code x$fits", $verdict);

    my $asked = $redis->calls('hgetall');

    is(tries(20, $address, $failing{$verdict}), '429 x20', 'then 429');
    is(tries(3, $address), '429 x3', 'with another token, too');
    is($redis->calls('hgetall'), $asked, 'Redis was not asked');
}

my $over = '10.0.0.1';
my $r = try($over);

is(header_of($r, 'X-Status') . header_of($r, 'X-Cache'), 'THROTTLED',
    'its verdict');
is(header_of($r, 'WWW-Authenticate'), '', 'no challenge');
like(header_of($r, 'Retry-After'), qr/^(?:5\d|60)$/, 'Retry-After');

my $now = $status->now;
is($now->{'requests THROTTLED NONE'}, 23 * keys(%failing) + 1, 'it is counted');
is($now->{'throttle_addresses throttled'}, scalar keys %failing,
    'each address, too');
cmp_ok($now->{'throttle_addresses failing'}, '>=', keys %failing,
    'among those that failed');
like($status->get('/metrics'), qr/^service_token_requests_total
    \{verdict="THROTTLED",cache="NONE"\}[ ]$now->{'requests THROTTLED NONE'}$/mx,
    'as the rule in conf\/alerts.yml names it');

# what does not count: no token, and a valid one that is not enough

is(tries(10, '10.0.1.1', ''), '401 x10', 'no token');
is(tries(10, '10.0.1.1', $valid, '/admin/index.html'), '403 x10', 'ROLE');
is(tries(10, '10.0.1.1', $valid), '200 x10', 'a valid one');
is(tries(6, '10.0.1.1'), '401 x5, 429 x1', 'all still fit');

# a valid token that is known: from the cache, and when it is asked for anew
# as its record is old, or the cache was emptied

my %said;

wait_for('records that grow old', sub {
    $said{ said_by($over, $valid) }++;
    return ($said{'200 ALLOWED MISS'} // 0) >= 3;
});
is(join(', ', sort keys %said), '200 ALLOWED HIT, 200 ALLOWED MISS',
    'a known token is not shut out');

my $bumps = $status->now->{'epoch_bumps unknown'};
$redis->cli('PUBLISH', '__redis__:invalidate', 'what is this');
wait_for('a bump', sub { $status->now->{'epoch_bumps unknown'} > $bumps });
like(said_by($over, $valid), qr/^200 ALLOWED/, 'nor by a new epoch');
is(tries(3, $over), '429 x3', 'but others are, from the same address');

# one that is not known: it waits until there is room, or others use it

my $late = $redis->token;
$redis->heard;

is(said_by($over, $late), '429 THROTTLED ', 'a valid token that is not known');
is(said_by('10.0.1.2', $late), '200 ALLOWED MISS', 'elsewhere it is let in');
like(said_by($over, $late), qr/^200 ALLOWED/, 'then it is known');

# a known one that is no longer good

my $lost = $redis->token;
said_by('10.0.1.2', $lost);
$redis->cli('HSET', $redis->token_key($lost), 'status', 'revoked');
wait_for('it is refused', sub { said_by('10.0.1.3', $lost) =~ /^401/ });
is(said_by($over, $lost), '429 THROTTLED ', 'a revoked one is a failure');
is(tries(20, $over, $lost), '429 x20', 'each time');

# its record grows old, and is not asked for again

my $calls = $redis->calls('hgetall');
my $until = clock() + 1.2;
wait_for('429 for longer than it is kept', sub {
    $said{ said_by($over, $lost) }++;
    return clock() > $until;
});
is(join(', ', grep { !/^200/ } sort keys %said), '429 THROTTLED ',
    'a token that was known to be bad');
is($redis->calls('hgetall'), $calls, 'Redis is not asked');

# a user is changed: only the token is known, and that is enough

my $promoted = $redis->token(user => $redis->user('promoted@service'));
said_by('10.0.1.4', $promoted);
$redis->cli('HSET', '{st}:user:promoted@service', 'role', 'manager');
wait_for('the new role', sub {
    header_of(try($over, $promoted), 'X-Role') eq 'manager' });
pass('a known token of a user who was changed');

# the address: IPv6 by /64, IPv4 in IPv6, none

is(tries($fits, '2001:db8:0:1::1'), '401 x5', 'IPv6');
is(tries(2, '2001:db8:0:1:ffff:ffff:ffff:ffff'), '429 x2', 'the same /64');
is(tries(2, '2001:db8:0:2::1'), '401 x2', 'another /64');
is(tries(2, '2001:db8:1:1::1'), '401 x2', 'another one');
is(tries($fits, '::ffff:10.0.2.1'), '401 x5', 'IPv4 in IPv6');
is(tries(2, '10.0.2.1'), '429 x2', 'is IPv4');
is(tries(2, '10.0.2.2'), '401 x2', 'and another address');
is(tries(20, 'unix'), '401 x20', 'who comes by a socket has none');

# locations: one zone, each its own burst; off

is(tries(3, '10.0.3.1', undef, '/less/index.html'), '401 x2, 429 x1',
    'another burst');
is(tries(4, '10.0.3.1'), '401 x3, 429 x1', 'the same zone');
is(tries(3, '10.0.3.2', undef, '/again/index.html'), '401 x2, 429 x1',
    'its parameters again');
is(tries(20, $over, undef, '/off/index.html'), '401 x20', 'off');
like(said_by($over, $valid, '/off/index.html'), qr/^200 ALLOWED/,
    'off, with a valid token');

# satisfy any: 401 lets the other ways try, 429 does not

my @basic = ('Authorization: Basic ZXZhOnNlY3JldA==');
is(status_of($nginx->get('/any/index.html', headers => [@basic,
    "X-Client: $over"])), 200, 'satisfy any, without a token');
is(tries(6, '10.0.3.3', undef, '/any/index.html'), '401 x5, 429 x1',
    'satisfy any, with a bad one');

# a request that is judged again, for the page of its error, fails once

is(tries(6, '10.0.3.4', undef, '/page/index.html'), '401 x5, 429 x1',
    'an error page that is checked');

# the rate: what fits is exact, and after Retry-After one fits

my ($start, $failed, $refused) = (clock(), 0);

wait_for('one that is refused, and 5 failures more', sub {
    $r = try('10.0.4.1', undef, '/quick/index.html');

    if (status_of($r) == 401) {
        $failed++;
        return $refused && $failed >= 6;
    }

    $refused //= clock() + header_of($r, 'Retry-After');
    return 0;
});

cmp_ok($failed, '<=', 1 + 10 * (clock() - $start) + 0.1, 'never more');
is(header_of(throttled('10.0.4.2', '/quick/index.html'), 'Retry-After'), 1,
    'a second at least');

$start = clock();
throttled('10.0.4.3', '/quick/index.html');
wait_for('Retry-After', sub { clock() > $start + 1 });
is(tries(1, '10.0.4.3', undef, '/quick/index.html'), '401 x1',
    'after Retry-After one fits');

# nothing of it makes work for Redis later: no use, no refusal is written

my $told = $redis->token(id => 'tok_told' . 'x' x 12, status => 'revoked');

is(tries(30, '10.0.5.1', $told), '401 x5, 429 x25', 'a revoked token');
wait_for('it is noted', sub { $redis->cli('HGET', '{st}:usage:tok_told'
    . 'x' x 12, 'refused') });
wait_for('all is written', sub { !$status->now->{touches_pending} });
is($redis->cli('HGET', '{st}:usage:tok_told' . 'x' x 12, 'refused'), 5,
    'as often as it was judged');

# a reload keeps what was counted, but not at another rate

$nginx->reload;
fresh_by('10.0.6.1');
is(tries(3, $over), '429 x3', 'after a reload');

$nginx->configure($nginx->{http} =~ s{rate=1r/m}{rate=2r/m}gr, workers => 2);
$nginx->reload;
fresh_by('10.0.6.2');
is(tries(6, $over), '401 x5, 429 x1', 'at another rate it begins anew');

# when Redis cannot be asked, that is what is said

my $stale = edge(redis => $redis, name => 'stale', cold => 1, zone => '1m',
    to => '%%REDIS_ADDR%%', conf => <<'EOC');
service_token_throttle zone=guess:1m rate=1r/m burst=4;
service_token_stale 1m;
service_token_lease 1s;
EOC

wait_for('it caches', sub { said($stale, $valid) eq '200 ALLOWED HIT' });
wait_for('it is throttled', sub {
    status_of($stale->get('/index.html', token => guess())) == 429 });
$redis->down;
wait_for('it goes on, stale', sub { said($stale, $valid) =~ /STALE/ });

# each worker finds out with its own first question

ok(eval { wait_for('each knows', sub {
    said($stale, $valid);
    status_of($stale->get('/index.html', token => guess())) == 503;
}) }, 'while Redis is away no one is throttled');
$redis->up;

# a token of an older key is known by that key, though by the newer one it is
# looked for in vain each time

my $old = Stok::Redis->start;
$old->{key} = { name => 'old', secret => pack 'H*', '42' x 32 };
$old->user('user@service');
my $aged = $old->token;

my $keys = edge(redis => $old, name => 'keys', cold => 1,
    files => { keys => Stok::Redis::key_file({ name => 'new', secret => "\x17" x 32 },
        $old->{key}) },
    conf => <<'EOC');
service_token_throttle zone=guess:1m rate=1r/m burst=4;
service_token_key_file %%DIR%%/keys;
service_token_cache_valid 60s unknown=0;
EOC

# the lease may not be there at once: then nothing is kept

wait_for('it is known', sub {
    said($keys, $aged) eq '200 ALLOWED MISS' });
wait_for('it is throttled', sub {
    status_of($keys->get('/index.html', token => guess())) == 429 });
is(said($keys, $aged), '200 ALLOWED MISS', 'a token of an older key');

# what nginx does not take, and where it stands

for (
    ['zone=a:1m', 'no rate'],
    ['rate=1r/s', 'needs "zone="'],
    ['on', 'invalid parameter "on"'],
    ['zone=', 'invalid parameter "zone="'],
    ['zone=:1m rate=1r/s', 'without a name'],
    ['zone=a rate=1r/s', 'zone "a" of .* has no size'],
    ['zone=a', 'zone "a" of .* has no size'],
    ['zone=a: rate=1r/s', 'invalid zone size ""'],
    ['zone=a:fast rate=1r/s', 'invalid zone size "fast"'],
    ['zone=a:-1 rate=1r/s', 'invalid zone size "-1"'],
    ['zone=a:1k rate=1r/s', 'zone "a" is too small'],
    ['zone=a:1m rate=1', 'invalid rate "1"'],
    ['zone=a:1m rate=0r/s', 'invalid rate "0r/s"'],
    ['zone=a:1m rate=-1r/s', 'invalid rate "-1r/s"'],
    ['zone=a:1m rate=r/s', 'invalid rate "r/s"'],
    ['zone=a:1m rate=1r/h', 'invalid rate "1r/h"'],
    ['zone=a:1m rate=2000000r/s', 'invalid rate "2000000r/s"'],
    ['zone=a:1m rate=1r/s burst=x', 'invalid burst "x"'],
    ['zone=a:1m rate=1r/s burst=-1', 'invalid burst "-1"'],
    ['zone=a:1m rate=1r/s burst=9999999999', 'invalid burst'],
    ['zone=a:1m rate=1r/s rate=1r/s', 'invalid parameter "rate=1r/s"'],
    ['zone=a:1m rate=1r/s burst=1 x', 'invalid number'],
    ['off x', 'invalid parameter "off"'],
    ["zone=a:1m rate=1r/s;\nservice_token_throttle off", 'is duplicate'],
    ['zone=a:1m rate=1r/s; server { service_token_throttle zone=a rate=2r/s; }'
        . ' #', 'zone "a" has another rate'],
    ['zone=a:1m rate=1r/s; server { service_token_throttle zone=a:2m; } #',
        'zone "a" has another size'],
) {
    my ($words, $says) = @$_;
    my ($code, $out) = Stok::Nginx->conf_test(
        "service_token_throttle $words;\n");

    is($code, 1, "$words: refused");
    like($out, qr/\[emerg\].*(?:$says).*nginx\.conf:\d+/, 'says why and where');
}

for my $good ('zone=a:1m rate=1r/s; server { service_token_throttle zone=a; }',
    'zone=a; server { service_token_throttle zone=a:1m rate=1r/s; }',
    'zone=a:32k rate=600r/m burst=0; server { location / {'
        . ' limit_except GET { service_token_throttle off; } } }',
    'off;')
{
    my ($code, $out) = Stok::Nginx->conf_test("service_token_throttle $good");
    is($code, 0, "accepted: $good") or diag $out;
}

finish();


sub clock { clock_gettime(CLOCK_MONOTONIC) }

# well-formed, and of nobody

sub guess {
    my $body = 'stk_svc_' . Stok::Redis::random(32);
    return $body . Stok::Redis::checksum($body);
}

# undef: a guess; '': no token

sub try {
    my ($address, $token, $uri) = @_;

    $token //= guess();

    my @token = $token eq '' ? () : (token => $token);

    if ($address eq 'unix') {
        my $sock = IO::Socket::UNIX->new(Peer => $nginx->dir . '/edge.sock')
            or die "edge.sock: $!\n";
        print $sock "GET /index.html HTTP/1.0\r\n",
            "Authorization: Bearer $token\r\n\r\n";
        return $nginx->answer($sock);
    }

    return $nginx->get($uri // '/index.html', @token,
        headers => ["X-Client: $address"]);
}

# the codes of so many, as "401 x5, 429 x3"

sub tries {
    my ($times, @what) = @_;
    my @runs;

    for (1 .. $times) {
        my $code = status_of(try(@what));

        push @runs, [$code, 0] if !@runs || $runs[-1][0] ne $code;
        $runs[-1][1]++;
    }

    return join ', ', map { "$_->[0] x$_->[1]" } @runs;
}

sub said_by {
    my $r = try(@_);
    return join ' ', status_of($r), header_of($r, 'X-Status'),
        scalar header_of($r, 'X-Cache');
}

sub fresh_by {
    my $address = shift;
    wait_for('a fresh cache', sub { said_by($address, $valid) =~ /HIT/ });
}

# fails until it is refused, and answers that

sub throttled {
    my ($address, $uri) = @_;
    my $r;
    wait_for("$address is throttled", sub {
        status_of($r = try($address, undef, $uri)) == 429 });
    return $r;
}
