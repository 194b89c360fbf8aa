# A token that is bound to networks passes from there, and from nowhere else.

use strict;
use warnings;
use lib 't/lib';
use Stok::Status;
use Stok::Test;

my $redis = Stok::Redis->start;
my $nginx = edge(redis => $redis, conf => <<'EOC' . Stok::Status::server());
    set_real_ip_from 127.0.0.0/8;
    set_real_ip_from unix:;
    real_ip_header X-From;
EOC

$redis->user('user@service');

my %token = map { $_->[0] => $redis->token(user => 'user@service',
    id => "tok_$_->[0]", networks => $_->[1]) } (
    [any     => ''],
    [four    => '192.0.2.0/24'],
    [host    => '192.0.2.7/32'],
    [six     => '2001:db8::/32'],
    [both    => '2001:db8::/32,192.0.2.0/24'],
    [all     => '0.0.0.0/0,::/0'],
    [all_six => '::/0'],
);

# token, where from, what is said

my @table = (
    [any     => undef,                '200 ALLOWED'],
    [any     => '2001:db8::1',        '200 ALLOWED'],
    [four    => '192.0.2.255',        '200 ALLOWED'],
    [four    => '192.0.3.0',          '401 NETWORK'],
    [four    => '2001:db8::1',        '401 NETWORK'],
    [four    => undef,                '401 NETWORK'],
    [host    => '192.0.2.7',          '200 ALLOWED'],
    [host    => '192.0.2.6',          '401 NETWORK'],
    [six     => '2001:db8:ffff::1',   '200 ALLOWED'],
    [six     => '2001:db9::1',        '401 NETWORK'],
    [both    => '192.0.2.1',          '200 ALLOWED'],
    [both    => '2001:db8::1',        '200 ALLOWED'],
    [both    => '10.0.0.1',           '401 NETWORK'],
    [all     => '10.0.0.1',           '200 ALLOWED'],
    [all     => '::1',                '200 ALLOWED'],

    # an IPv4-mapped address is the IPv4 address

    [four    => '::ffff:192.0.2.9',   '200 ALLOWED'],
    [four    => '::ffff:192.0.3.9',   '401 NETWORK'],
    [all_six => '::ffff:192.0.2.9',   '401 NETWORK'],
    [all_six => '192.0.2.9',          '401 NETWORK'],
);

# twice: from Redis, then from the cache

for my $round (1, 2) {
    for my $case (@table) {
        my ($name, $from, $expected) = @$case;

        is(from($token{$name}, $from), $expected,
            "$name from " . ($from // 'here') . ", round $round");
    }
}

# the answer is that of an unknown token, to the byte, but for the date

my $unknown = $redis->token(user => 'user@service');
$redis->cli('DEL', $redis->token_key($unknown));

is(bare($nginx->get('/index.html', token => $token{four}, headers => ['X-From: 10.0.0.1'])),
    bare($nginx->get('/index.html', token => $unknown, headers => ['X-From: 10.0.0.1'])),
    'the same bytes as for an unknown token');

# it comes after what ends a token, and before what a location asks for

for my $case ([status => 'revoked', '401 REVOKED'], [expires_at => 1,
    '401 EXPIRED'], [user => 'nobody@service', '401 ORPHANED'])
{
    my ($field, $value, $expected) = @$case;
    my $token = $redis->token(user => 'user@service', networks => '10.0.0.0/8',
        $field => $value);
    is(from($token, '192.0.2.1'), $expected, "$field comes first");
}

my $scim = $redis->token(user => 'user@service', networks => '10.0.0.0/8',
    scope => 'scim');
is(from($scim, '192.0.2.1'), '401 NETWORK', 'before the scope');
is(from($scim, '10.0.0.1'), '403 SCOPE', 'inside: the scope');

# a change is in force at once

is(from($token{four}, '192.0.2.1'), '200 ALLOWED', 'in the cache');
$redis->cli('HSET', $redis->token_key($token{four}), networks => '10.0.0.0/8');
wait_for('the change is heard',
    sub { from($token{four}, '192.0.2.1') eq '401 NETWORK' });
is(from($token{four}, '10.0.0.1'), '200 ALLOWED', 'and from there');

# a text that is not a list is not an empty list

$redis->cli('HSET', $redis->token_key($token{four}), networks => 'any');
wait_for('that, too', sub { from($token{four}, '10.0.0.1') =~ /^503/ });
pass('what cannot be read lets nobody in');

cmp_ok(Stok::Status->new($nginx)->now->{'requests NETWORK HIT'}, '>', 5,
    'counted');

finish;


sub from {
    my ($token, $from) = @_;

    my $r = $nginx->get('/index.html', token => $token,
        headers => [defined $from ? "X-From: $from" : ()]);

    return status_of($r) . ' ' . header_of($r, 'X-Status');
}

# without what says when, and what the test itself adds

sub bare { $_[0] =~ s/^(?:Date|X-\S+): .*\n//mgr }
