# TLS to Redis: who the server is has to be proven, by an authority that is
# trusted and for the name that was asked for; else it is an outage, named in
# one line, and never a question in clear.

use strict;
use warnings;
use lib 't/lib';
use Stok::Authority;
use Stok::Test;

my $known = Stok::Authority->new;
my $foreign = Stok::Authority->new;

my $ca = $known->cert;
my @server = $known->issue('redis.test',
    names => 'DNS:redis.test,IP:127.0.0.1');
my ($cert, $key) = $known->issue('edge');
my ($other_cert, $other_key) = $foreign->issue('edge');

my $client = "tls_cert=$cert tls_key=$key";
my $right = "tls tls_ca=$ca tls_name=redis.test";

my $redis = secure(@server);
my ($token, $revoked) = records($redis);

my $expired = secure($known->issue('redis.test', days => -1));
my $stranger = secure($foreign->issue('redis.test'));
my $open = secure(@server, '--tls-auth-clients', 'no');
records($_) for $expired, $stranger, $open;

# in OpenSSL's words, with and without the authority in what is sent

my $untrusted = 'certificate refused: (?:self.signed certificate in '
    . 'certificate chain|unable to (?:get local issuer|verify the first) '
    . 'certificate)';

# name, server, options, status, what the one line says
for my $case (
    ['all is well', $redis, "$right $client", 200],
    ['by address', $redis, "tls tls_ca=$ca $client", 200],
    ['no certificate is asked for', $open, $right, 200],

    ['wrong name', $redis, "tls tls_ca=$ca tls_name=other.test $client", 503,
        qr/certificate refused: it is for another name/],
    ['another address', $redis, "tls tls_ca=$ca tls_name=127.0.0.2 $client",
        503, qr/certificate refused: it is for another name/],
    ['expired', $expired, "$right $client", 503,
        qr/certificate refused: certificate has expired/],
    ['unknown authority', $stranger, "$right $client", 503,
        qr/$untrusted/],
    ['authorities of the system', $redis, "tls tls_name=redis.test $client",
        503, qr/$untrusted/],
    ['no certificate of ours', $redis, $right, 503,
        qr/certificate required/],
    ['ours is of nobody they know', $redis,
        "$right tls_cert=$other_cert tls_key=$other_key", 503,
        qr/alert unknown ca/],
) {
    my ($name, $server, $options, $status, $says) = @$case;

    my $nginx = start($server, $options);
    my $before = questions($server);

    is(status_of($nginx->get('/index.html', token => with($server))), $status,
        $name);

    next if !$says;

    is(status_of($nginx->get('/index.html', token => with($server))), 503,
        "$name: still");
    is(questions($server), $before, "$name: nothing was asked");
    is(scalar(my ($line) = errors($nginx)), 1, "$name: one line");
    like($line, qr/redis "\S+" lost: .*$says/, "$name: says why");
}

# behind the port is a server without TLS: it gets no command of ours

for my $says ("-ERR what\r\n", '') {
    my $plain = Stok::FakeRedis->start(sub { "+OK\r\n" }, raw => $says);
    my $nginx = Stok::Nginx->start(http => <<"EOC");
service_token_redis 127.0.0.1:${\$plain->port} $right
    timeout=1s connect_timeout=1s;
server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC

    is(status_of($nginx->get('/', token => $token)), 503, 'a plain server');
    is(scalar(my ($line) = errors($nginx)), 1, 'a plain server: one line');
    like($line, $says ? qr/lost: TLS handshake failed: .*wrong version/
                            : qr/lost: no TLS handshake in time/,
        'a plain server: says why');
    unlike($plain->log, qr/^command/m, 'a plain server gets no command');
}

# all that goes to Redis goes over TLS: the cache works, and so does --wait

my $nginx = start($redis, "$right $client", workers => 2);

fresh($nginx);
is(said($nginx, $token), '200 ALLOWED MISS', 'a query');
is(said($nginx, $token), '200 ALLOWED HIT', 'from the cache');
is(said($nginx, $revoked), '401 REVOKED MISS', 'revoked');

$redis->cli('HSET', $redis->token_key($token), 'status', 'revoked');
ok(eval { wait_for('the change',
    sub { said($nginx, $token) eq '401 REVOKED HIT' }) }, 'the stream tells');

ok(eval { wait_for('Last Used',
    sub { $redis->cli('ZSCORE', '{st}:last_used', 'tok_good') }) },
    'uses are written');

is(scalar(() = $redis->cli('CLIENT', 'LIST') =~ / laddr=127\.0\.0\.1:\Q${\$redis->port}\E /g),
    0, 'no connection in clear');

# connections are cut: the next ones begin with the session of the last

$redis->cli('HSET', $redis->token_key($token), 'status', 'active');
$redis->cli('CLIENT', 'KILL', 'TYPE', $_) for 'pubsub', 'normal';

ok(eval { wait_for('all is back',
    sub { said($nginx, $token) eq '200 ALLOWED HIT' }) }, 'recovers');
ok($nginx->wait_log(qr/redis TLSv1\.3, session reused: 1/), 'session reused');

# the server has begun anew, and knows no session

$redis->down;
wait_for('it is missed', sub { said($nginx, 'nobody-knows') =~ /^503/ });
$redis->up;
$redis->init;
records($redis);
ok(eval { wait_for('all is back',
    sub { said($nginx, with($redis)) eq '200 ALLOWED HIT' }) },
    'recovers from a restart');

# the same with TLS 1.2, where sessions come within the handshake

my $old = secure(@server, '--tls-protocols', 'TLSv1.2');
records($old);
$nginx = start($old, "$right $client");
fresh($nginx);
is(said($nginx, with($old)), '200 ALLOWED MISS', 'TLS 1.2');
$old->cli('CLIENT', 'KILL', 'TYPE', $_) for 'pubsub', 'normal';
ok(eval { wait_for('all is back',
    sub { said($nginx, with($old)) eq '200 ALLOWED HIT' }) },
    'TLS 1.2: recovers');
ok($nginx->wait_log(qr/redis TLSv1\.2, session reused: 1/),
    'TLS 1.2: session reused');

$nginx = start($old, "tls tls_ca=$ca tls_name=other.test $client");
is(status_of($nginx->get('/index.html', token => with($old))), 503,
    'TLS 1.2: wrong name');

# a certificate that expires meanwhile is none, also within a session

my $until = time + 5 * $Stok::Process::patience;
my $short = secure($known->issue('redis.test', until => $until));
records($short);
$nginx = start($short, "$right $client");
fresh($nginx);
is(said($nginx, with($short)), '200 ALLOWED MISS', 'not yet expired');
wait_for('it expires', sub { time > $until }, 20);
$short->cli('CLIENT', 'KILL', 'TYPE', $_) for 'pubsub', 'normal';
ok(eval { wait_for('it is seen',
    sub { said($nginx, with($short)) =~ /^503 / }) }, 'expired meanwhile');
like(join('', errors($nginx)), qr/refused: certificate has expired/,
    'and says why');

finish;


# a server with TLS on one port, in clear on another; its own socket is ours

sub secure {
    my ($cert, $key, @more) = @_;

    my $port = Stok::Process::free_port();
    my $redis = Stok::Redis->start(options => ['--tls-port', $port,
        '--tls-cert-file', $cert, '--tls-key-file', $key,
        '--tls-ca-cert-file', $ca, @more]);

    $redis->{tls_port} = $port;
    return $redis;
}

my %token;

sub records {
    my $redis = shift;

    $redis->user('user@service');
    return $token{$redis} = $redis->token(user => 'user@service',
        id => 'tok_good'), $redis->token(user => 'user@service',
        status => 'revoked');
}

sub with { $token{ $_[0] } }

sub start {
    my ($redis, $options, %opt) = @_;

    return edge(redis => $redis, cold => 1, workers => 1, %opt,
        to => "127.0.0.1:$redis->{tls_port} timeout=5s connect_timeout=5s"
            . " $options");
}

# what was asked, in clear or not

sub questions { $_[0]->calls('hgetall') + $_[0]->calls('ping') }

sub errors { grep { /\[error\].* service token: / } split /\n/, $_[0]->log }
