# A Redis that is slow, silent or broken: 503 within the timeout; a late reply
# is never taken for another's.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;
use Time::HiRes qw(time);

my @user = qw(kind service role member status active name U);
my $marker = Stok::FakeRedis::marker();

sub record {
    my $user = shift;
    return Stok::FakeRedis::hash('id', "tok_$user", 'user', $user, 'name', 'n',
        'type', 'service', 'status', 'active', 'expires_at', '0');
}

my $token = Stok::FakeRedis::hash();

# name, the script, status, what an [error] line says
my @table = (
    ['prompt', sub { answer(@_) }, 200, undef],
    ['byte by byte', sub { map { ($_, \0.001) } split //, join '', answer(@_) },
        200, undef],
    ['slow, in time', sub { (\0.2, answer(@_)) }, 200, undef],

    # no answer to what the keeper asks meanwhile, either

    ['silent', sub { \10 }, 503, 'no answer in time'],
    ['half an answer', sub { ($_[0][0] eq 'HMGET' ? () : "*2\r\n\$3\r\nfo", \10) },
        503, 'no answer in time'],
    ['garbage', sub { "HTTP/1.1 400 Bad Request\r\n\r\n" }, 503,
        'protocol error'],
    ['nothing more', sub { 'CLOSE' }, 503, 'closed|lost'],
    ['closed half-way', sub { ('*2', 'CLOSE') }, 503, 'closed|lost'],
    ['nested', sub { '*1\r\n' =~ s/\\r\\n/\r\n/r x 7 . ":1\r\n" }, 503,
        'nested too deep'],
    ['2^31-1 elements', sub { "*2147483647\r\n" }, 503, 'too many elements'],
    ['arrays of thousands',
        sub { "*1024\r\n" . ("*1024\r\n" . ":1\r\n" x 1024) x 32 }, 503,
        'too large'],
    ['negative count', sub { "*-5\r\n" }, 503, 'elements|protocol'],
    ['2 MiB', sub { '$2000000' . "\r\n" . 'x' x 2000000 . "\r\n" }, 503,
        'too large'],
    ['RESP3', sub { "%1\r\n+a\r\n+b\r\n" }, 503, 'protocol'],
    ['LOADING', sub { "-LOADING Redis is loading\r\n" }, 503,
        'LOADING Redis is loading'],
    ['NOAUTH', sub { "-NOAUTH Authentication required.\r\n" }, 503, 'NOAUTH'],
    ['no echo', sub { "-ERR unknown command 'HGETALL', with args: '$_[0][1]'\r\n" },
        503, 'ERR unknown command $'],
    ['integer', sub { ":1\r\n" }, 503, undef],
    ['array of arrays', sub { "*2\r\n*0\r\n*0\r\n" }, 503, undef],
    ['odd', sub { $_[0][0] eq 'HMGET' ? $marker : Stok::FakeRedis::hash('id') },
        503, undef],
);

for my $case (@table) {
    my ($name, $script, $status, $says) = @$case;

    my $fake = Stok::FakeRedis->start($script);
    my $nginx = Stok::Nginx->start(redis => $fake, name => "of $name",
        http => <<'EOC');
    service_token_redis %%REDIS_ADDR%% timeout=3s connect_timeout=3s;
service_token_cache_valid 0;
    server {
        listen 127.0.0.1:%%PORT%%;
        service_token api;
    }
EOC

    my $start = time;
    my $r = $nginx->get('/', token => 'some-foreign-token');
    my $took = time - $start;

    is(status_of($r), $status, "$name: answer");
    cmp_ok($took, '<', 6 * $Stok::Process::patience, "$name: in time");

    if (defined $says) {
        ok($nginx->wait_log(qr/\[error\].*service token: redis .*(?:$says)/m),
            "$name: one line says why")
            or diag grep { /service token/ } split /^/, $nginx->log;
    }

    unlike(join('', grep { !/\[debug\]/ } split /^/, $nginx->log),
        qr/[0-9a-f]{16}/, "$name: no digest is logged");
}

# a connection that is accepted and never answers the greeting

my $mute = Stok::FakeRedis->start(sub { () }, setup => 1);
my $nginx = Stok::Nginx->start(redis => $mute, http => <<'EOC');
    service_token_redis %%REDIS_ADDR%% timeout=300ms connect_timeout=300ms;
service_token_cache_valid 0;
    server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC

is(status_of($nginx->get('/', token => 'foreign')), 503, 'mute');
ok($nginx->wait_log(qr/\[error\].*no connection in time/), 'said so');
unlike($mute->log, qr/HGETALL/, 'nothing is asked before the greeting');

# late: the first answer comes after its request was given up; the second
# request must not get it

my $late = Stok::FakeRedis->start(sub {
    my ($args) = @_;
    return answer(@_) if $args->[0] eq 'HMGET' || $args->[1] =~ /user:/;
    return (\1.0, record('user@service'));
});
$nginx = Stok::Nginx->start(redis => $late, http => <<'EOC');
    service_token_redis %%REDIS_ADDR%% timeout=300ms connect_timeout=5s;
service_token_cache_valid 0;
    server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC

is(status_of($nginx->get('/', token => 'first')), 503, 'late: given up');
wait_for('a new connection', sub { $late->log =~ /connection 2/ });
pass('late: the connection is not used again');

finish;


sub answer {
    my ($args) = @_;
    return $marker if $args->[0] eq 'HMGET';
    return $args->[1] =~ /user:/ ? Stok::FakeRedis::hash(@user)
        : record('user@service');
}
