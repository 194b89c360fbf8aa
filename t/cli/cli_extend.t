# token extend: a later end, sealed again, in the index and in the audit; what
# is refused.

use strict;
use warnings;
use lib 't/lib';
use JSON::PP ();
use Stok::Command;
use Stok::Terminal;
use Stok::Test;

my $day = 86400;
my $redis = Stok::Redis->start(empty => 1);
my $plain = Stok::Command->new($redis);
my $keys = "$plain->{dir}/keys";
open my $fh, '>', $keys or die;
print $fh +($plain->run('key', 'new', 'k1'))[1];
close $fh;
chmod 0600, $keys;
my $st = Stok::Command->new($redis, '--key-file', $keys, '--actor', 'anna');

$st->run('init');
$st->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');

my $token = create('a', '30d');
my $id = $token->{id};
my ($code, $out, $err) = $st->run('token', 'extend', $id, '--expires-in',
    '60d');
is("$code$out", 0, 'extend');
like($err, qr/^extended $id \(a\) of \S+: it is valid until 20\d\d-.*Z$/m, 'until when');
my $is = $st->json('token', 'show', $id);
near($is->{expires_at}, time + 60 * $day, 'from now on');
is($redis->cli('ZSCORE', $redis->key('expiry'), $id), $is->{expires_at},
    'the index knows');
like(($st->input($token->{token}, 'check'))[1], qr/^ALLOWED/,
    'its seal is right');
is_deeply([grep { $_->{rule} eq 'tampered' }
    @{ JSON::PP->new->decode(($st->run('review', '--json'))[1]) }], [],
    'says the review, too');
my $entry = $st->json('audit', '--token', $id)->[-1];
is("@{$entry}{qw(actor action before after)}", 'anna token.extend active, '
    . "expires_at $token->{expires_at} active, expires_at $is->{expires_at}",
    'the audit');
is(($st->run('audit', 'verify'))[0], 0, 'which is whole');
like(($st->run('audit', '--token', $id))[1],
    qr/  active, expires_at 20[\d:T-]+Z -> active, expires_at 20[\d:T-]+Z/, 'with dates');

# a terminal shows how far away a date is

for my $case ([['audit'], qr/^20[\d:T-]+Z \(\d+ \w+ ago\)  anna  token.extend /m],
    [['status'], qr/^  $id  in \d+ days +unused /m])
{
    my $tty = Stok::Terminal->start($st, $case->[0]);
    like(($tty->end)[1], $case->[1], "@{$case->[0]} on a terminal");
}


($code, $out, $err) = $st->run('token', 'extend', $id, '--expires-in', '365d',
    '--json');
near(JSON::PP->new->decode($out)->{expires_at}, time + 365 * $day,
    'json: the record, a year');
($code, $out, $err) = $st->input($token->{token}, 'token', 'extend', '-',
    '--expires-in', '365d');
like($err, qr/^note: the token is $id$/m, 'by the token itself');

# within what is usual for its environment, or with a warning, as reviews find it

for my $case (['testing', '25d', ''], ['testing', '100d', 30], ['staging', '365d', 180],
    ['production', '365d', '']) {
    my ($env, $for, $usual) = @$case;
    my $is = $st->json('token', 'create', '--user', 'etl@service', '--name',
        "$env-$for", '--env', $env, '--expires-in', '20d')->{id};
    my ($code, undef, $err) = $st->run('token', 'extend', $is, '--expires-in', $for);
    my ($days) = $for =~ /(\d+)/;
    is($code, 0, "$env, $for");
    is(join('', $err =~ /^(warning: .*)$/mg), $usual && "warning: a $env token for $days "
        . "days, $usual are usual: reviews will find it", 'a warning, or none');
    is(scalar(grep { $_->{rule} eq 'lifetime' && $_->{token} eq $is }
        @{ JSON::PP->new->decode(($st->run('review', '--json'))[1]) }), $usual ? 1 : 0,
        'as a review finds it');
}

# one that is rotating, and goes on

my $old = create('b', '5d');
my $new = $st->json('token', 'rotate', $old->{id});
is(($st->run('token', 'extend', $old->{id}, '--expires-in', '30d'))[0], 0,
    'a predecessor that is still needed');
is($st->json('token', 'show', $old->{id})->{rotated_to}, $new->{id},
    'its successor stays');

# refused

my $revoked = create('c', '30d');
$st->run('token', 'revoke', $revoked->{id});
my $edited = create('e', '30d');
my $never = create('f', 'never');

refused(3, qr/is valid until 20\d\d.*, which is not earlier: nothing was changed/,
    $new->{id}, '--expires-in', '1d');
refused(3, qr/is revoked: only an active one is extended/, $revoked->{id},
    '--expires-in', '60d');
refused(3, qr/never expires: there is nothing to extend/, $never->{id},
    '--expires-in', '60d');
refused(3, qr/no token/, 'tok_none', '--expires-in', '60d');
for my $in ('', '0d', '366d', '12h', 'never', 'soon', '-1d') {
    refused(2, qr/bad --expires-in(?: "\Q$in\E"|: \S+ is [a-z ]+): 1d to 1y/,
        $new->{id}, "--expires-in=$in");
}
refused(2, qr/needs --expires-in/, $new->{id});
refused(2, qr/"token extend" needs ID/, '--expires-in', '60d');
redis($edited, expires_at => time + 40 * $day);
refused(3, qr/has no valid seal/, $edited->{id}, '--expires-in', '60d');
$st = $plain;
refused(3, qr/give --key-file/, $new->{id}, '--expires-in', '300d');

# an end that is over is not brought back

my $bare = Stok::Redis->start(empty => 1);
$redis = $bare;
$st = Stok::Command->new($bare);
$st->run('init');
$st->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');
my $expired = create('d', '30d');
redis($expired, expires_at => time - 1);
refused(3, qr/has expired: make a new one/, $expired->{id}, '--expires-in',
    '60d');
$new = create('g', '30d');
$bare->cli('DEL', $bare->key('expiry'));
$bare->cli('SET', $bare->key('expiry'), 'x');
refused(3, qr/./, $new->{id}, '--expires-in', '60d');

finish;


sub create {
    my ($name, $in) = @_;
    return $st->json('token', 'create', '--user', 'etl@service', '--name',
        $name, '--env', 'testing', '--expires-in', $in);
}

sub redis {
    my ($token, @field) = @_;
    $redis->cli('HSET', $redis->key('token:' . $redis->cli('GET',
        $redis->key("id:$token->{id}"))), @field);
}

sub near {
    my ($is, $ought, $name) = @_;
    ok(abs($is - $ought) <= 10, $name) or diag("$is, not $ought");
}

sub refused {
    my ($code, $says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($got, $out, $err) = $st->run('token', 'extend', @args);

    is($got, $code, "extend @args: refused");
    like($err, qr/^service-token: .*$says[^\n]*\n\z/, 'in one line');
    is($out, '', 'with no output');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
