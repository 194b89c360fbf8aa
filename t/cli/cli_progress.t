# Long work: one bar on a terminal, which is gone when the work is done, and
# nothing else; Ctrl-C ends it in good order and says how to go on.

use strict;
use warnings;
use lib 't/lib';
use POSIX ();
use Stok::Command;
use Stok::Terminal;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $keys = "$st->{dir}/keys";
my $dir = "$st->{dir}/tree";
my ($all, $dump) = ("$st->{dir}/all", "$st->{dir}/dump");
my $n = 4000;
my $slow = 0.2;                                  # s of an answer

open my $fh, '>', $keys or die;
print $fh 'k1 ', '01' x 32, "\n";
close $fh;
chmod 0600, $keys;

mkdir $dir or die;
for my $i (1 .. 300) { open my $file, '>', "$dir/$i" or die; print $file "x\n" }

$st->run('init');
$redis->listed_user('etl@service');
$redis->listed_token(user => 'etl@service', name => "n$_") for 1 .. $n;
is(($st->run('export', $all))[0], 0, 'a dataset');

# what is shown: the bar, then what is printed, and no rest of the bar

for my $case (
    [['export', $dump], qr/4000 tokens/],
    [['import', $all], qr/^0 new, 4001 the same/m],
    [['import', $all, '--dry-run'], qr/nothing was changed/],
    [['fsck'], qr/^4000 tokens and 1 user: 0 found/m],
    [['review', 'monthly'], qr/^\d+ findings? in 4000 tokens/m],
    [['--key-file', $keys, 'seal', '--first', '--dry-run'], qr/^4001 sealed/m],
    [['user', 'revoke-all', 'etl@service', '--dry-run'], qr/^would revoke all tokens of etl/m],
    [['scan', $dir], qr/^/],
) {
    my ($args, $says) = @$case;
    my $name = join ' ', map { s{.*/}{}r } @$args;

    unlink $dump;
    $st->run('--key-file', $keys, 'init') if $args->[0] eq '--key-file';

    my ($code, $seen) = Stok::Terminal->start($st, $args)->end;
    my $bar = $name =~ /^scan/ ? qr/\r\d+ files */ : qr/\r\[#* *\] +\d+% */;

    ok($code == 0 || $name =~ /^review/, "$name: ends well") or diag($seen);
    like($seen, $bar, 'a bar');
    cmp_ok(scalar(() = $seen =~ /$bar/g), '<', $n / 10, 'not for every record');
    like(screen($seen), $says, 'and what was done');
    unlike(screen($seen), qr/\d%|\] |^\d+ files/m, 'the bar is gone');
    unlike(screen($seen), qr/^ +$/m, 'without a trace');

    # no terminal, and --quiet

    unlink $dump;
    unlike(join('', ($st->run(@$args))[1, 2]), qr/\d%|files/, 'none in a file');
    unlink $dump;
    unlike((Stok::Terminal->start($st, [@$args, '--quiet'])->end)[1], qr/\d%|files/,
        'none with --quiet');
}

# a signal, while Redis stands still in the middle: nothing is half made

for my $signal ('INT', 'TERM', 'HUP') {
    my $number = { INT => 2, TERM => 15, HUP => 1 }->{$signal};

    for my $case (
        [['export', $dump], 'zscore', 2, qr/stopped: the export is not whole/],
        [['fsck'], 'eval', 4, qr/stopped: nothing was changed/],
        [['fsck', '--fix'], 'eval', 4, qr/stopped: what was fixed stays so/],
        [['review', 'monthly'], 'zrange', 2, qr/stopped: the review is not whole/],
        [['import', $all], 'evalsha', 1, qr/stopped: nothing was changed/],
    ) {
        my ($args, $command, $calls, $says) = @$case;
        next if $signal ne 'INT' && $args->[0] ne 'export';

        unlink $dump;
        my ($status, $err) = stopped($number, $command, $calls, @$args);
        my $name = join ' ', map { s{.*/}{}r } @$args;

        is($status, "signal $number", "$signal: $name");
        like($err, qr/^service-token: $says/m, 'says what that means');
        is(join(' ', glob "$dump*"), '', 'and no file is left');
    }
}

# an import that is stopped while it writes: again, it goes on

$redis->cli('FLUSHALL');
my ($status, $err) = stopped(2, 'zadd', 1, 'import', $all);
is($status, 'signal 2', 'while it writes');
like($err, qr/^service-token: stopped on the way: run the same import again to finish it; until then, nginx answers 503$/m,
    'says how to go on');
ok(written() < $n, 'some are written');
is(($st->run('import', $all))[0], 0, 'again');
is(written(), $n, 'all are written');
is(Stok::Command::broken($redis), '', 'all keys agree');

# tokens that are being revoked: what was done is said and has its entry

my $sum = 0;
$slow = 0.01;

for my $verb (['user', 'revoke-all'], ['incident', 'user']) {
    ($status, $err) = stopped(2, 'eval', 2, @$verb, 'etl@service', '--yes');
    is($status, 'signal 2', "@$verb");

    my ($done) = $err =~ /^revoked (\d+) tokens of etl\@service/m;
    cmp_ok($done, '>', 0, 'some are revoked');
    $sum += $done;

    like($err, qr/^service-token: stopped: $done tokens are revoked, others may not be: the same command again goes on$/m,
        'says how many, and how to go on');
    like($err, qr/, and disabled it$/m, 'and what else') if $verb->[0] eq 'incident';

    my ($entry) = grep { $_->{action} eq 'user.revoke-all' }
        reverse @{ $st->json('audit') };
    is($entry->{after}, "$done revoked", 'and the audit');
}

cmp_ok($sum, '<', $n, 'not all');
like(($st->run('user', 'revoke-all', 'etl@service', '--yes'))[2],
    qr/^revoked @{[$n - $sum]} tokens of/m, 'again: the rest');
$slow = 0.2;

# seal --first, which looks first: then nothing is sealed; the rest of them are
# sealed by the same command again

my @seal = ('--key-file', $keys, 'seal');
$n = 20;
$redis->cli('FLUSHALL');
$st->run('init');
$redis->listed_user('etl@service');
$redis->listed_token(user => 'etl@service', name => "n$_") for 1 .. $n;
put($keys, 'k1 ', '01' x 32, "\n");
$st->run('--key-file', $keys, 'init');

for my $case (
    [['--first', '--dry-run'], 'zscan', 1, qr/stopped: nothing was changed/, 0],
    [['--first', '--yes'], 'zscan', 1, qr/stopped: nothing was changed/, 0],
    [['--first', '--yes'], 'xadd', 3, qr/stopped: what was sealed stays so; run the same command again to finish it/, 1],
) {
    my ($args, $command, $calls, $says, $some) = @$case;
    my ($status, $err) = stopped(2, $command, $calls, @seal, @$args);

    is($status, 'signal 2', "seal @$args, stopped");
    like($err, qr/^service-token: $says$/m, 'says what that means');
    is(sealed() > 0, $some > 0, $some ? 'some are sealed' : 'none is sealed');
    ok(sealed() <= $n, 'not all');
    is($redis->cli('HGET', $redis->key('meta'), 'sealed') // '', '',
        'the dataset is not');
    is(join('', grep { !/^no audit/ } split /; /, Stok::Command::broken($redis)), '',
        'all keys agree');
}

my $sealed = sealed();
($status, undef, $err) = $st->run(@seal, '--first', '--yes');
is($status, 0, 'again');
like($err, qr/^@{[$n + 1 - $sealed]} sealed, 0 sealed again, $sealed unchanged, 0 refused$/m,
    'goes on where it was');
is(sealed(), $n + 1, 'all are sealed');

# a new key: seal, stopped and again

put($keys, 'k2 ', '02' x 32, "\n", Stok::Command::slurp($keys));
($status, $err) = stopped(2, 'xadd', 3, @seal);
is($status, 'signal 2', 'seal, by a new key, stopped');
like($err, qr/^service-token: stopped: what was sealed stays so; run the same command again to finish it$/m,
    'says how to go on');
ok(sealed('k2') > 0 && sealed('k2') <= $n, 'some are sealed by it');
is(sealed(), $n + 1, 'and none has lost its seal');
is(($st->run(@seal))[0], 0, 'again');
is(sealed('k2'), $n + 1, 'all of them');

# scan --revoke, of many files and of one

$redis->cli('FLUSHALL');
$st->run('init');
$st->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');

for my $files (40, 1) {
    my $at = "$st->{dir}/found$files";
    my @clear = map { ($st->run('token', 'create', '--user', 'etl@service', '--name',
        "f$files-$_", '--env', 'testing'))[1] } 1 .. 40;

    mkdir $at or die;
    put("$at/$_", map { $clear[$_] } $files == 1 ? 0 .. 39 : $_)
        for 0 .. $files - 1;

    my $before = revoked();
    ($status, $err) = stopped(2, 'xadd', 3, 'scan', '--revoke', $at);
    is($status, 'signal 2', "scan --revoke of $files, stopped");
    like($err, qr/^service-token: stopped: what was revoked stays so; run the same scan again to finish it$/m,
        'says how to go on');
    my $now = revoked() - $before;
    ok($now >= 3 && $now < 40, 'some are revoked') or diag($now);
    is(Stok::Command::broken($redis), '', 'all keys agree');
    is(($st->run('scan', '--revoke', $at))[0], 1, 'again');
    is(revoked() - $before, 40, 'all are revoked');
}

finish;


sub put {
    my ($path, @text) = @_;
    open my $file, '>', $path or die;
    print $file @text;
    close $file;
    chmod 0600, $path;
}

sub records { map { @{ $redis->cli('KEYS', $redis->key($_)) } } 'user:*', 'token:*' }

# how many have a seal, by this key

sub sealed {
    my $by = shift // '';
    return scalar grep { ($redis->cli('HGET', $_, 'seal') // '') =~ /^\Q$by\E./ } records();
}

sub revoked {
    return scalar grep { ($redis->cli('HGET', $_, 'status') // '') eq 'revoked' } records();
}


sub written { $redis->cli('ZCARD', $redis->key('tokens')) }

# what is left on a screen

sub screen {
    return join "\n", map {
        my $line = '';
        for my $part (split /\r/, $_) {
            $line = $part . substr $line, length($part) < length $line
                ? length $part : length $line;
        }
        $line =~ s/ +\z//r;
    } split /\n/, shift;
}

# the answer to a signal that comes when Redis has done $calls of a command, over a
# way that is slow, so that the moment does not pass

sub stopped {
    my ($number, $command, $calls, @args) = @_;

    my $proxy = Stok::Proxy->start($redis);
    my $via = Stok::Command->new(undef, '--redis', 'redis://127.0.0.1:' . $proxy->port);

    $proxy->delay('data', $slow);
    $redis->cli('CONFIG', 'RESETSTAT');

    my $pid = $via->start(@args);
    wait_for("$calls of $command", sub {
        my ($n) = $redis->cli('INFO', 'commandstats')
            =~ /^cmdstat_$command:calls=(\d+)/m;
        return ($n // 0) >= $calls;
    });
    kill $number, $pid;

    my $status;
    wait_for('it ends', sub { waitpid($pid, POSIX::WNOHANG) == $pid && defined($status = $?) }, 60);

    $proxy->{process}->stop("KILL");

    return ('signal ' . ($status & 127), Stok::Command::slurp("$via->{dir}/err"));
}
