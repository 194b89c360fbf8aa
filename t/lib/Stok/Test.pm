package Stok::Test;

# The base of every test file: Test::More, the servers, and finish(), which
# stops them and adds what every file asserts: no alert, no emerg, no report of
# a sanitizer or of valgrind in our code, and no plaintext token in any log.

use strict;
use warnings;

use Exporter 'import';
use Test::More;
use Stok::FakeRedis;
use Stok::Nginx;
use Stok::Process;
use Stok::Proxy;
use Stok::Redis;
use Stok::Uses;

our @EXPORT = (@Test::More::EXPORT,
    qw(finish edge fresh said wait_for status_of header_of body_of));

sub wait_for { Stok::Process::wait_for(@_) }

# an nginx whose answers say what was decided; more lines for http and server

sub edge {
    my (%opt) = @_;

    my $http = delete $opt{conf} // '';
    my $server = delete $opt{server} // '';
    my $redis = delete $opt{to} // '%%REDIS%%';
    my $zone = delete $opt{zone} // "1m";

    my $nginx = Stok::Nginx->start(workers => 2, %opt, http => <<"EOC");
service_token_redis $redis;
service_token_zone service_token $zone;
$http

server {
    listen 127.0.0.1:%%PORT%%;
    service_token "api";
    $server

    add_header X-Status "\$service_token_status" always;
    add_header X-Cache "\$service_token_cache" always;
    add_header X-Role "\$service_token_role" always;

    location /index.html { }
    location /admin/ { service_token_role admin; }
}
EOC

    fresh($nginx) unless $opt{cold};

    return $nginx;
}

# status, verdict and where it came from

sub said {
    my ($nginx, $token, $uri) = @_;
    my $r = $nginx->get($uri // '/index.html', token => $token);
    return join ' ', status_of($r), header_of($r, 'X-Status'),
        scalar header_of($r, 'X-Cache');
}

# waits until the cache is in use: location /index.html shows X-Cache

sub fresh {
    my ($nginx, %opt) = @_;
    my $token = 'stk_svc_fresh' . Stok::Redis::random(25);

    wait_for('a fresh cache', sub {
        header_of($nginx->get('/index.html', token => "-$token"), 'X-Cache')
            =~ /^(?:HIT|MISS)/;
    });
}

sub status_of { $_[0] =~ m{^HTTP/[\d.]+ (\d+)} ? $1 : '' }
sub body_of { $_[0] =~ /\r\n\r\n(.*)/s ? $1 : '' }

sub header_of {
    my ($response, $name) = @_;
    my ($head) = split /\r\n\r\n/, $response, 2;
    my @values = ($head // '') =~ /^\Q$name\E: (.*?)\r?$/mig;
    return wantarray ? @values : join ' | ', @values;
}

# core's own lines of a request's headers, at debug; SECURITY.md names them

my $core = qr{
    http[ ](?:process[ ]request[ ])?header: | http2[ ](?:http[ ])?header:
    | http2[ ]table[ ]add: | http[ ]proxy[ ]header: | ^[Aa]uthorization:[ ]Bearer[ ]
}x;

sub finish {
    for my $nginx (@Stok::Nginx::running) {
        ok($nginx->stop, 'nginx left in time');

        my $log = $nginx->log . $nginx->read('output');
        my $name = 'in ' . ($nginx->{name} // 'the log');

        my @bad = grep { /\[(?:alert|emerg)\]/ } split /\n/, $log;
        @bad = grep { $_ !~ $nginx->{expect} } @bad if $nginx->{expect};
        is(join("\n", @bad), '', "no alert, no emerg $name");

        unlike($log, qr/AddressSanitizer|LeakSanitizer|runtime error:/,
            "no report of a sanitizer $name");

        is(clear($nginx, $log), '', "no plaintext token $name");
        is(valgrind($nginx), '', 'no error under valgrind')
            if ($ENV{TEST_RUNNER} // '') eq 'valgrind';
    }

    @Stok::Nginx::running = ();
    daemons();
    done_testing();
}

# those of the API, if there are any

sub daemons {
    no warnings 'once';

    for my $api (@Stok::Api::running) {
        ok($api->stop, 'the daemon left in time');
        unlike($api->log, qr/AddressSanitizer|LeakSanitizer|runtime error:/,
            'no report of a sanitizer in its log');

        my %seen = map { $_ => 1 } @Stok::Redis::tokens;
        my $tokens = join '|', map { quotemeta } keys %seen;
        is(scalar(() = $api->log =~ /$tokens/g), 0, 'no plaintext token in its log')
            if $tokens ne '';
    }
}

sub clear {
    my ($nginx, $log) = @_;

    my %seen = map { $_ => 1 } @Stok::Redis::tokens;
    my $tokens = join '|', map { quotemeta } keys %seen;

    return '' if $tokens eq '';

    my $logs = join "\n", $log,
        map { Stok::Nginx::slurp($_) // '' } glob $nginx->dir . '/*.log';

    return join "\n", grep {
        /$tokens/ && $_ !~ $core
            && !($nginx->{headers_logged} && /$nginx->{headers_logged}/)
    } split /\n/, $logs;
}

# error blocks of memcheck with a frame of ours

sub valgrind {
    my $nginx = shift;

    my @blocks;

    for my $file (glob $nginx->dir . '/valgrind.*') {
        my $text = Stok::Nginx::slurp($file) // '';
        push @blocks, grep { /ngx_service_token|stok_/ }
            split /^==\d+== \n/m, $text;
    }

    return join "\n", @blocks;
}

1;
