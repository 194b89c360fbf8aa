# Where a plaintext token may be seen, after it went each way that a request can
# go: no log line of ours, no answer, nothing that Redis hears or keeps, no
# shared memory.  In a worker's own memory it stands where nginx itself read or
# wrote the header, for as long as nothing else is written there; the module
# keeps no copy.  SECURITY.md says so.

use strict;
use warnings;
use lib 't/lib';
no warnings 'portable';
use IO::Socket::UNIX;
use Stok::Test;
use Stok::Upstream;

my $upstream = Stok::Upstream->start;
my $redis = Stok::Redis->start;
$redis->user('user@service');
$redis->user('off@service', status => 'disabled');

my %token = (
    allowed  => $redis->token(user => 'user@service'),
    kept     => $redis->token(user => 'user@service'),
    role     => $redis->token(user => 'user@service'),
    revoked  => $redis->token(user => 'user@service', status => 'revoked'),
    expired  => $redis->token(user => 'user@service', expires_at => time - 1),
    disabled => $redis->token(user => 'off@service'),
    orphaned => $redis->token(user => 'gone@service'),
    unread   => $redis->token(user => 'user@service', status => 'what'),
    unknown  => tail('unknown'),
    checksum => 'stk_svc_' . tail('checksum'),
    foreign  => tail('foreign') . '/+~.-=',
    long     => tail('long') x 20,
    grammar  => tail('grammar') . '=x',
    quoted   => '"' . tail('quoted') . '"',
    page     => tail('page'),
    h2       => tail('h2'),
    slow     => tail('slow'),
    late     => tail('late'),
);

push @Stok::Redis::tokens, values %token;

# what goes to Redis, as it hears it

my $heard = '';

my $wait = 2 * $Stok::Process::patience . 's';

my $conf = <<"EOC";
service_token_redis %%REDIS_ADDR%% timeout=$wait connect_timeout=$wait;
server {
    listen 127.0.0.1:%%PORT%%;
    listen 127.0.0.1:%%PORT_H2%% http2;
    service_token api;
    access_log %%DIR%%/access.log;
    add_header X-All "\$service_token_user,\$service_token_id,\$service_token_name,\$service_token_presented,\$service_token_status,\$service_token_cache" always;
    location / { proxy_pass http://127.0.0.1:${\$upstream->port};
        proxy_set_header Authorization ""; }
    location /kept { proxy_pass http://127.0.0.1:${\$upstream->port}; }
    location /admin { service_token_role admin; }
    location /page { error_page 401 \@page; }
    location \@page { return 200 "\$service_token_status"; }
    location /named { service_token_role \$http_x_role; }
    location /status { service_token off; service_token_status; }
}
EOC

# once as we would log for ourselves, once as nginx runs

for my $plain (0, 1) {
    $redis->up if $plain;

    my $monitor = IO::Socket::UNIX->new(Peer => $redis->socket) or die;
    $monitor->syswrite("MONITOR\r\n");
    $monitor->blocking(0);

    my $nginx = Stok::Nginx->start(http => $conf, redis => $redis,
        plain => $plain);
    my $answers = '';

    for my $round (1 .. 2) {
        $answers .= $nginx->get('/', token => $token{$_})
            for grep { !/^(?:kept|slow|late|h2|page|role)$/ } sort keys %token;
        $answers .= $nginx->get('/admin', token => $token{role});
        $answers .= $nginx->get('/page', token => $token{page});
        $answers .= $nginx->get('/named', token => $token{role},
            headers => ['X-Role: none']);
        $answers .= $nginx->get2('/', token => $token{h2},
            port => $nginx->port('PORT_H2'));
    }

    is(status_of($nginx->get('/kept', token => $token{kept})), 200,
        'a token that is passed on');

    # Redis is slow: while it waits, the token is where nginx read it

    my $hung = $redis->pid;
    kill 'STOP', $hung;

    # long enough that the next request does not end within the header

    my $waits = $nginx->open('GET /' . 'x' x 100 . " HTTP/1.1\r\nHost: x\r\n"
        . "Connection: close\r\nAuthorization: Bearer $token{slow}\r\n\r\n");
    my ($worker) = $nginx->workers;

    ok(eval { wait_for('the request waits',
        sub { memory($worker, 'p') =~ /\Q$token{slow}/ }) },
        'memory can be looked at');
    $answers .= $nginx->answer($waits);
    kill 'CONT', $hung;

    # what is left; a record is kept once the stream of changes is back

    wait_for('a record is kept', sub {
        $nginx->get('/', token => $token{allowed}) =~ /,HIT\r/ });
    wait_for('Last Used', sub {
        $nginx->get('/status') =~ /"touches_pending":\s*0\b/ });

    my $shared = memory($worker, 's');
    my $own = memory($worker, 'p');

    like($shared, qr/user\@service/, 'the zone holds records');
    is(seen($shared), '', 'shared memory: no token');
    is(seen($answers), '', 'answers: no token');

    my %left;

    for my $name (sort keys %token) {
        while ($own =~ /(.{7})\Q$token{$name}/gs) {
            $left{$name}++ if $1 ne 'Bearer ';
        }
    }

    is(join(' ', sort keys %left), '', 'memory: only after "Bearer "');
    note 'left in the memory of the worker, as nginx read or wrote them: ',
        seen($own) || 'none';

    $redis->cli('SAVE');

    while (my $n = $monitor->sysread(my $buf, 65536)) { $heard .= $buf }

    # an outage

    $redis->down;
    is(seen($nginx->get('/', token => $token{late})), '', '503: no token');
}

like($heard, qr/"HGETALL"|"hgetall"/i, 'MONITOR hears questions');
is(seen($heard), '', 'MONITOR: no token');
is(seen($upstream->log =~ s/^Authorization: .*$//mgr), '', 'the application: none');
like($upstream->log, qr/^Authorization: Bearer \Q$token{kept}\E\r?$/m,
    'but where it is passed on');

my $dump = Stok::Nginx::slurp($redis->dir . '/dump.rdb') // '';
like($dump, qr/user\@service/, 'the dump holds records');
is(seen($dump), '', 'the dump: no token');

finish;


sub tail { $_[0] . Stok::Redis::random(24) }

# which of the tokens

sub seen {
    my $text = shift;
    return join ' ', grep { $text =~ /\Q$token{$_}/ } sort keys %token;
}

# all that a process may write to; valgrind may execute what it gives

sub memory {
    my ($pid, $mode) = @_;

    open my $mem, '<:raw', "/proc/$pid/mem" or die "/proc/$pid/mem: $!";
    my $all = '';

    for my $line (split /\n/, Stok::Nginx::slurp("/proc/$pid/maps")) {
        my ($from, $to, $is) = $line =~ /^(\w+)-(\w+) (\S+)/ or next;
        next if $is !~ /^rw.$mode/;

        sysseek $mem, hex $from, 0 or next;
        my $left = hex($to) - hex $from;

        # what a sanitizer keeps beside the memory proper

        next if $left > 256 * 1024 * 1024;

        while ($left > 0) {
            my $n = sysread $mem, $all, $left, length $all;
            last if !$n;
            $left -= $n;
        }
    }

    return $all;
}
