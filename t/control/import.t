# A record is not replaced by one that lets in more, unless --restore-access
# says so; and an import that is broken off leaves a mark.

use strict;
use warnings;
use lib 't/lib';
use JSON::PP ();
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis, '--actor', 'anna');
my $dir = File::Temp->newdir('stok-import-XXXXXX', TMPDIR => 1);
my ($user, $eva) = ('etl@service', 'eva@example.org');
my ($code, $out, $err, $n);
my $now = time;

# a file with a manager, its token, and a person

$st->run('init');
$redis->listed_user($user, role => 'manager');
$redis->listed_user($eva, kind => 'human');
my $clear = $redis->token(id => 'tok_T', user => $user, name => 'T',
    expires_at => $now + 9e5);
$redis->cli('SADD', $redis->key("user-tokens:$user"), 'tok_T');
$redis->cli('ZADD', $redis->key('tokens'), $now, 'tok_T');
$redis->cli('ZADD', $redis->key('expiry'), $now + 9e5, 'tok_T');
my ($token, $record) = ($redis->token_key($clear), $redis->key("user:$user"));
my $file = "$dir/all";
$st->run('export', $file);

# here, what is in the file, how it is here, and whether it may come

for my $case (
    ['a token that was revoked', $token, status => 'revoked'],
    ['a token that has expired', $token, expires_at => $now - 10],
    ['a token that ends sooner', $token, expires_at => $now + 100],
    ['a token for another environment', $token, env => 'testing'],
    ['a token of a scope', $token, scope => 'scim'],
    ['a token of another type', $token, type => 'personal'],
    ['a user that was disabled', $record, status => 'disabled'],
    ['a user that was deleted', $record, status => 'deleted'],
    ['a user that is pending', $record, status => 'pending'],
    ['a user of a lower role', $record, role => 'member'],
    ['a user of a role that is none', $record, role => 'none'],
    ['a user of another kind', $record, kind => 'human'],
) {
    my ($name, $key, $field, $value) = @$case;

    $redis->cli('FLUSHALL');
    $st->run('import', $file);
    my $was = $redis->cli('HGET', $key, $field);
    $redis->cli('HSET', $key, $field, $value);

    ($code, $out, $err) = $st->run('import', $file);
    is($code, 3, "$name: refused");
    like($err, qr/^service-token: line \d+: the record here allows less .*--restore-access/,
        'says why');

    like(($st->run('import', '--overwrite', '--dry-run', $file))[2],
        qr/^line \d+: it stays as it is here$/m, '--dry-run');
    ($code, $out, $err) = $st->run('import', '--overwrite', $file);
    is("$code " . $redis->cli('HGET', $key, $field), "0 $value",
        'not with --overwrite');
    like($err, qr/^line \d+: it stays as it is here\n1 were /m, 'which, and how many');

    is(($st->run('import', '--restore-access', $file))[0], 3,
        'nor with --restore-access alone');

    ($code, $out, $err) = $st->run('import', '--overwrite', '--restore-access',
        $file);
    is("$code " . $redis->cli('HGET', $key, $field), "0 $was", 'with both');
    like($err, qr/\A\d+ new, 2 the same, 1 overwritten\n\z/, 'and nothing stays');
}

# what lets in more here may be replaced

for my $case ([$token, expires_at => 0], [$record, role => 'admin']) {
    my ($key, $field, $value) = @$case;
    $redis->cli('HSET', $key, $field, $value);
    is(($st->run('import', '--overwrite', $file))[0], 0, "$field $value here");
    isnt($redis->cli('HGET', $key, $field), $value, 'is replaced');
}

# a token that was revoked and deleted

$st->run('token', 'revoke', 'tok_T');
$st->run('token', 'delete', 'tok_T', '--force');
is(($st->run('import', $file))[0], 3, 'a token that was deleted');
$st->run('import', '--overwrite', $file);
is($redis->cli('EXISTS', $token), 0, 'stays away');
is(($st->run('import', '--restore-access', $file))[0], 0, '--restore-access');
is($redis->cli('EXISTS', $token), 1, 'makes it');

# where users need an approval

for my $word ([], ['--overwrite']) {
    $redis->cli('FLUSHALL');
    $st->run('init', '--approval', 'required');
    my $before = Stok::Command::snapshot($redis);
    ($code, $out, $err) = $st->run('import', @$word, $file);
    is($code, 3, "approval required: refused @$word");
    like($err, qr/^service-token: line \d+: it would be an active user, .*--restore-access/,
        'says why');
    ok(Stok::Command::snapshot($redis) eq $before, 'nothing is changed');
}

my $only = lines(grep { !/\Q$user\E/ } slurp($file));
is(($st->run('import', $only))[0], 0, 'a person of the lowest role needs none');
is(($st->run('import', '--restore-access', $file))[0], 0, '--restore-access');
is($redis->cli('HGET', $record, 'status'), 'active', 'makes an active user');

# the mark of an import that is under way

is($redis->cli('HEXISTS', $redis->key('meta'), 'importing'), 0,
    'no mark afterwards');

my @line = slurp($file);
my ($first) = grep { /"token":\{/ } @line;
my @many = map { my $i = $_; $first =~ s/tok_T/tok_$i/r =~ s/"name":"T"/"name":"n$i"/r
    =~ s/"digest":"..../sprintf '"digest":"%04x', $i/er } 1 .. 3000;
my $many = lines(grep({ !/"token":\{|"end"/ } @line), @many);

for my $case ('a dataset', 'no dataset') {
    my $mark;

    $redis->cli('FLUSHALL');
    $st->run('init') if $case eq 'a dataset';

    for (1 .. 20) {
        my $pid = $st->start('import', $many);
        wait_for('it writes', sub { $redis->cli('DBSIZE') > 100 });
        kill 'KILL', $pid;
        waitpid $pid, 0;
        wait_for('what it has sent is done', sub {
            1 == grep { /\S/ } split /\n/, $redis->cli('CLIENT', 'LIST');
        });
        $mark = $redis->cli('HGET', $redis->key('meta'), 'importing');
        last if defined $mark;
        $redis->cli('FLUSHALL');
        $st->run('init') if $case eq 'a dataset';
    }

    like($mark, qr/^[0-9a-f]{64}$/, "$case: killed, it leaves a mark");
    ($code, $out, $err) = $st->run('fsck');
    is($code, $case eq 'a dataset' ? 1 : 3, 'fsck');
    like("$out$err", qr/an import has not come to its end/, 'tells');

    if ($case eq 'no dataset') {
        ($code, $out, $err) = $st->run('init');
        is($code, 3, 'init does not make a dataset of the half');
        like($err, qr/import the file again/, 'says what does');
    }

    is(($st->run('import', $many))[0], 0, 'again');
    is($redis->cli('HEXISTS', $redis->key('meta'), 'importing'), 0,
        'takes the mark away');
    is($redis->cli('ZCARD', $redis->key('tokens')), 3000, 'and all is there');
    is(($st->run('fsck'))[0], 0, 'fsck finds nothing');
}

# of another file: its half must not become live, so this one is refused

$redis->cli('HSET', $redis->key('meta'), 'importing', 'a' x 64);
my $half = Stok::Command::snapshot($redis);

for my $more ([], ['--dry-run'], ['--overwrite']) {
    ($code, $out, $err) = $st->run('import', $file, @$more);
    is($code, 3, "an import of another file is unfinished: refused @$more");
    like($err, qr/^service-token: the import of another file is not finished: import that file again first; its SHA-256 is a{64}$/m,
        'says which');
    ok(Stok::Command::snapshot($redis) eq $half, 'nothing is changed');
}

# an index that leads to another record does not keep a token away

$redis->cli('FLUSHALL');
$st->run('import', $file);
$redis->cli('DEL', $token);
$redis->token(id => 'tok_V', user => $user, name => 'V');
$redis->cli('SET', $redis->key('id:tok_T'),
    $redis->cli('GET', $redis->key('id:tok_V')));
is(($st->run('import', $file))[0], 0, 'an index that leads elsewhere');
is('token:' . $redis->cli('GET', $redis->key('id:tok_T')),
    substr($token, length $redis->key('')), 'is put right');

finish;


sub slurp { open my $fh, '<', shift or die; my @all = <$fh>; @all }

sub lines {
    my @all = grep { !/^\{"end"/ } @_;
    my $name = "$dir/in" . ++$n;
    open my $fh, '>', $name or die;
    print $fh @all, sprintf "{\"end\":{\"users\":%d,\"tokens\":%d}}\n",
        scalar(grep { /^\{"user"/ } @all), scalar(grep { /^\{"token"/ } @all);
    close $fh;
    return $name;
}
