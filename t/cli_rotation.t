# token rotation: one word and a reason, from when the two were last used.
# Time is moved by writing dates.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $hour = 3600;
my $day = 86400;
my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);

$st->run('init');
$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');

my ($old, $new) = rotated('one', 10 * $day);
my $now = time;

# by last use, in seconds before now; undef: never.  The rotation was 10 days
# ago.

for my $case (
    # old           new            answer
    [undef,         undef,         'wait',           qr/was never used$/],
    [$hour,         undef,         'wait',           qr/was never used$/],
    [undef,         $hour,         'safe-to-revoke', qr/\bnever$/],
    [11 * $day,     $hour,         'safe-to-revoke', qr/not since/],
    [2 * $day,      $hour,         'safe-to-revoke', qr/not since/],
    [$day + 60,     $hour,         'safe-to-revoke', qr/not since/],
    [$day - 60,     $hour,         'old-still-used', qr/less than a day ago/],
    [$hour,         60,            'old-still-used', qr/less than a day ago/],
    [60,            60,            'old-still-used', qr/not before/],
    [60,            $hour,         'old-still-used', qr/not before/],
    [3 * $day,      5 * $day,      'old-still-used', qr/not before/],
) {
    my ($was, $is, $word, $says) = @$case;
    used($old, $was);
    used($new, $is);

    my $name = join ', ', map { defined $_ ? "$_ s ago" : 'never' } $was, $is;

    for my $id ($old, $new) {
        my ($code, $out, $err) = $st->run('token', 'rotation', $id);
        is("$code $err", '0 ', "$name: answered");
        my ($first, @more) = split /\n/, $out;
        like($first, qr/^$word: .*$says/, $word);
        is(scalar(@more), 2, 'and a line for each');
        like($more[$_], line(('old', 'new')[$_], ($old, $new)[$_],
            ($was, $is)[$_]), 'with its dates') for 0, 1;
    }
}

# shortly before the rotation, and not since: too early

my ($young, $next) = rotated('two', $hour);
used($young, 2 * $hour);
used($next, 60);
my ($code, $out) = $st->run('token', 'rotation', $young);
my $after = iso($now + $day - 2 * $hour);
like($out, qr/^wait: .*shortly before it was rotated: see again after \Q$after\E$/m,
    'used shortly before the rotation: until when to wait');

# as JSON

used($old, $hour);
used($new, undef);
my $json = $st->json('token', 'rotation', $new);
is("$json->{answer} $json->{old}{id} $json->{new}{id}", "wait $old $new",
    'json: the answer');
is($json->{reason}, "the successor $new was never used", 'json: the reason');
is($json->{old}{last_used}, $now - $hour, 'json: a date');
ok(exists $json->{new}{last_used} && !defined $json->{new}{last_used},
    'json: never');
is("$json->{old}{state} $json->{new}{state}", 'rotating active',
    'json: states');

# ends: of the successor, and of the predecessor

used($old, 2 * $day);
used($new, $hour);
$st->run('token', 'revoke', $new);
answers($old, 'wait', qr/the successor $new ended 20/, 'a successor revoked');
$st->run('token', 'restore', $new);
set($new, expires_at => $now - 5);
answers($old, 'wait', qr/the successor $new ended 20/, 'a successor expired');
set($new, expires_at => $now + $day);

$st->run('token', 'revoke', $old);
answers($new, 'safe-to-revoke', qr/ended .*, and was not tried since/,
    'revoked, and quiet');
refusal($old, $now - 5, 'REVOKED');
set($old, revoked_at => $now - 10);
answers($new, 'old-still-used', qr/ended .*, and was still tried 20/,
    'revoked, and tried');
set($old, revoked_at => $now - 1);
answers($new, 'safe-to-revoke', qr/not tried since/, 'tried before that');
$st->run('token', 'restore', $old);
set($old, expires_at => $now - 10);
answers($old, 'old-still-used', qr/still tried/, 'expired, and tried');

# deleted

my ($third, $fourth) = rotated('three', 0);
$st->run('token', 'revoke', $fourth);
$st->run('token', 'delete', $fourth, '--force');
answers($third, 'wait', qr/the successor $fourth is deleted/, 'no successor');
is($st->json('token', 'rotation', $third)->{new}{state}, 'deleted',
    'json: deleted');

# one that is both: its own successor counts

my $last = $st->json('token', 'rotate', $next)->{id};
$json = $st->json('token', 'rotation', $next);
is("$json->{old}{id} $json->{new}{id}", "$next $last", 'a chain');
$json = $st->json('token', 'rotation', $young);
is("$json->{old}{id} $json->{new}{id}", "$young $next", 'its beginning');

# refused

my $alone = $st->json('token', 'create', '--user', 'pipeline@service',
    '--name', 'alone', '--env', 'testing')->{id};
($third, $fourth) = rotated('four', 0);
$st->run('token', 'revoke', $third);
$st->run('token', 'delete', $third, '--force');

refused(3, qr/is in no rotation: token rotate begins one/, $alone);
refused(3, qr/$third" is deleted: its rotation is over/, $fourth);
refused(3, qr/no token "tok_none"/, 'tok_none');
refused(3, qr/no token/, '');
refused(2, qr/usage: service-token token rotation ID/);
refused(2, qr/is not for/, $alone, '--wait', '5s');

is(Stok::Command::broken($redis), '', 'all keys agree');

$redis->down;
($code, $out, my $err) = $st->run('token', 'rotation', $alone);
is("$code$out", 4, 'no Redis');
is(() = $err =~ /\n/g, 1, 'one line');

finish;


# two tokens, the second of which was made some seconds ago

sub rotated {
    my ($name, $ago) = @_;
    my $old = $st->json('token', 'create', '--user', 'pipeline@service',
        '--name', $name, '--env', 'production')->{id};
    my $new = $st->json('token', 'rotate', $old)->{id};
    set($new, created_at => time - $ago);
    return ($old, $new);
}

sub set {
    my ($id, $field, $value) = @_;
    my $digest = $redis->cli('GET', $redis->key("id:$id"));
    $redis->cli('HSET', $redis->key("token:$digest"), $field, $value);
    $redis->cli('ZADD', $redis->key('expiry'), $value, $id)
        if $field eq 'expires_at';
}

sub used {
    my ($id, $ago) = @_;
    defined $ago ? $redis->cli('ZADD', $redis->key('last_used'), $now - $ago,
        $id) : $redis->cli('ZREM', $redis->key('last_used'), $id);
}

sub refusal {
    my ($id, $at, $why) = @_;
    $redis->cli('HSET', $redis->key("usage:$id"), 'refused', 3, 'refused_at',
        $at, 'refused_addr', '192.0.2.7', 'refused_reason', $why);
}

sub iso {
    my ($s, $m, $h, $day, $month, $year) = gmtime shift;
    return sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', $year + 1900, $month + 1,
        $day, $h, $m, $s;
}

sub line {
    my ($which, $id, $ago) = @_;
    my $used = defined $ago ? iso($now - $ago) : 'never used';
    return qr/^$which  $id  last used \Q$used\E, expires 20\d\d-.*Z$/;
}

sub answers {
    my ($id, $word, $says, $name) = @_;
    my ($code, $out) = $st->run('token', 'rotation', $id);
    like("$code $out", qr/^0 $word: .*$says/, $name);
}

sub refused {
    my ($code, $says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($got, $out, $err) = $st->run('token', 'rotation', @args);

    is($got, $code, "rotation @args: refused");
    like($err, qr/^service-token: .*$says/, 'says why');
    is(() = $err =~ /\n/g, 1, 'in one line');
    is($out, '', 'with no output');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
