# The scripts by themselves: each that comes to a record by an index checks that
# it is the one that was named, whatever its caller has checked.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start;
my $user = $redis->listed_user('etl@service');
my $boss = $redis->listed_user('boss@service', role => 'admin');
my %t = map { $_->[0] => $redis->token(id => "tok_$_->[0]", user => $_->[1],
    name => $_->[0], status => $_->[2], revoked_at => 1,
    expires_at => time + 9e5) }
    ['T', $user, 'active'], ['V', $boss, 'active'], ['R', $user, 'revoked'],
    ['B', $boss, 'revoked'];
my %read = map { $_ => $redis->cli('HGETALL', $redis->token_key($t{$_})) }
    keys %t;

# change.lua: key, token, user, action, before, after, times, what was read, what
# is written

sub change {
    my ($of, $token, $whose, @new) = @_;
    my $n = @{ $read{$of} } / 2;
    return script('change', key($of), $token, $whose, 'token.revoke', 'active',
        'revoked', 'revoked_at', $n, @{ $read{$of} }, @new);
}

same('change: a token of another id', 'MISLED',
    sub { change('V', 'tok_T', $boss, 'status', 'revoked') });
same('change: of another user', 'MISLED',
    sub { change('V', 'tok_V', $user, 'status', 'revoked') });
same('change: a user that is not the one of the key', 'MISLED', sub {
    script('change', "user:$boss", '', $user, 'user.disable', 'active',
        'disabled', '', 0, 'status', 'disabled') });
same('change: it has changed', 'CHANGED', sub {
    script('change', key('V'), 'tok_V', $boss, 'token.revoke', 'active',
        'revoked', 'revoked_at', 1, 'id', 'tok_V', 'status', 'revoked') });
same('change: nothing', 'OK',
    sub { change('V', 'tok_V', $boss, 'status', 'active') });
is(change('T', 'tok_T', $user, 'status', 'revoked', 'env', '@now')->[0], 'OK',
    'change: the one that was named');
my %T = @{ $redis->cli('HGETALL', $redis->token_key($t{T})) };
cmp_ok(abs($T{revoked_at} - time), '<', 60, 'a field that becomes the time');
is($T{env}, '@now', 'another one is a text');
$redis->write($redis->token_key($t{T}), { @{ $read{T} } });

# token-delete.lua: id, watch, digest

for my $digest ('', $redis->digest($t{B})) {
    my $name = $digest ? 'a digest' : 'the index';
    set('id:tok_R', $redis->digest($t{B}));
    same("token-delete: $name leads to another", 'MISLED',
        sub { script('token-delete', 'tok_R', -9999999999, $digest) });
}

$redis->cli('DEL', $redis->key('id:tok_R'));
same('token-delete: no index', 'MISLED',
    sub { script('token-delete', 'tok_R', -9999999999, '') });
is(script('token-delete', 'tok_R', -9999999999, $redis->digest($t{R}))->[0],
    'OK', 'token-delete: by its digest');
ok(!$redis->cli('EXISTS', $redis->token_key($t{R})), 'is gone');

# token-create.lua, as a rotation

sub rotate {
    my ($of, $old) = @_;
    return script('token-create', 'write', 'e' x 64, 'tok_new', $user, 'new',
        'service', '', 'production', time, 0, '', '', '', '', $old, key($of),
        @{ $read{$of} } / 2, @{ $read{$of} }, 'expires_at', time + 10,
        'rotated_to', 'tok_new');
}

same('rotation: of another id', 'MISLED', sub { rotate('V', 'tok_T') });
same('rotation: of another user', 'MISLED', sub { rotate('V', 'tok_V') });
is(rotate('T', 'tok_T')->[0], 'OK', 'rotation: the one that was named');

# a name is taken by a token of this user, not by where an index leads

$redis->cli('SADD', $redis->key("user-tokens:$user"), 'tok_lost');
set('id:tok_lost', $redis->digest($t{V}));
$redis->cli('SADD', $redis->key("user-tokens:$user"), 'tok_V');
is_deeply(script('token-create', 'check', 'f' x 64, 'tok_other', $user, 'V',
    'service', '', 'production', time, 0, '', '', '', ''), ['OK', 'V'],
    'a name of a token of another user');

# user-revoke-all.lua: user, step, then digest, id, seal, new seal of each

sub step { script('user-revoke-all', $user, 'step', @_) }

is_deeply(step($redis->digest($t{V}), 'tok_V', '', ''), ['OK', 'O'],
    'revoke-all: a token of another user');
is_deeply(step($redis->digest($t{T}), 'tok_X', '', 'k1:x'), ['OK', 'C'],
    'of another id, to be read again');
is_deeply(step($redis->digest($t{T}), 'tok_T', 'old', 'k1:x'), ['OK', 'C'],
    'sealed anew meanwhile');
is_deeply(step('d' x 64, 'tok_T', '', ''), ['OK', 'S'], 'no such record');
is_deeply(step($redis->digest($t{T}), 'tok_T', '', '', 'e' x 64, '', '', ''),
    ['OK', 'RR'], 'those that were named');
is(join(' ', map { $redis->cli('HGET', $redis->key("token:$_"), 'status') }
    'e' x 64, map { $redis->digest($t{$_}) } 'T', 'V'),
    'revoked revoked active', 'and no other');

finish;


# a script with its arguments behind prefix and actor

sub script {
    my ($name, @args) = @_;
    my $text = join '', map { Stok::Command::slurp("scripts/$_.lua") }
        'common', $name;
    return $redis->cli('EVAL', $text, 1, $redis->key('meta'), $redis->key(''),
        'anna', @args);
}

sub same {
    my ($name, $word, $do) = @_;
    my $before = Stok::Command::snapshot($redis);
    is($do->()->[0], $word, $name);
    ok(Stok::Command::snapshot($redis) eq $before, 'nothing is written');
}

sub key { 'token:' . $redis->digest($t{ $_[0] }) }
sub set { $redis->cli('SET', $redis->key($_[0]), $_[1]) }
