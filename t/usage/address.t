# Addresses of clients: IPv4 is IPv4, whatever socket it came by, wherever it
# is noted.

use strict;
use warnings;
use lib 't/lib';
use IO::Socket::IP;
use Stok::Test;
use Time::HiRes ();

my $redis = Stok::Redis->start;
$redis->user('bot@service');
my %id = map { $_ => $redis->token(user => 'bot@service', id => "tok_$_",
    /off|gone/ ? (status => 'revoked') : ()) } qw(one two off burst many again
    gone);

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
my %refusal = map { @{ $_->[1] } } @{ $redis->cli('XRANGE', '{st}:refusals',
    '-', '+') };
is("@refusal{qw(token addr)}", 'tok_off 127.0.0.1', 'the audit');
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

# a burst within one flush: the first, the last and those between

my @addr = map { "10.1.0.$_" } 1 .. 8;
from('burst', $_) for @addr;
wait_for('all are written', sub { (usage("burst", "uses") || 0) == 8 });
is(usage('burst', 'first_addr'), $addr[0], 'the first of eight');
is(usage('burst', 'last_addr'), $addr[-1], 'the last');
is(usage('burst', 'addrs'), join(' ', reverse @addr), 'and all in order');

# back at the first one, within a second or not

wait_for('a second begins', sub { Time::HiRes::time() - int Time::HiRes::time() < 0.2 });
from('again', $_) for @addr[0, 1, 2, 1, 0];
from('gone', $_) for @addr[2, 1, 0, 1];
wait_for('all are written', sub { (usage('again', 'uses') || 0) == 5
    && (usage('gone', 'refused') || 0) == 4 });
is(usage('again', 'first_addr'), $addr[0], 'the first');
is(usage('again', 'last_addr'), $addr[0], 'is the last, too');
is(usage('gone', 'refused_addr'), $addr[1], 'and the last that was refused');

@addr = map { "10.2.0.$_" } 1 .. 30;
from('many', $_) for @addr;
wait_for('all are written', sub { (usage("many", "uses") || 0) == 30 });
is(usage('many', 'first_addr'), $addr[0], 'the first of many');
is(usage('many', 'last_addr'), $addr[-1], 'the last of many');

finish;


sub from {
    my ($who, $addr) = @_;
    like($nginx->get('/', token => $id{$who}, headers => ["X-Client: $addr"]),
        $who eq 'gone' ? qr/ 401 / : qr/ 200 /, "$who from $addr");
}

sub usage {
    my ($who, $field) = @_;
    return $redis->cli('HGET', "{st}:usage:tok_$who", $field) // '';
}
