# While an import is unfinished, half of its file may be in the dataset, and
# nginx answers 503: every command knows.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis, '--actor', 'anna');
my $dir = File::Temp->newdir('stok-importing-XXXXXX', TMPDIR => 1);
my $user = 'etl@service';
my $says = qr/an import is unfinished, and nginx answers 503 until it is whole: import the same file again/;
my $note = qr/^note: $says$/m;
my ($code, $out, $err);

$st->run('init');
$redis->listed_user($user, role => 'manager');
my ($clear) = ($st->run('token', 'create', '--user', $user, '--name', 'T',
    '--env', 'production', '--expires-in', '90d'))[1] =~ /^(stk\S+)$/m;
my ($id) = ($st->run('token', 'list'))[1] =~ /(tok_\w+)/;

like(check(), qr/^0 ALLOWED/, 'check, without the mark');
unlike(($st->run('status'))[1], $says, 'status');
is(($st->run('export', '-'))[2] =~ $says, '', 'export');

$redis->cli('HSET', $redis->key('meta'), 'importing', 'a' x 64);

like(check(), qr/^4 UNAVAILABLE/, 'check, with it');

($code, $out, $err) = $st->run('status');
is($code, 1, 'status');
like($out =~ s/\s+/ /gr, qr/ warning: $says/, 'has a line of it');
like(($st->run('--json', 'status'))[1], qr/"what": "importing"/, 'as JSON');

for my $to ('-', "$dir/file") {
    ($code, $out, $err) = $st->run('export', $to);
    is("$code $out", '3 ', "export $to: refused");
    like($err, qr/^service-token: the export would not be whole: an import is unfinished; import the same file again first$/m,
        'says why');
}
ok(!-e "$dir/file", 'and makes no file');

for my $verb (
    [1, 'fsck'],
    [0, 'token', 'list'],
    [0, 'token', 'show', $id],
    [0, 'user', 'list'],
    [0, 'user', 'create', 'other', '--purpose', 'p', '--owner', 'o'],
    [1, 'review'],
    [0, 'audit', 'verify'],
    [0, 'approval', 'show'],
    [0, 'token', 'revoke', $id],
    [0, 'user', 'revoke-all', $user, '--yes'],
) {
    my ($wanted, @verb) = @$verb;
    ($code, $out, $err) = $st->run(@verb);
    is($code, $wanted, "@verb: works") or diag $out, $err;
    like($err, $note, 'notes it');
}

# a Redis without a dataset

$redis->cli('FLUSHALL');
unlike(($st->run('token', 'list'))[2], $says, 'no mark, no dataset');
$redis->cli('HSET', $redis->key('meta'), 'importing', 'a' x 64);
like(check(), qr/^4 UNAVAILABLE/, 'check');

for my $verb (['status'], ['token', 'list'], ['export', '-'],
    ['user', 'create', 'other', '--purpose', 'p', '--owner', 'o'],
    ['token', 'revoke', $id])
{
    ($code, $out, $err) = $st->run(@$verb);
    is($code, 3, "no dataset: @$verb");
    like($err, qr/^service-token: $says/m, 'says what to do');
    unlike($err, qr/run service-token init/, 'and not init');
}

finish;


sub check {
    my ($code, $out) = $st->input($clear, 'check');
    return "$code $out";
}
