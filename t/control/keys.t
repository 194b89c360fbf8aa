# A dataset and its key file: what is said where the key file is missing, and
# of tokens that are older than it.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $plain = Stok::Command->new($redis);
my $keys = "$plain->{dir}/keys";
my $st = Stok::Command->new($redis, '--key-file', $keys);
my $user = 'etl@service';
my ($code, $out, $err);

open my $fh, '>', $keys or die;
print $fh +($plain->run('key', 'new', 'k1'))[1];
close $fh;
chmod 0600, $keys;

$plain->run('init');
$plain->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');
my ($old, $leaked, $rest) = map { create($plain, $_) } 'old', 'leaked', 'rest';

# the key file comes later, and with it the first seal

is(($st->run('init'))[0], 0, 'a key file for a dataset that is there');

# until then nothing is called tampered, and each verb says once what is next

my $next = qr/"seal --first --dry-run"/;

($code, $out, $err) = $st->run('fsck');
is($code, 1, 'fsck before the first seal');
is(() = $out =~ /^unsealed +.*4 records have no seal.*$next/mg, 1, 'tells once');
unlike($out, qr/unreadable|wrong/, 'and finds nothing else in them');

for my $list (['user', 'list'], ['token', 'list']) {
    ($code, $out, $err) = $st->run(@$list);
    like($out, qr/\bunsealed\b/, "@$list");
    unlike($out, qr/tampered/, 'is not tampered');
    is(() = $err =~ /is not sealed yet: see $next/g, 1, 'says once');
    like(($st->run(@$list, '--state', 'unsealed', '-o', 'name'))[1], qr/\w/,
        '--state unsealed');
}

for my $show (['user', 'show', $user], ['token', 'show', $old->{id}]) {
    ($code, $out, $err) = $st->run(@$show);
    like($out, qr/^state +unsealed$/m, "@$show[0, 1]");
    like($err, qr/is not sealed yet, like this dataset: see $next/, 'says why');
}

my @found = grep { $_->{rule} =~ /sealed|tampered/ }
    @{ JSON::PP::decode_json(($st->run('review', '--json'))[1]) };
is(join(' ', map { "$_->{rule} $_->{fix}" } @found),
    'unsealed seal --first --dry-run', 'review: once');
like(($st->run('status'))[1] =~ s/\s+/ /gr, qr/not sealed yet, .*$next/, 'status');

($code, $out, $err) = $st->run('export', "$plain->{dir}/backup");
is($code, 3, 'export');
like($err, qr/not sealed yet, like this dataset: see $next/, 'is refused');
ok(!-e "$plain->{dir}/backup", 'and there is no file');
is(($plain->run('export', "$plain->{dir}/backup"))[0], 0,
    'without the key file it is whole');

($code, $out, $err) = $st->run('seal', '--first', '--yes');
is($code, 0, 'seal --first');
is(() = $err =~ /made without one are unknown/g, 1, 'says once what becomes of tokens');
my $new = create($st, 'new');

# a token that was made before is found by its plaintext

($code, $out, $err) = $st->input("$old->{token}\n", 'check');
is("$code " . substr($out, 0, 7), '1 UNKNOWN', 'check: as nginx with the keys');
like($err, qr/^note: the token was made without a key file: /, 'says why');
is((input_json($st, $old, 'token', 'show', '-'))->{id}, $old->{id}, 'show -');
is(($st->input("$old->{token}\n", 'token', 'revoke', '-'))[0], 0, 'revoke -');
is($st->json('token', 'show', $old->{id})->{state}, 'revoked', 'is revoked');

my $file = file($leaked->{token});
($code, $out, $err) = $st->run('scan', '--revoke', $file);
is($st->json('token', 'show', $leaked->{id})->{state}, 'revoked', 'scan --revoke');

# what the key file is needed for is not unknown without it

for my $case (['check'], ['token', 'show', '-'], ['token', 'revoke', '-'],
    ['incident', 'token', '-'])
{
    ($code, $out, $err) = $plain->input("$new->{token}\n", @$case);
    is("$code $out$err", "3 service-token: this dataset is sealed: give --key-file\n",
        "no key file: @$case");
}

$file = file($new->{token});
($code, $out, $err) = $plain->run('scan', '--revoke', $file);
is($code, 3, 'no key file: scan --revoke');
like($err, qr/this dataset is sealed: give --key-file/, 'asks for it');
unlike($out, qr/unknown/, 'and does not call it unknown');
is(($plain->input("$rest->{token}\n", 'check'))[0], 0, 'one from before is found');

for my $verb (['fsck'], ['review']) {
    is(() = ($plain->run(@$verb))[2] =~ /no key file was given: no seal was checked/g,
        1, "no key file: @$verb");
    unlike(($st->run(@$verb))[2], qr/no seal was checked/, 'with one');
}

# a record that was changed: what is wrong with it

$redis->cli('HSET', $redis->key("user:$user"), 'role', 'admin');
($code, $out, $err) = $st->run('user', 'show', $user);
like($out, qr/^state +tampered$/m, 'user show');
like($err, qr/user "$user" has no valid seal: somebody else wrote it/, 'says why');

finish;


sub create {
    my ($command, $name) = @_;
    return $command->json('token', 'create', '--user', $user, '--name', $name,
        '--env', 'testing');
}

sub input_json {
    my ($command, $token, @args) = @_;
    return JSON::PP::decode_json(($command->input("$token->{token}\n", @args,
        '--json'))[1]);
}

sub file {
    my $name = "$plain->{dir}/leak";
    open my $fh, '>', $name or die;
    print $fh "TOKEN=$_[0]\n";
    close $fh;
    return $name;
}
