use strict;
use warnings;

# Refused attempts of known tokens: noted with time, address, count and
# reason; Last Used stays; the stream of refusals gets one entry for what comes
# together, and the audit none.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user('user@service');
$redis->user('off@service', status => 'disabled');
$redis->user('gone@service', status => 'deleted');

my $nginx = edge(redis => $redis, conf => 'service_token_flush 1s;',
    server => <<'EOS');
    location /people/ { service_token_type personal; }
    location /open/ { service_token off; error_page 404 /admin/; }
    location /page/ { service_token_role admin; error_page 403 /admin/; }
EOS

my %case = (
    REVOKED       => [{ status => 'revoked', revoked_at => time - 60 }],
    EXPIRED       => [{ expires_at => time - 60 }],
    ORPHANED      => [{ user => 'gone@service' }],
    USER_DISABLED => [{ user => 'off@service' }],
    TYPE          => [{}, '/people/'],
    SCOPE         => [{ scope => 'scim' }],
    ROLE          => [{}, '/admin/'],
);

my %id;

for my $reason (sort keys %case) {
    my ($fields, $uri) = @{ $case{$reason} };
    my $token = $redis->token(%$fields);
    my $id = $id{$reason} = id($token);

    for (1 .. 5) {
        like(said($nginx, $token, $uri), qr/^40[13] $reason/, "$reason: refused");
    }

    wait_for("$reason: written", sub { of($id, 'refused') == 5 });
    is(of($id, 'refused_reason'), $reason, "$reason: the reason");
    is(of($id, 'refused_addr'), '127.0.0.1', "$reason: the address");
    cmp_ok(abs(of($id, 'refused_at') - time), '<', 10, "$reason: the time");
    is(of($id, 'uses'), 0, "$reason: no use");
    is($redis->cli('ZSCORE', '{st}:last_used', $id), undef,
        "$reason: Last Used does not move");
}

# both in one: a token that may here, and not there

my $both = $redis->token;
my $id = id($both);
like(said($nginx, $both), qr/^200/, 'allowed here') for 1 .. 3;
like(said($nginx, $both, '/admin/'), qr/^403 ROLE/, 'not there') for 1 .. 2;
wait_for('written', sub { of($id, 'refused') == 2 && of($id, 'uses') >= 3 });
is(of($id, 'uses'), 3, 'uses and refusals apart');
is(of($id, 'role_needed'), 'member', 'a refusal needs no role');

# a page of the error at a location that is judged, too: one refusal

like(said($nginx, $both, '/page/x'), qr/^403/, 'refused, and its page');
wait_for('written', sub { of($id, 'refused') > 2 });
is(of($id, 'refused'), 3, 'counts once');

# what the stream says

is(scalar(@{ entries($id{REVOKED}) }), 1, 'one entry');
my %entry = %{ entries($id{REVOKED})->[0] };
is($entry{user}, 'user@service', 'with the user');
is("@entry{qw(reason addr)}", 'REVOKED 127.0.0.1', 'what, and from where');
cmp_ok($entry{count}, '>=', 1, 'how often');
is(join(' ', sort keys %entry), 'addr at count reason token user',
    'and nothing else');
is($redis->cli('EXISTS', '{st}:audit', '{st}:audit-head'), 0,
    'the audit is left alone');

# more within the minute: counted, no entry; after it: one more, with the rest

my $revoked = $redis->token(status => 'revoked');
$id = id($revoked);
said($nginx, $revoked);
wait_for('written', sub { of($id, 'refused') == 1 });
said($nginx, $revoked) for 1 .. 4;
wait_for('written', sub { of($id, 'refused') == 5 });
is(scalar(@{ entries($id) }), 1, 'no second entry in a minute');
$redis->cli('HSET', "{st}:usage:$id", audited_at => time - 61);
said($nginx, $revoked);
wait_for('written', sub { of($id, 'refused') == 6 });
wait_for('a second entry', sub { @{ entries($id) } >= 2 });
my $sum = 0;
$sum += $_->{count} for @{ entries($id) };
is($sum, 6, 'the entries tell all of them') or diag(explain(entries($id)));

# Redis cannot answer: that is not a refusal

$redis->down;
like(said($nginx, $both), qr/^(?:503|200)/, 'an outage');
wait_for('503', sub { said($nginx, $both) =~ /^503/ });
$redis->up;
$redis->init;

finish();


sub id {
    my $token = shift;
    return $redis->cli('HGET', $redis->token_key($token), 'id');
}

sub of {
    my ($id, $field) = @_;
    my %usage = @{ $redis->cli('HGETALL', "{st}:usage:$id") };
    return $usage{$field} // 0;
}

sub entries {
    my $id = shift;
    return [ grep { $_->{token} eq $id } map { +{ @{ $_->[1] } } }
        @{ $redis->cli('XRANGE', '{st}:refusals', '-', '+') } ];
}
