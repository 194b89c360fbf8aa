# Text in Redis cannot steer the reader's terminal: escape sequences, C1
# controls, line breaks, bidirectional controls, bytes that are not UTF-8, and
# texts of 10 kB, in every place that is shown.  JSON is ASCII.

use strict;
use warnings;
use lib 't/lib';
use JSON::PP ();
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $user = 'pipeline@service';
my $bad = "\e[2J\r\n\b\x7f\xc2\x9b31m\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\xd8\x9c"
    . "\xff\xc0\x80\xed\xa0\x80\0" . 'x' x 10_000;
my $fine = "gr\xc3\xbc\xc3\x9fe";

$st->run('init');
$st->run('user', 'create', 'Pipeline', '--purpose', $fine, '--owner', 'o',
    '--role', 'admin');
my ($old, $id) = map { $st->json('token', 'create', '--user', $user, '--name',
    $_, '--env', 'production', '--expires-in', 'never')->{id} } 'one', 'two';

like(($st->run('user', 'show', $user))[1], qr/$fine/, 'what is harmless stays');

my $digest = $redis->cli('GET', $redis->key("id:$id"));

$redis->cli('HSET', $redis->key("user:$user"), 'owner', $bad, "x$bad", 'y');
$redis->cli('HSET', $redis->key("token:$digest"), 'env', $bad, 'rotated_to',
    $bad, 'created_by', $bad, "x$bad", 'y');
$redis->cli('HSET', $redis->key("usage:$id"), 'uses', 3, 'refused', 2,
    'refused_at', time, map { $_ => $bad } 'last_addr', 'first_addr', 'addrs',
    'last_location', 'locations', 'role_needed', 'refused_addr',
    'refused_reason');
$redis->cli('ZADD', $redis->key('last_used'), time, $id);
$redis->cli('ZADD', $redis->key('tokens'), time, $bad);
$redis->cli('ZADD', $redis->key('users'), time, $bad);
$redis->cli('SADD', $redis->key("user-tokens:$user"), $bad);
$redis->cli('SET', $redis->key("id:$bad"), $bad);
$redis->cli('HSET', $redis->key('nodes'), $bad, '9999999999999 1');
$redis->cli('XADD', $redis->key('audit'), '*', 'at', time, 'action', $bad,
    'actor', $bad, 'token', $id, 'user', $user, 'before', $bad, $bad, $bad);

for my $verb (['user', 'list'], ['user', 'show', $user], ['token', 'list'],
    ['token', 'show', $id], ['token', 'rotation', $id], ['review'], ['audit'],
    ['audit', 'verify'], ['fsck'], ['incident', 'token', $id],
    ['token', 'restore', $old], ['user', 'disable', $user, '--wait', '20ms'],
    ['incident', 'user', $user], ['token', 'rotate', $id], ['export', '-'],
    ['token', 'list', '--user', $user], ['token', 'revoke', $bad =~ s/\0.*//sr])
{
    for my $json ([], ['--json']) {
        my ($code, $out, $err) = $st->run(@$verb, @$json);
        my $name = join " ", $verb->[0], ($verb->[1] // "") =~ s{[^a-z-].*}{}sr, @$json;

        unlike("$out$err", qr/[\x00-\x09\x0b-\x1f\x7f]/, "$name: controls");
        unlike("$out$err", qr/\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]
            |\xe2\x81[\xa6-\xa9]|\xd8\x9c/x, "$name: C1, lines, direction");
        ok(utf8::decode(my $copy = "$out$err"), "$name: UTF-8");
        ok(!(grep { length > 5000 } split /\n/, $err), "$name: bounded");
        unlike($out, qr/[^\x0a\x20-\x7e]/, "$name: ASCII") if @$json;
    }
}

finish;
