# Where a plaintext token may be seen after it went through the API: not in what
# Redis hears or keeps, no log, no temporary file, and no memory of a worker.

use strict;
use warnings;
use lib 't/lib';
no warnings 'portable';
use File::Find;
use IO::Socket::UNIX;
use Stok::Api;
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $command = Stok::Command->new($redis);

$command->run('init');
$command->run('user', 'create', 'admin@example.com', '--human', '--role', 'admin');
my $token = ($command->run('token', 'create', '--user', 'admin@example.com',
    '--name', 'console', '--env', 'production'))[1] =~ s/\s+$//r;

my $api = Stok::Api->start(redis => $redis, workers => 1);

my $monitor = IO::Socket::UNIX->new(Peer => $redis->socket) or die;
$monitor->syswrite("MONITOR\r\n");
$monitor->blocking(0);
my $heard = '';
my %token = (caller => $token);

my ($status, $json) = $api->call(POST => '/api/tokens', token => $token,
    json => { user => 'admin@example.com', name => 'one', env => 'testing' });
is($status, 201, 'made');
$token{made} = $json->{token};

($status, $json) = $api->call(POST => "/api/tokens/$json->{id}/rotate", token => $token, json => {});
is($status, 201, 'rotated');
$token{rotated} = $json->{token};

($status, $json) = $api->call(POST => '/api/introspect', token => $token,
    form => { token => $token{made} });
ok($json->{active}, 'asked about');

# where it should not stand: quoted by no error

$token{wrong} = $redis->token(user => 'admin@example.com');

for ([POST => '/api/users', { $token{wrong} => 'x' }, 422],
    [POST => '/api/tokens', { user => $token{wrong}, name => 'x', env => 'testing' }, 422],
    [POST => '/api/incidents', { token => $token{wrong} }, 422],
    [POST => '/api/users', { name => $token{wrong}, purpose => 'p', owner => 'o' }, 422],
    [POST => '/api/wait?for=' . $token{wrong} =~ s/_/%5f/gr, undef, 422])
{
    ($status, $json) = $api->call($$_[0], $$_[1], token => $token, json => $$_[2]);
    is($status, $$_[3], 'it stands where it should not') or diag explain $json;
}

is(($api->call(POST => '/api/users', token => $token, body => "{\"name\":$token{wrong}",
    headers => ['Content-Type: application/json']))[0], 400, 'in a body that is not JSON');

# by somebody who goes away in the middle

my $sock = IO::Socket::UNIX->new(Peer => "$api->{dir}/control.sock") or die;
my $head = "CONTENT_LENGTH\0" . "1000\0";
syswrite $sock, length($head) . ":$head,token=$token{wrong}";
close $sock;

# revoked by whoever holds it

is(($api->call(POST => '/api/revoke', form => { token => $token{rotated} }))[0], 200, 'revoked');

while (my $n = $monitor->sysread(my $buf, 65536)) { $heard .= $buf }
like($heard, qr/token\.create/, 'MONITOR hears');
is(seen($heard), '', 'MONITOR: no token');

is(seen(join "\n", map { $redis->cli('DUMP', $_) } @{ $redis->cli('KEYS', '*') }), '',
    'Redis: no token');

is(seen(memory(($api->workers)[0])), '', "a worker's memory: no token");

$redis->cli('SAVE');
$redis->down;
is(($api->call(POST => '/api/revoke', form => { token => $token{made} }))[0], 503, 'Redis is away');
is(seen(memory(($api->workers)[0])), '', 'nor after an error');

my ($files, $bad) = (0, '');
find({ no_chdir => 1, wanted => sub {
    return if !-f;
    $files++;
    $bad .= "$_: " . seen(Stok::Nginx::slurp($_) // '') . "\n"
        if !/\.log$/ && seen(Stok::Nginx::slurp($_) // '');
} }, $api->{dir}, $api->nginx->dir);

cmp_ok($files, '>', 2, 'there are files');
is($bad, '', 'files: no token');

finish;


sub seen {
    my $text = shift;
    return join ' ', grep { $text =~ /\Q$token{$_}/ } sort keys %token;
}

# all that a process may write to, but what a sanitizer keeps beside it

sub memory {
    my $pid = shift;

    open my $mem, '<:raw', "/proc/$pid/mem" or die "/proc/$pid/mem: $!";
    my $all = '';

    for my $line (split /\n/, Stok::Nginx::slurp("/proc/$pid/maps")) {
        my ($from, $to, $is) = $line =~ /^(\w+)-(\w+) (\S+)/ or next;
        my $left = hex($to) - hex $from;
        next if $is !~ /^rw/ || $left > 256 * 1024 * 1024;

        sysseek $mem, hex $from, 0 or next;

        while ($left > 0) {
            my $n = sysread $mem, $all, $left, length $all;
            last if !$n;
            $left -= $n;
        }
    }

    return $all;
}
