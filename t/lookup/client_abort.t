# Clients that leave while their token is looked up: the waiter goes, the
# question goes on, and nobody else is hurt.

use strict;
use warnings;
use lib 't/lib';
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Stok::Test;

# one that takes its time

my $upstream = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1')
    or die "cannot listen: $!";
my $account = $upstream->sockport;

my $slow = Stok::FakeRedis->start(sub {
    my ($args) = @_;
    return Stok::FakeRedis::marker() if $args->[0] eq 'HMGET';
    return Stok::FakeRedis::hash(qw(kind service role member status active))
        if $args->[1] =~ /user:/;
    return (\0.3, Stok::FakeRedis::hash(qw(id tok_x user u@service name n
        type service status active expires_at 0)));
});

my $nginx = Stok::Nginx->start(redis => $slow, http => <<"EOC");
    service_token_redis %%REDIS_ADDR%% timeout=20s connect_timeout=5s;
    log_format st '\$status \$service_token_status';
    server { listen 127.0.0.1:%%PORT%%; service_token api;
        listen 127.0.0.1:%%PORT_H2%% http2;
        access_log %%DIR%%/access.log st;
        location /status { service_token off; stub_status; access_log off; }
        location /accounted { post_action \@account; }
        location \@account { service_token off;
            proxy_pass http://127.0.0.1:$account; } }
EOC

my $get = "GET /index.html HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ";

# one leaves, another waits for the same key

for my $how ('close', 'reset', 'half') {
    my $leaves = $nginx->open("${get}same-$how\r\n\r\n");
    my $stays = $nginx->open("${get}same-$how\r\nConnection: close\r\n\r\n");

    wait_for('both wait', sub { $slow->log =~ /HGETALL/ });

    setsockopt $leaves, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
        if $how eq 'reset';
    $how eq 'half' ? shutdown $leaves, 1 : close $leaves;

    is(status_of($nginx->answer($stays)), 200, "$how: who stays is answered");
}

# all leave; the answer comes to nobody

for my $n (1 .. 5) {
    my @sock = map { $nginx->open("${get}gone-$n\r\n\r\n") } 1 .. 10;
    setsockopt $_, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 for @sock;
    @sock = ();
}

is(status_of($nginx->get('/index.html', token => 'after')), 200, 'all have left');

# pipelined: the second request of a connection waits its turn

my $two = $nginx->raw("${get}one\r\n\r\n${get}two\r\nConnection: close\r\n\r\n");
is(join(' ', $two =~ m{HTTP/1.1 (\d+)}g), '200 200', 'pipelined');

# HTTP/2 streams that are reset while they wait

for my $n (1 .. 5) {
    my $pid = fork // die;
    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec {'curl'} 'curl', '-s', '-Z', '--http2-prior-knowledge', '--max-time',
            '0.1', map { ('-H', "Authorization: Bearer h2-$n",
                'http://127.0.0.1:' . $nginx->port('PORT_H2') . "/$_") } 1 .. 8;
    }
    waitpid $pid, 0;
}

is(status_of($nginx->get2('/index.html', token => 'after-h2',
    port => $nginx->port('PORT_H2'))), 200, 'after resets over HTTP/2');

# post_action goes on with the request of one who left: it is not woken there

close $nginx->open("GET /accounted HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer accounted\r\n\r\n");
my $accounting = $upstream->accept;
is(status_of($nginx->get('/index.html', token => 'accounted')), 200,
    'the query was answered');
is(status_of($nginx->get('/index.html', token => 'later')), 200, 'and another');
ok(!IO::Select->new($upstream)->can_read(0), 'it was accounted once');
close $accounting;

# nothing is left behind

wait_for('all connections are gone', sub {
    body_of($nginx->get('/status')) =~ /Active connections: 1 / });
pass('no connection is left');

like($nginx->read('access.log'), qr/^499 OFF$/m, 'who left was not judged');

is($nginx->log =~ /\[error\].*service token/ ? 1 : 0, 0,
    'nothing was wrong with redis');

finish;
