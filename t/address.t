# Addresses of clients: IPv4 is IPv4, whatever socket it came by, wherever it
# is noted.

use strict;
use warnings;
use lib 't/lib';
use IO::Socket::IP;
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user('bot@service');
my %id = map { $_ => $redis->token(user => 'bot@service', id => "tok_$_",
    $_ eq 'off' ? (status => 'revoked') : ()) } qw(one two off);

open my $fh, '<', 'conf/nginx.conf' or die;
my ($map) = join('', <$fh>) =~ /(map \$remote_addr \$client_address \{.*?\})/s;

my $nginx = Stok::Nginx->start(redis => $redis, http => <<"EOC");
    service_token_redis %%REDIS%%;
    service_token_flush 1s;
    $map
    log_format client '\$remote_addr \$client_address';
    server {
        listen 127.0.0.1:%%PORT%%;
        listen [::]:%%PORT_6%% ipv6only=off;
        access_log %%DIR%%/client.log client;
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Client;
        service_token api;
        location / { }
    }
EOC

# by a socket of both

my $port = $nginx->port('PORT_6');

for my $who ('one', 'off') {
    my $sock = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port)
        or die "$@";
    print $sock "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        . "Authorization: Bearer $id{$who}\r\n\r\n";
    like(do { local $/; <$sock> }, $who eq 'off' ? qr/ 401 / : qr/ 200 /, $who);
}

wait_for('both are written', sub { usage('one', 'last_addr')
    && usage('off', 'refused_addr') });
is(usage('one', $_), '127.0.0.1', $_) for qw(first_addr last_addr addrs);
is(usage('off', 'refused_addr'), '127.0.0.1', 'refused_addr');
wait_for('the log', sub { $nginx->read('client.log') =~ /^::ffff/m });
like($nginx->read('client.log'), qr/^::ffff:127\.0\.0\.1 127\.0\.0\.1$/m,
    'the log of the sample');

# others stay as they are

for my $addr ('10.0.0.1', '::ffff:10.0.0.2', '2001:db8::1', '::1') {
    from('two', $addr);
    my $shown = $addr =~ s/^::ffff://r;
    wait_for($addr, sub { usage('two', 'last_addr') eq $shown });
    pass("$addr is noted as $shown");
}

finish;


sub from {
    my ($who, $addr) = @_;
    like($nginx->get('/', token => $id{$who}, headers => ["X-Client: $addr"]),
        qr/ 200 /, "$who from $addr");
}

sub usage {
    my ($who, $field) = @_;
    return $redis->cli('HGET', "{st}:usage:tok_$who", $field) // '';
}
