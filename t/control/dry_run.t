# --dry-run: what a change would do is said, with how much it is felt, and not one
# write reaches Redis, as MONITOR sees it: not from a script either.

use strict;
use warnings;
use lib 't/lib';
use IO::Socket::UNIX;
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $plain = Stok::Command->new($redis);
my $keys = "$plain->{dir}/keys";
my $sealed = Stok::Command->new($redis, '--key-file', $keys);
my $user = 'etl@service';
my %reads = map { $_ => 1 } qw(auth client config dbsize eval evalsha exists get hget
    hgetall hlen hmget hscan info ping scan scard select sismember smembers sscan
    time type xlen xrange xrevrange zcard zrange zscan zscore);

open my $fh, '>', $keys or die;
print $fh 'k1 ', '01' x 32, "\n";
close $fh;
chmod 0600, $keys;

$plain->run('init');
$plain->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');
$plain->run('user', 'create', 'Off', '--purpose', 'p', '--owner', 'o');
$plain->run('user', 'disable', 'off@service');

my @t = map { $plain->json('token', 'create', '--user', $user, '--name', "t$_",
    '--env', 'testing')->{id} } 1 .. 6;

$redis->cli('ZADD', $redis->key('last_used'), time - 60, $_) for @t[0 .. 2];
$redis->cli('ZADD', $redis->key('last_used'), time - 172800, $t[3]);
$plain->run('token', 'revoke', $t[5]);
$plain->run('export', "$plain->{dir}/dump");
$plain->run('user', 'describe', $user, '--owner', 'new');

my $felt = 'it has 5 active tokens, 3 of 5 were used today';

for my $case (
    [['token', 'revoke', $t[0]], "would revoke $t[0] (t1) of $user, used today"],
    [['token', 'revoke', $t[3]], "would revoke $t[3] (t4) of $user, last used 20"],
    [['token', 'revoke', $t[4]], "would revoke $t[4] (t5) of $user, never used"],
    [['token', 'revoke', $t[5]], "$t[5] (t6) of $user was revoked already"],
    [['token', 'restore', $t[5]], "would restore $t[5] (t6) of $user"],
    [['token', 'rotate', $t[0]], "would rotate $t[0] of $user, used today: the successor is t1-"],
    [['token', 'delete', $t[5], '--force'], "would delete $t[5] (t6) of $user\n"],
    [['user', 'disable', $user], "would disable $user: $felt"],
    [['user', 'enable', 'off@service'],
        'would enable off@service: it has no active token'],
    [['user', 'delete', $user], "would delete $user: $felt"],
    [['user', 'set-role', $user, 'admin'],
        "would change the role of $user from member to admin: $felt"],
    [['user', 'revoke-all', $user], "would revoke all tokens of $user: $felt"],
    [['incident', 'token', $t[0]], "would revoke $t[0] (t1) of $user, used today"],
    [['incident', 'token', $t[5]], "$t[5] (t6) of $user was revoked already"],
    [['incident', 'user', $user],
        "would disable and revoke the tokens of $user: $felt"],
    [['import', "$plain->{dir}/dump", '--overwrite'],
        '0 new, 7 the same, 1 overwritten: nothing was changed'],
) {
    my ($verb, $says) = @$case;

    for my $more ([], ['--json'], ['--wait', '1s'], ['--quiet']) {
        my ($code, $out, $err) = watched($plain, @$verb, '--dry-run', @$more);
        my $name = join ' ', map { s/tok_\w+/ID/r =~ s{.*/}{}r } @$verb, @$more;

        is($code, 0, "$name: exit code");
        is(index($err, $says), 0, "$name: says what would be") or diag($err)
            if "@$more" ne '--quiet';
        unlike($err, qr/would/, "$name: not a word") if "@$more" eq '--quiet';
        unlike($err, qr/acknowledged/, "$name: nothing to wait for");
        unlike($out, qr/stk_svc_/, "$name: no token");
        like($out, qr/"dry_run": true/, "$name: in JSON") if "@$more" eq '--json';
    }
}

# what is refused is refused

for my $case (
    [['token', 'delete', $t[5]], qr/is watched until/],
    [['token', 'delete', $t[0], '--force'], qr/is not revoked/],
    [['token', 'rotate', $t[5]], qr/is revoked/],
    [['user', 'enable', 'none@service'], qr/no user/],
) {
    my ($code, $out, $err) = watched($plain, @{ $case->[0] }, '--dry-run');
    is("$code$out", 3, "@{ $case->[0] }[0, 1]: refused");
    like($err, $case->[1], 'and why');
}

# records without their indexes: what stops counts by records

$redis->cli('DEL', $redis->key("user-tokens:$user"));
like((watched($plain, 'user', 'revoke-all', $user, '--dry-run'))[2], qr/\Q$felt\E/,
    'revoke-all goes by records');

# fsck

my ($code, $out, $err) = watched($plain, 'fsck', '--fix', '--dry-run');
is($code, 1, 'fsck: 1');
like($out, qr/^user-tokens +\S+ .*: would be fixed$/m, 'which');
like($err, qr/: 6 found, 6 would be fixed$/m, 'how many');
like((watched($plain, 'fsck', '--fix', '--dry-run', '--json'))[1],
    qr/"fixed": 6,.*"dry_run": true/s, 'as JSON');
is(($plain->run('fsck', '--fix'))[0], 1, 'and so they are');
is(($plain->run('fsck'))[0], 0, 'all of them');

# with a role that needs an approval, it is only requested

$plain->run('approval', 'set', 'required');
like((watched($plain, 'user', 'set-role', $user, 'admin', '--dry-run'))[2],
    qr/^would request the role admin for $user, which has member$/, 'requested');
$plain->run('approval', 'set', 'none', '--actor', 'another');

# seal

$sealed->run('init');
is((watched($sealed, 'seal', '--first', '--dry-run'))[0], 0, 'seal --first');
is(($sealed->run('seal', '--first', '--yes'))[0], 0, 'sealed');
is((watched($sealed, 'seal', '--dry-run'))[0], 0, 'seal');
is((watched($sealed, 'token', 'revoke', $t[0], '--dry-run'))[0], 0, 'a sealed token');
like((watched($plain, 'token', 'revoke', $t[0], '--dry-run'))[2], qr/sealed/,
    'without the key file: as without --dry-run');

finish;


# the answer of a command that writes nothing

sub watched {
    my ($st, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my $monitor = IO::Socket::UNIX->new(Peer => $redis->socket) or die;
    print $monitor "MONITOR\r\n";
    $monitor->flush;
    <$monitor>;

    my @answer = $st->run(@args);
    my %seen;

    $redis->cli('PING', 'the end');

    while (my $line = <$monitor>) {
        last if $line =~ /"the end"/;
        $seen{ lc $1 }++ if $line =~ /\] "(\w+)"/;
    }

    my $name = join ' ', map { s/tok_\w+/ID/r =~ s{.*/}{}r } @args;
    delete $seen{script} if $args[0] eq 'import';
    is(join(' ', grep { !$reads{$_} } sort keys %seen), '', "$name: only reads");
    ok(keys %seen > 1, 'which are seen');
    is(Stok::Command::snapshot($redis), $before, 'nothing is changed');

    return @answer;
}
