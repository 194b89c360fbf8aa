use strict;
use warnings;

# An answer from the cache takes no lock and makes no system call: neither of
# what the worker remembers, nor of what it has to look for in the table.

use lib 't/lib';
use Stok::Test;

my $zone = 4 * 1024 * 1024;
my $redis = Stok::Redis->start;
my $nginx = Stok::Nginx->start(redis => $redis, plain => 1, http => <<"EOC");
    service_token_redis %%REDIS%%;
    service_token_zone service_token $zone;
    service_token_lease 60s;
    service_token_cache_valid 1h;
    client_header_buffer_size 32k;

    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Cache "\$service_token_cache" always;

        location /open/ { empty_gif; }
        location /checked/ { service_token "api"; empty_gif; }
        location /index.html { service_token "api"; }
    }
EOC

fresh($nginx);

my ($worker) = $nginx->workers;
$redis->user('user@service');
my $token = $redis->token;
my @tokens = (['remembered', $token],
    ['looked for', $redis->token(name => 'n' x 255)]);

# ---- system calls: many requests in one piece, so that what the network
# needs is little, and what each request needs is seen

my ($n, $piece) = (2000, 100);

my %open = calls('/open/');

cmp_ok($open{writev}, '>=', $n, 'strace sees the answers being sent');

for (@tokens) {
    (my $name, $token) = @$_;

    is(many('/checked/', $piece), $piece, "$name: all let in");
    is(from('HIT', '/checked/', $piece), $piece, "$name: all from the cache");

    my %checked = calls('/checked/');

    for my $call (sort keys %{ { %open, %checked } }) {
        cmp_ok(($checked{$call} // 0) - ($open{$call} // 0), '<', $n / 10,
            "$name: no $call for an answer from the cache");
    }
}

# ---- locks: somebody holds the zone's mutex, the first word of the zone

my $lock = lock_address();

is(peek(), 0, 'the lock is free');
poke($$);

for (@tokens) {
    (my $name, $token) = @$_;
    is(from('HIT', '/checked/', $piece), $piece, "$name: all from the cache");
}

is(peek(), $$, 'while another held the lock');

# the test would see a lock that is taken: a new record needs it to be kept

$token = $redis->token;
is(from('MISS', '/index.html', 1), 1, 'a new token is asked for');
is(from('MISS', '/index.html', 1), 1, 'and not kept');

poke(0);

is(from('MISS', '/index.html', 1), 1, 'asked for again');
is(from('HIT', '/index.html', 1), 1, 'and kept once the lock is free');

finish();


sub many {
    my ($uri, $count) = @_;
    return () = send_all($uri, $count) =~ m{HTTP/1.1 200 }g;
}

sub from {
    my ($source, $uri, $count) = @_;
    return () = send_all($uri, $count) =~ /^X-Cache: $source\r$/mg;
}

# as many requests in one piece, the last of which closes

sub send_all {
    my ($uri, $count) = @_;
    my $request = "GET $uri HTTP/1.1\r\nHost: localhost\r\n"
        . "Authorization: Bearer $token\r\n";

    return $nginx->raw("$request\r\n" x ($count - 1)
        . "${request}Connection: close\r\n\r\n");
}

# how often the worker made each system call during n requests

sub calls {
    my $uri = shift;
    my $file = $nginx->dir . '/strace';

    my $strace = Stok::Process->start(log => "$file.log",
        argv => ['strace', '-c', '-o', $file, '-p', $worker]);

    wait_for('strace is attached',
        sub { $nginx->read('strace.log') =~ /attached/ });

    my $count = 0;
    $count += many($uri, $piece) for 1 .. $n / $piece;
    is($count, $n, "all answered at $uri");

    $strace->stop('INT');

    return map { /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/
        && $2 ne 'total' ? ($2, $1) : () } split /\n/, $nginx->read('strace');
}

# where the worker has the zone, which is memory that processes share

sub lock_address {
    no warnings 'portable';

    for (split /\n/, Stok::Nginx::slurp("/proc/$worker/maps")) {
        my ($begin, $end) = /^(\w+)-(\w+) rw-s /
            or next;
        return hex $begin if hex($end) - hex($begin) == $zone;
    }

    die "the worker has no zone\n";
}

sub memory {
    my $mode = shift;
    open my $fh, $mode, "/proc/$worker/mem" or die "memory of nginx: $!";
    sysseek $fh, $lock, 0;
    return $fh;
}

sub peek { sysread memory('<'), my $word, 8; return unpack 'Q', $word }
sub poke { syswrite memory('+<'), pack 'Q', shift or die "poke: $!" }
