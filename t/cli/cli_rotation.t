# token rotation: one word and a reason, from when the two were last used; the
# exit is 0 only if the token that was asked for may be revoked.  Time is moved
# by writing dates.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Terminal;
use JSON::PP ();
use POSIX ();
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
        my $safe = $word eq 'safe-to-revoke';
        is($code, $safe && $id eq $old ? 0 : 1, "$name: answered");
        like($err, $safe && $id eq $new
            ? qr/^note: $new is the successor and stays: the token to revoke is $old\n\z/
            : qr/^\z/, 'a successor is never to be revoked');
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
my $json = answer($new);
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
is(answer($third)->{new}{state}, 'deleted',
    'json: deleted');

# one that is both: its own successor counts

my $last = $st->json('token', 'rotate', $next)->{id};
$json = answer($next);
is("$json->{old}{id} $json->{new}{id}", "$next $last", 'a chain');
$json = answer($young);
is("$json->{old}{id} $json->{new}{id}", "$young $next", 'its beginning');

# refused

my $alone = $st->json('token', 'create', '--user', 'pipeline@service',
    '--name', 'alone', '--env', 'testing')->{id};
($third, $fourth) = rotated('four', 0);
$st->run('token', 'revoke', $third);
$st->run('token', 'delete', $third, '--force');

refused(3, qr/is not being rotated: "token rotate" makes a successor/, $alone);
refused(3, qr/$third" is deleted: its rotation is over/, $fourth);
refused(3, qr/no token "tok_none"/, 'tok_none');
refused(2, qr/bad ID ""/, '');
refused(2, qr/"token rotation" needs ID/);
refused(2, qr/is not for/, $alone, '--wait', '5s');

# the recipe: of either, and as long as it is not safe, nothing is revoked

my ($first, $second) = rotated('five', 10 * $day);
used($first, 2 * $day);
used($second, undef);
recipe($first);
is(status($first), 'active', 'rotation && revoke: not yet');
used($second, 60);
recipe($second);
is("@{[map { status($_) } $first, $second]}", 'active active',
    'not the successor');
recipe($first);
is("@{[map { status($_) } $first, $second]}", 'revoked active', 'now');

# waiting for it

($first, $second) = rotated('six', 10 * $day);
used($first, 2 * $day);
my $began = time;
($code, $out) = $st->run('token', 'rotation', $first, '--wait-until', 'safe',
    '--give-up-after', '2s');
like("$code $out", qr/^1 wait: /, 'until the time is over');
cmp_ok(time - $began, '>=', 1, 'which is waited');
my $pid = $st->start('token', 'rotation', $first, '--wait-until', 'safe',
    '--timeout', '1h');
wait_for('it waits', sub { $redis->cli('CLIENT', 'LIST') =~ /cmd=hgetall|cmd=zscore/ });
is(waitpid($pid, POSIX::WNOHANG()), 0, 'it goes on waiting');
used($second, 60);
waitpid $pid, 0;
is($? >> 8, 0, 'until it is safe');
like(Stok::Command::slurp("$st->{dir}/out"), qr/^safe-to-revoke: /, 'and says so');
$st->run('token', 'revoke', $second);
$began = time;
($code, $out) = $st->run('token', 'rotation', $first, '--wait-until', 'safe',
    '--give-up-after', '20s');
like("$code $out", qr/^1 wait: the successor .* ended/, 'not for what has ended');
cmp_ok(time - $began, '<', 10, 'which is told at once');
refused(2, qr/bad --wait-until/, $first, '--wait-until', 'x');
refused(2, qr/bad --timeout/, $first, '--wait-until', 'safe', '--timeout', 'x');
refused(2, qr/--timeout goes with --wait-until/, $first, '--timeout', '1h');

# when the old one ends

set($first, expires_at => $now + 30 * 3600);
like(($st->run('token', 'rotation', $first))[1],
    qr/^old  $first .* ends \Q@{[iso($now + 30 * 3600)]}\E$/m, 'a date for a script');
my $tty = Stok::Terminal->start($st, ['token', 'rotation', $first]);
like(($tty->end)[1],
    qr/^old  $first .* ends \Q@{[iso($now + 30 * 3600)]}\E \(in (?:29|30) hours\)$/m,
    'a terminal shows how far away it is');
set($first, expires_at => $now - 60);
like(($st->run('token', 'rotation', $first))[1],
    qr/^old  $first .* ended \Q@{[iso($now - 60)]}\E$/m, 'it is over');

is(Stok::Command::broken($redis), '', 'all keys agree');

$redis->down;
($code, $out, my $err) = $st->run('token', 'rotation', $alone);
is("$code$out", 4, 'no Redis');
is(() = $err =~ /\n/g, 1, 'one line');

finish;


# service-token token rotation X && service-token token revoke X

sub recipe {
    my $id = shift;
    ($st->run('token', 'rotation', $id))[0] == 0
        and $st->run('token', 'revoke', $id);
}

sub status {
    my $digest = $redis->cli('GET', $redis->key("id:$_[0]"));
    return $redis->cli('HGET', $redis->key("token:$digest"), 'status');
}

# two tokens, the second of which was made some seconds ago

sub rotated {
    my ($name, $ago) = @_;
    my $old = $st->json('token', 'create', '--user', 'pipeline@service',
        '--name', $name, '--env', 'staging')->{id};
    my $new = $st->json('token', 'rotate', $old, '--expires-in', '365d')->{id};
    set($new, created_at => time - $ago);
    return ($old, $new);
}

sub set {
    my ($id, $field, $value) = @_;
    my $digest = $redis->cli('GET', $redis->key("id:$id"));
    $redis->cli('HSET', $redis->key("token:$digest"), $field, $value);
    return if $field ne 'expires_at';
    $redis->cli('ZADD', $redis->key('expiry'), $value, $id);
    $redis->cli('ZADD', $redis->key('rotating'), 'XX', $value, $id);
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
    my $used = defined $ago ? 'last used ' . iso($now - $ago) : 'never used';
    return qr/^$which  $id  \Q$used\E, ends 20\d\d-[\d:T-]+Z$/;
}

sub answers {
    my ($id, $word, $says, $name) = @_;
    my ($code, $out) = $st->run('token', 'rotation', $id);
    my $exit = $word eq 'safe-to-revoke' && $out =~ /^old  $id /m ? 0 : 1;
    like("$code $out", qr/^$exit $word: .*$says/, $name);
}

sub answer {
    my ($code, $out) = $st->run('token', 'rotation', shift, '--json');
    return JSON::PP->new->utf8->decode($out);
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
