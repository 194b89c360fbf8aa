# rediss://: the command over TLS, where hiredis has it; else one clear line.
# Never in clear.

use strict;
use warnings;
use lib 't/lib';
use Stok::Authority;
use Stok::Command;
use Stok::Test;

my $known = Stok::Authority->new;
my $foreign = Stok::Authority->new;
my @server = $known->issue('redis.test', names => 'DNS:redis.test');
my ($cert, $key) = $known->issue('ops');

my $port = Stok::Process::free_port();
my $redis = Stok::Redis->start(options => ['--tls-port', $port,
    '--tls-cert-file', $server[0], '--tls-key-file', $server[1],
    '--tls-ca-cert-file', $known->cert]);

my $command = Stok::Command->new;
my $uri = "rediss://127.0.0.1:$port/0";
my $ours = "cert=$cert&key=$key";
my $name = 'name=redis.test';

# a hiredis without TLS says so before it opens anything

my $built = `ldd \${SERVICE_TOKEN:-build/service-token}` =~ /libhiredis_ssl/;

# what the URI says, the exit code, what is printed
for my $case (
    ["$uri?ca=${\$known->cert}&$name&$ours", 0, qr/^$/],
    ["$uri?ca=${\$known->cert}&$ours", 4, qr/IP address mismatch/],
    ["$uri?ca=${\$known->cert}&name=other.test&$ours", 4,
        qr/hostname mismatch/i],
    ["$uri?ca=${\$foreign->cert}&$name&$ours", 4, qr/certificate/],
    ["$uri?$name&$ours", 4, qr/certificate/],
    ["$uri?ca=${\$known->cert}&$name", 4, qr/Redis at \S+ went away/],
    ["$uri?ca=${\$known->cert}&$name&cert=$cert", 2, qr/need each other/],
    ["$uri?ca=/none&$name", 2, qr/ca= cannot be used/],
    ["rediss://127.0.0.1:${\$redis->port}/?ca=${\$known->cert}&$name", 4,
        qr/no TLS with Redis/],
) {
    my ($with, $code, $says) = @$case;
    my $before = $redis->cli('INFO', 'stats') =~ /connections_received:(\d+)/
        && $1;
    my ($got, $out, $err) = $command->run('user', 'list', '--redis', $with);

    if (!$built) {
        $code = 2;
        $says = qr/^service-token: rediss:.. is not available: this hiredis has no TLS$/;
        is($redis->cli('INFO', 'stats') =~ /connections_received:(\d+)/ && $1,
            $before, 'nothing is opened');
    }

    is($got, $code, $with =~ s{/tmp/\S*?/}{}gr);
    chomp $err;
    like($err, $says, 'and says why');
    unlike($err, qr/\n/, 'in one line');
}

for my $bad ("$uri?nothing=1", "$uri?ca", "redis://127.0.0.1/?ca=x") {
    my ($code, $out, $err) = $command->run('user', 'list', '--redis', $bad);
    is($code, 2, "$bad: exit code");
    like($err, qr/bad Redis URI/, "$bad: says so");
}

finish;
