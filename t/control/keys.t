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
