# Address, password, user and database.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my @acl = (
    qw(--user edge on >edgepass ~{st}:* +@read +@connection),
    qw(--user weak on >weakpass ~other:* +@read +@connection),
    qw(--user half on >halfpass ~{st}:* +@read +@connection -hmget),
);

my $redis = Stok::Redis->start(auth => ['admin pass'],
    options => ['--requirepass', 'admin pass', @acl]);
$redis->user('user@service');
my $token = $redis->token(user => 'user@service');

# database 3 holds another dataset
$redis->cli('SELECT', 3);
$redis->init;
$redis->user('user@service');
my $third = $redis->token(user => 'user@service');
$redis->cli('SELECT', 0);

my $port = $redis->port;
my $open = Stok::Redis->start(prefix => '{other}:');
$open->user('user@service');
my $other = $open->token(user => 'user@service');

# name, options, token, status, what is logged
for my $case (
    ['password', 'password_file=%%DIR%%/pass', $token, 200],
    ['user', 'user=edge password_file=%%DIR%%/edge', $token, 200],
    ['database', 'password_file=%%DIR%%/pass db=3', $third, 200],
    ['the other database', 'password_file=%%DIR%%/pass db=3', $token, 401],
    ['no password', '', $token, 503, 'refused: NOAUTH'],
    ['wrong password', 'password_file=%%DIR%%/wrong', $token, 503,
        'refused: WRONGPASS'],
    ['wrong user', 'user=nobody password_file=%%DIR%%/pass', $token, 503,
        'refused: WRONGPASS'],
    ['no permission', 'user=weak password_file=%%DIR%%/weak', $token, 503,
        'answers with an error: NOPERM'],
    ['an empty database', 'password_file=%%DIR%%/pass db=4', $token, 503,
        'no dataset of schema'],
    ['no such database', 'password_file=%%DIR%%/pass db=99', $token, 503,
        'refused: ERR'],
) {
    my ($name, $options, $with, $status, $says) = @$case;

    for my $addr ("127.0.0.1:$port", 'unix:' . $redis->socket) {
        my $http = <<"EOC";
    service_token_redis $addr timeout=5s connect_timeout=5s $options;
    server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC
        my $nginx = start($http);

        ok($nginx->wait_log(qr/\[error\].*\Q$says/),
            "$name: says why before anybody asks") if $says;

        is(status_of($nginx->get('/', token => $with)), $status,
            "$name at $addr");
        unlike($nginx->log, qr/admin pass|edgepass|weakpass|wrong-one/,
            "$name: no password in the log");

        next if !$says;

        # what a user may not do is several kinds of failure: the records, the
        # freshness check, the stream

        my %line;
        $line{$_}++ for $nginx->log =~ /\[error\] \S+ (.*)/g;
        is(join("\n", grep { $line{$_} > 1 } keys %line), '',
            "$name: each kind in one line, after a request, too");
        cmp_ok(scalar keys %line, '<=', $name eq 'no permission' ? 3 : 1,
            'and not more kinds');
    }
}

# nobody listens there; with a cache and without

for my $cache ('', 'service_token_cache_valid 0;') {
    my $closed = Stok::Process::free_port();
    my $nginx = start(<<"EOC");
    service_token_redis 127.0.0.1:$closed; $cache
    server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC
    ok($nginx->wait_log(qr/\[error\].*redis "\S+:$closed" lost/),
        "wrong port: says so before anybody asks $cache");
    is(scalar(() = $nginx->log =~ /\[error\]/g), 1, 'in one line');
}

# records may be read, the marker may not: each question is answered well by
# half, and that is said once

my $half = start(<<"EOC");
    service_token_redis 127.0.0.1:$port user=half password_file=%%DIR%%/half;
    server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC

is(status_of($half->get('/', token => $token)), 503, 'no marker') for 1 .. 5;
ok($half->wait_log(qr/\[error\].*answers with an error: NOPERM/), 'said');
my $said = () = $half->log =~ /answers with an error|answers again/g;
is($said, 1, 'said once');

# a prefix

my $nginx = Stok::Nginx->start(redis => $open, http => <<'EOC');
    service_token_redis %%REDIS%%;
    service_token_prefix "{other}:";
    server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC

is(status_of($nginx->get('/', token => $other)), 200, 'another prefix');

# keys: digests by HMAC, and seals

$redis = Stok::Redis->start;
$redis->{key} = { name => 'k2', secret => pack 'C*', 0 .. 31 };
$redis->user('user@service');
$redis->user('forged@service', role => 'admin', seal => '');

my $first = $redis->token(user => 'user@service');
my $raised = $redis->token(user => 'forged@service');
my $unsealed = $redis->token(user => 'user@service', seal => undef);
my $edited = $redis->token(user => 'user@service', expires_at => 5);
$redis->cli('HSET', $redis->token_key($edited), 'expires_at', 0);
my $moved = $redis->token(user => 'user@service');
my $record = $redis->cli('HGETALL', $redis->token_key($first));
$redis->cli('DEL', $redis->token_key($moved));
$redis->cli('HSET', $redis->token_key($moved), @$record);
my $plain = do {
    local $redis->{key};
    $redis->token(user => 'user@service');
};

$nginx = start(<<'EOC', $redis);
    service_token_redis %%REDIS%%;
    service_token_key_file %%DIR%%/keys;
    server { listen 127.0.0.1:%%PORT%%; service_token api;
        add_header X-Status $service_token_status always; }
EOC

for my $case (
    ['sealed', $first, '200 ALLOWED'],
    ['a user without a seal', $raised, '401 TAMPERED'],
    ['a token without a seal', $unsealed, '401 TAMPERED'],
    ['a date that was edited', $edited, '401 TAMPERED'],
    ["another token's record", $moved, '401 TAMPERED'],
    ['a digest without the key', $plain, '401 UNKNOWN'],
) {
    my ($name, $with, $word) = @$case;
    my $r = $nginx->get('/', token => $with);
    is(status_of($r) . ' ' . header_of($r, 'X-Status'), $word, $name);
}

is(header_of($nginx->get('/', token => $edited), 'WWW-Authenticate'),
    'Bearer realm="api", error="invalid_token"', 'the challenge of TAMPERED');

finish;


sub start {
    my ($http, $with) = @_;

    return Stok::Nginx->start(redis => $with, http => $http, files => {
        pass => "admin pass\n",
        edge => "edgepass\n",
        weak => 'weakpass',
        half => 'halfpass',
        wrong => "wrong-one\r\n",
        keys => Stok::Redis::key_file({ name => 'k2', secret => pack 'C*', 0 .. 31 },
            { name => 'k1', secret => "\xab" x 32 }),
    });
}
