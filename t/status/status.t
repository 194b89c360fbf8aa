use strict;
use warnings;

# service_token_status: both formats say the same, each number moves by what
# happened and no more, over all workers, and none falls when one is killed.

use JSON::PP ();
use lib 't/lib';
use Stok::Status;
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->{key} = { name => 'k1', secret => pack 'H*', '42' x 32 };

my $nginx = edge(redis => $redis, expect => qr/signal 9/,
    files => { keys => Stok::Redis::key_file($redis->{key}) },
    conf => "service_token_key_file %%DIR%%/keys;\n" . Stok::Status::server(),
    server => <<'EOC');
        location /personal/ { service_token_type personal; }
        location /bad/ { service_token_role $arg_role; }
EOC

my $status = Stok::Status->new($nginx);

$redis->user('user@service');
$redis->user('off@service', status => 'disabled');
$redis->user('odd@service', role => 'none-of-these');

# the formats

my $json = $nginx->get('/status', port => $nginx->port('PORT_S'));
my $text = $nginx->get('/metrics', port => $nginx->port('PORT_S'));

is(header_of($json, 'Content-Type'), 'application/json', 'JSON by default');
is(header_of($text, 'Content-Type'), 'text/plain; version=0.0.4',
    'the type of Prometheus');
like($nginx->get('/json', port => $nginx->port('PORT_S')), qr/\r\n\r\n\{/,
    'JSON by name');
is(promtool($text), '', 'promtool has nothing to say');
ok(wait_for('the same', sub { $status->numbers('/status', qr/(?<=":)/)
    eq $status->numbers('/metrics', qr/ (?=[\d.]+$)/m) }),
    'both formats have the same numbers');

my ($tail) = $text =~ /\r\n\r\n(.*)\z/s;
is(scalar(grep { !/^#|^service_token_\w+(?:\{[^}]*\})? [\d.]+$/ }
    split /\n/, $tail), 0, 'names have the prefix');

for my $uri ('/status', '/metrics') {
    my $head = $nginx->get($uri, method => 'HEAD',
        port => $nginx->port('PORT_S'));
    like($head, qr/^HTTP\S+ 200 /, "HEAD $uri");
    like(header_of($head, 'Content-Length'), qr/^[1-9]\d+$/, 'with a length');
    is(body_of($head), '', 'and no body');

    for my $method (qw(POST PUT DELETE OPTIONS)) {
        is(status_of($nginx->get($uri, method => $method,
            headers => ['Content-Length: 0'],
            port => $nginx->port('PORT_S'))), 405, "$method $uri");
    }
}

# each request is counted once, under its verdict and where it came from

my %token = (
    ALLOWED       => $redis->token,
    MALFORMED     => 'a b',
    UNKNOWN       => "foreign-$$",
    TAMPERED      => $redis->token(seal => 'k1:' . '0' x 64),
    REVOKED       => $redis->token(status => 'revoked'),
    EXPIRED       => $redis->token(expires_at => time - 10),
    ORPHANED      => $redis->token(user => 'nobody@service'),
    USER_DISABLED => $redis->token(user => 'off@service'),
    SCOPE         => $redis->token(scope => 'scim'),
    UNAVAILABLE   => $redis->token(user => 'odd@service'),
);

my @requests = (
    [undef, 'MISSING'], (map { [$token{$_}, $_] } sort keys %token),
    [$token{ALLOWED}, 'ROLE', '/admin/'],
    [$token{ALLOWED}, 'TYPE', '/personal/index.html'],
    ['stk_svc_' . 'x' x 38, 'UNKNOWN'],
);

my %said;
my $before = $status->now;

for my $round (1 .. 3) {
    for (@requests) {
        my ($token, $verdict, $uri) = @$_;
        my (undef, $word, $cache) = split / /, said($nginx, $token, $uri);

        is($word, $verdict, "round $round: $verdict") if $round == 1;
        $said{"requests $word " . ($cache || 'NONE')}++;
    }
}

my $after = $status->now;

is_deeply(moved($before, $after, qr/^requests /), \%said,
    'each verdict and cache state, by as many as there were');
cmp_ok(keys %said, '>=', 20, 'and these were many');

# questions: a token and its user, then none

my $one = $redis->token(user => $redis->user('other@service'));

$before = $status->now;
is(said($nginx, $one), '200 ALLOWED MISS', 'token and user from Redis');
is(said($nginx, $one), '200 ALLOWED HIT', 'both from the cache');
$after = $status->now;
is($after->{lookups} - $before->{lookups}, 2, 'two questions');
is($after->{'lookup_seconds_count'} - $before->{'lookup_seconds_count'}, 2,
    'both are timed');
cmp_ok($after->{'lookup_seconds_sum'}, '>', $before->{'lookup_seconds_sum'},
    'and take time');
is($after->{'lookup_seconds_bucket +Inf'}, $after->{'lookup_seconds_count'},
    'the last bucket has all');

my @bounds = map { $after->{"lookup_seconds_bucket $_"} } qw(0.00025 0.0005 0.001
    0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 +Inf);
is(join(' ', @bounds), join(' ', sort { $a <=> $b } @bounds),
    'each bucket includes those below it');

# tokens that expire soon; those that are refused are none

$before = $status->now;

said($nginx, $redis->token(expires_at => $_ ? time + $_ * 86400 : 0))
    for -1, 0, 0.5, 5, 6, 20, 29, 31, 300;

is_deeply(moved($before, scalar $status->now, qr/expiring/), {
    'requests_expiring 1d' => 1, 'requests_expiring 7d' => 3,
    'requests_expiring 30d' => 5 },
    'tokens that expire soon');

# uses on their way to Redis

wait_for('all are written', sub { $status->now->{touches_pending} == 0 });
$before = $status->now;
said($nginx, $_) for map { $redis->token } 1 .. 5;
cmp_ok($status->now->{touches_pending}, '<=', 5, 'pending');
wait_for('written', sub { $status->now->{touches_pending} == 0 });
$after = $status->now;
is($after->{touches_flushed} - $before->{touches_flushed}, 5, 'flushed');
cmp_ok($after->{flushes} - $before->{flushes}, '>=', 1, 'in some batches');
cmp_ok($after->{flushes} - $before->{flushes}, '<=', 5, 'and not more');

# the cache is emptied, for a reason

$redis->cli('SELECT', 5);
$redis->cli('FLUSHDB');
$redis->cli('SELECT', 0);
wait_for('FLUSHDB', sub { $status->now->{'epoch_bumps flush'} > 0 });
$redis->cli('PUBLISH', '__redis__:invalidate', 'what is this');
wait_for('PUBLISH', sub { $status->now->{'epoch_bumps unknown'} > 0 });
is_deeply(moved($after, scalar $status->now, qr/^epoch/),
    { 'epoch_bumps flush' => 1, 'epoch_bumps unknown' => 1, epoch => 2 },
    'by cause');

# proofs

$before = $status->now;
wait_for('proofs', sub { $status->now->{proofs} >= $before->{proofs} + 3 });
$after = $status->now;
is($after->{lease_valid}, 1, 'the lease is valid');
cmp_ok($after->{lease_seconds}, '>', 0, 'for some time');
cmp_ok($after->{lease_seconds}, '<=', 2, 'but not more than it is');
cmp_ok($after->{proof_last_seconds}, '>', 0, 'a round trip takes time');
cmp_ok($after->{proof_seconds} - $before->{proof_seconds}, '>=',
    $after->{proof_last_seconds}, 'the sum includes it');
is($after->{"stream_state $_"}, $_ eq 'joined' ? 1 : 0, "state: $_")
    for qw(off joining joined);
is($after->{tracking_refused}, 0, 'tracking is not refused');

# both workers count; whoever is asked knows of both

is(said($nginx, $token{ALLOWED}), '200 ALLOWED MISS', 'a known token');
wait_for('both have it', sub { said($nginx, $token{ALLOWED}) =~ /HIT/ });
$before = $status->now;
is(Stok::Uses::run($nginx, [ ($token{ALLOWED}) x 400 ], connections => 16), 400,
    'a known load');
is($status->now->{'requests ALLOWED HIT'} - $before->{'requests ALLOWED HIT'},
    400, 'is counted') for 1 .. 4;

my %pid = map { $_ => 1 }
    $nginx->log =~ /\[debug\] (\d+)#\d+: \*\d+ service token tok_\w+: ALLOWED/g;
is(scalar keys %pid, 2, 'by two workers');

# a reload keeps what was counted

$before = $status->now;
$nginx->reload;
fresh($nginx);
is($status->now->{'requests ALLOWED HIT'}, $before->{'requests ALLOWED HIT'},
    'after a reload');
cmp_ok($status->now->{'lookup_seconds_count'}, '>=',
    $before->{'lookup_seconds_count'}, 'also the times of questions');

# workers are killed: nothing falls, and all goes on

my $low = $status->now;
my $fell = '';

for my $round (1, 2) {
    wait_for('joined', sub { $status->now->{'stream_state joined'} });

    my ($keeper) = reverse
        $nginx->log =~ /\[info\] (\d+)#\d+: service token: this worker keeps/g;
    my $start = $status->now;

    kill 'KILL', $keeper;

    wait_for('another keeper that has joined', sub {
        my $now = eval { $status->now } or return;

        $fell .= "$_ " for grep {
            !Stok::Status::gauge($_) && $now->{$_} < $low->{$_} } keys %$low;
        $low = $now;

        return $now->{'stream_state joined'} && $now->{lease_valid}
            && $nginx->workers == 2
            && $now->{keeper_changes} > $start->{keeper_changes};
    });

    my $now = $status->now;
    is($now->{keeper_changes} - $start->{keeper_changes}, 1,
        'one more change of keeper');
    is($now->{'epoch_bumps join'} - $start->{'epoch_bumps join'}, 1,
        'the new one does not vouch for the past');
}

is($fell, '', 'no counter fell');

$before = $status->now;
is(Stok::Uses::run($nginx, [ ($token{ALLOWED}) x 100 ]), 100, 'all goes on');
$after = $status->now;
is(sum($after, qr/^requests ALLOWED/) - sum($before, qr/^requests ALLOWED/),
    100, 'and is counted');

# nothing is checked: nothing is counted, and both formats are valid

my $idle = Stok::Nginx->start(name => 'idle', http => Stok::Status::server()
    . 'server { listen 127.0.0.1:%%PORT%%; }');
my $none = Stok::Status->new($idle);

is(sum($none->now, qr/./), 0, 'nothing is checked: all is zero');
is(promtool($idle->get('/metrics', port => $idle->port('PORT_S'))), '',
    'nothing is checked: valid');
ok(!exists $none->now->{lease_valid}, 'and there is no lease to be lost');

# the name of a host may hold anything

SKIP: {
    my @wrap = ('unshare', '--uts', 'sh', '-c',
        q(printf 'a"b\\\\c\\nd\\351' > /proc/sys/kernel/hostname && exec "$@"),
        'sh');

    skip 'needs a name of its own', 3
        if $> != 0 || system("@wrap[0, 1] true 2> /dev/null") != 0;

    my $named = edge(redis => $redis, wrap => \@wrap, name => 'named',
        conf => Stok::Status::server());

    like(JSON::PP::decode_json(body_of($named->get('/status',
        port => $named->port('PORT_S'))))->{node}, qr/^a"b\\c_?d?_?-?/, 'JSON');
    my $metrics = $named->get('/metrics', port => $named->port('PORT_S'));
    is(promtool($metrics), '', 'Prometheus');
    like($metrics, qr/,node="a\\"b\\\\c/, 'with its escapes');
}

# what nginx does not take

for (['service_token_status xml;', qr/invalid format "xml"/],
     ['service_token_status json prometheus;', qr/invalid number/],
     ['service_token_status; service_token_status;', qr/is duplicate/])
{
    my ($line, $why) = @$_;
    my ($rc, $output) = Stok::Nginx->conf_test(
        "server { listen 127.0.0.1:%%PORT%%; location / { $line } }");
    like($output, $why, $line);
    isnt($rc, 0, 'is refused');
}

finish();


# counters of that name that are not what they were, and by how much

sub moved {
    my ($before, $after, $re) = @_;
    return { map { ($_, $after->{$_} - $before->{$_}) }
        grep { /$re/ && $after->{$_} != $before->{$_} } keys %$after };
}

sub sum {
    my ($now, $re) = @_;
    my $sum = 0;
    $sum += $now->{$_} for grep { /$re/ } keys %$now;
    return $sum;
}

sub promtool { Stok::Status::promtool(body_of(shift)) }
