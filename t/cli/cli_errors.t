# The messages of the command when Redis refuses, is slow, is not there, or has
# no dataset: the whole error, the length of the time-out, and the place that
# was asked; never a secret.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $tcp = 'redis://127.0.0.1:' . $redis->port;
my $secret = 'pa55word';

# no dataset

fails(3, qr/^no dataset at \Q@{[$redis->socket]}\E, database 0, prefix "\{st\}:": /,
    'a socket', $st);
fails(3, qr/^no dataset at 127\.0\.0\.1:\d+, database 3, prefix "x:": is --redis right\? If so, run service-token init$/,
    'a port, a database and a prefix', $st, '--redis', "$tcp/3", '--prefix', 'x:');

# an error with quotes, as a real Redis says it

$st->run('init');
$redis->cli('CONFIG', 'SET', 'maxmemory', 1);
fails(4, qr/^Redis is full \(maxmemory\): only what revokes, disables or deletes works$/,
    'out of memory', $st, 'user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');
$redis->cli('CONFIG', 'SET', 'maxmemory', 0);

$redis->cli('ACL', 'SETUSER', 'reader', 'on', ">$secret", '~*', '+hmget');
fails(4, qr/^Redis refuses: NOPERM .* run the '\w+' command$/i, 'no permission',
    $st, '--redis', $tcp =~ s{//}{//reader:$secret\@}r);
fails(4, qr/^Redis refuses: WRONGPASS /, 'a wrong password', $st, '--redis',
    $tcp =~ s{//}{//reader:wrong\@}r);

# whoever answers may repeat what it was sent

for my $case (
    ["-ERR it isn't `so` \"simple\"\r\n", qr/^Redis refuses: ERR it isn't `so` "simple"$/],
    ["-ERR unknown command 'AUTH', with args beginning with: '$secret' \r\n",
        qr/^Redis refuses: ERR unknown command 'AUTH'$/],
    ["-ERR Write commands are forbidden. script: 13950ddf, on \@user_script:191.\r\n",
        qr/^Redis refuses: ERR Write commands are forbidden\.$/],
    ["-HTTP/1.1 400 Bad Request\r\n" =~ s/^-//r,
        qr/^the server at 127\.0\.0\.1:\d+ does not answer like Redis: is --redis right\?$/],
    ["-ERR bad '$secret', said twice: $secret\r\n",
        qr/^Redis refuses: ERR bad '\*{8}', said twice: \*{8}$/],
) {
    my ($reply, $says) = @$case;
    my $fake = Stok::FakeRedis->start(sub { $reply }, setup => 1);
    fails(4, $says, $reply =~ s/\s+\z//r, $st, '--redis',
        "redis://:$secret\@127.0.0.1:" . $fake->port);
    $fake->stop;
}

# time-outs: of a reply, and of a connection

my $mute = Stok::FakeRedis->start(sub { \600 }, setup => 1);
my $at = '127.0.0.1:' . $mute->port;

for my $case (['200ms', '0\.2 s'], ['100ms', '0\.1 s']) {
    my ($timeout, $says) = @$case;
    local $st->{env} = { SERVICE_TOKEN_TIMEOUT => $timeout };
    fails(4, qr/^Redis at \Q$at\E did not answer within $says$/, $timeout, $st,
        '--redis', "redis://$at");
    fails(4, qr/^Redis at \Q$at\E did not answer within 0\.3 s$/, 'the option is first',
        $st, '--redis', "redis://$at", '--timeout', '300ms');
}

for my $bad ('5', '-1s', '0s', 'x', '2h', '1e9s') {
    fails(2, qr/^bad --timeout/, "--timeout $bad", $st, '--timeout', $bad);

    local $st->{env} = { SERVICE_TOKEN_TIMEOUT => $bad };
    fails(2, qr/^bad --timeout "\Q$bad\E": /, "$bad is not a time-out", $st);
}

# a full queue of a listener: the handshake has no end

my $full = IO::Socket::INET->new(Listen => 0, LocalAddr => '127.0.0.1') or die;
listen $full, 0;
my @queue = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport,
        Timeout => 0.1) } 1 .. 4;

{
    local $st->{env} = { SERVICE_TOKEN_TIMEOUT => '200ms' };
    fails(4, qr/^Redis at 127\.0\.0\.1:\d+ cannot be reached: no connection within 0\.2 s: is --redis right\?$/,
        'no connection', $st, '--redis', 'redis://127.0.0.1:' . $full->sockport);
}

fails(4, qr/^Redis at \[::1\]:1 cannot be reached: /, 'an address of IPv6', $st,
    '--redis', 'redis://[::1]:1');

finish;


# user list, unless another verb is given

sub fails {
    my ($code, $says, $name, $command, @args) = @_;

    my $verb = grep { $_ eq 'create' } @args;
    my ($got, $out, $err) = $command->run(@args, $verb ? () : ('user', 'list'));

    is($got, $code, "$name: exit code");
    like($err =~ s/^service-token: //r, $says, "$name: whole");
    is(() = $err =~ /\n/g, 1, "$name: one line");
    unlike($err, qr/$secret/, "$name: no secret");
    is($out, '', "$name: no output");
}
