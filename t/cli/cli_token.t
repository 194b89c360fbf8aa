# token: create, list, show, revoke, restore, delete, revoke-all; what is
# refused changes nothing.  For kills see cli_kill.t.

use strict;
use warnings;
use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $user = 'pipeline@service';
my @for = ('token', 'create', '--user', $user);

$st->run('init');
$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
$st->run('user', 'create', 'eva@example.org', '--human');

# the plaintext token is shown once, alone

my ($code, $out, $err) = $st->run(@for, '--name', 'first', '--env', 'testing');
is($code, 0, 'create');
like($out, qr/^stk_svc_[0-9A-Za-z]{38}\n\z/, 'the plaintext token, alone');
like($err, qr/^created tok_[0-9A-Za-z]{16} \(first\) of $user\n\z/, 'its id, aside');

my ($clear, $id) = ($out =~ s/\n//r, Stok::Command::made($err));
is(substr($clear, -6), Stok::Redis::checksum(substr $clear, 0, -6), 'checksum');
is($redis->cli('GET', $redis->key("id:$id")), sha256_hex($clear), 'digest');

my %kind = map { $_->[0] => $st->json('token', 'create', '--user', @{ $_->[1] }) } (
    ['scim', [$user, '--name', 's', '--env', 'staging', '--scim-only']],
    ['pat', ['eva@example.org', '--name', 'l', '--env', 'development']],
);
like($kind{scim}{token}, qr/^stk_scim_/, 'SCIM-only');
is("$kind{scim}{scope} $kind{scim}{type}", 'scim service', 'its scope');
like($kind{pat}{token}, qr/^stk_pat_/, 'personal');
is("$kind{pat}{type}", 'personal', 'its type');

# expiry

my %days = (production => 365, staging => 180, development => 90,
    testing => 30);
for my $env (sort keys %days) {
    my $t = $st->json(@for, '--name', "d $env", '--env', $env);
    is(($t->{expires_at} - $t->{created_at}) / 86400, $days{$env}, $env);
}
for my $in (1, 365) {
    my $t = $st->json(@for, '--name', "in $in", '--env', 'production',
        '--expires-in', "${in}d");
    is(($t->{expires_at} - $t->{created_at}) / 86400, $in, "$in days");
}
($code, $out, $err) = $st->run(@for, '--name', 'forever', '--env',
    'production', '--expires-in', 'never');
like($err, qr/^warning: .*never expires/m, 'never, in production: a warning');
($code, $out, $err) = $st->run(@for, '--name', 'forever2', '--env', 'testing',
    '--expires-in', 'never');
like($err, qr/^warning: a testing token that never expires, 30 days are usual/m,
    'nor is it usual elsewhere');

# longer than is usual there

for my $case (['testing', '365d', 'a testing token for 365 days, 30 are usual'],
    ['staging', '182d', 'a staging token for 182 days, 180 are usual'],
    ['development', '31d'], ['testing', '30d'], ['production', '365d'])
{
    my ($env, $in, $warning) = @$case;

    ($code, $out, $err) = $st->run(@for, '--name', "long $env $in", '--env',
        $env, '--expires-in', $in);
    is($code, 0, "$env for $in");
    is(join(' ', $err =~ /^warning: (.*): reviews will find it$/mg),
        $warning // '', $warning // 'no warning');
}

# refused

for my $in ('0d', '366d', '-1d', '1', '53w', 'soon', '', '1.5d', ' 5d') {
    refused(2, qr/bad --expires-in/, @for, '--name', 'x', '--env', 'testing',
        "--expires-in=$in");
}

refused(2, qr/needs --user/, 'token', 'create', '--name', 'x');
refused(2, qr/bad --env/, @for, '--name', 'x', '--env', 'live');
refused(3, qr/has a token of that name/, @for, '--name', 'first', '--env',
    'production');
refused(3, qr/no user "nobody"/, 'token', 'create', '--user', 'nobody',
    '--name', 'x', '--env', 'testing');
refused(2, qr/bad --name/, @for, '--name', 'x' x 256, '--env', 'testing');
refused(2, qr/bad --name/, @for, '--name', '', '--env', 'testing');
refused(2, qr/bad --name/, @for, '--name', "a\nb", '--env', 'testing');
refused(3, qr/no token "tok_none"/, 'token', 'revoke', 'tok_none');
refused(2, qr/bad ID "a b"/, 'token', 'show', 'a b');
already(qr/^$id \(first\) of $user is active already$/, 'token', 'restore', $id);
refused(3, qr/is not revoked/, 'token', 'delete', $id);
refused(3, qr/is not revoked/, 'token', 'delete', $id, '--force');
refused(2, qr/bad --status/, 'token', 'list', '--status', 'x');
refused(3, qr/no user/, 'token', 'list', '--user', 'nobody');
is(($st->run(@for, '--name', 'x' x 255, '--env', 'testing'))[0], 0,
    '255 characters');
is(($st->run('token', 'create', '--user', 'eva@example.org', '--name', 'first',
    '--env', 'testing'))[0], 0, 'the same name for another user');

# revoke, restore, delete

is(($st->run('token', 'revoke', $id))[0], 0, 'revoke');
my $t = $st->json('token', 'show', $id);
is("$t->{status} $t->{state}", 'revoked revoked', 'is in force');
cmp_ok(abs($t->{revoked_at} - time), '<', 60, 'when');
is($t->{last_used}, undef, 'never used');
already(qr/^$id \(first\) of $user was revoked already$/, 'token', 'revoke', $id);
is(($st->run('token', 'restore', $id))[0], 0, 'restore');
is($st->json('token', 'show', $id)->{state}, 'active', 'is in force');

$st->run('token', 'revoke', $id);
refused(3, qr/is watched until 20\d\d-\d\d-\d\dT.*Z, 7 days/, 'token',
    'delete', $id);

# attempts, before it was revoked and after

my $usage = $redis->key("usage:$id");
my $revoked_at = $st->json('token', 'show', $id)->{revoked_at};
$redis->cli('HSET', $usage, 'refused', 2, 'refused_at', $revoked_at - 1,
    'refused_addr', '192.0.2.7', 'refused_reason', 'ROLE');
refused(3, qr/and was not tried since/, 'token', 'delete', $id);
$redis->cli('HSET', $usage, 'refused_at', $revoked_at, 'refused_reason',
    'REVOKED');
refused(3, qr/and was still tried 20\S+Z from 192\.0\.2\.7 \(REVOKED\)/,
    'token', 'delete', $id);
is($st->json('token', 'show', $id)->{refused}, 2, 'show: how often');
like(($st->run('token', 'show', $id))[1], qr/^refused_reason +REVOKED$/m,
    'and why');

my $key = $redis->key('token:' . sha256_hex($clear));
$redis->cli('HSET', $key, 'revoked_at', time - 7 * 86400 + 100);
refused(3, qr/is watched/, 'token', 'delete', $id);
$redis->cli('HSET', $key, 'revoked_at', time - 7 * 86400 - 1);
is(($st->run('token', 'delete', $id))[0], 0, 'delete, after the watch');
is($redis->cli('EXISTS', $key, $redis->key("id:$id"), $usage), 0,
    'nothing is left');
refused(3, qr/no token/, 'token', 'show', $id);

my $expired = $st->json(@for, '--name', 'old', '--env', 'testing');
$st->run('token', 'revoke', $expired->{id});
my $digest = $redis->cli('GET', $redis->key("id:$expired->{id}"));
$redis->cli('HSET', $redis->key("token:$digest"), 'expires_at', 1000);
$redis->cli('ZADD', $redis->key('expiry'), 1000, $expired->{id});
refused(3, qr/has expired/, 'token', 'restore', $expired->{id});
is(($st->run('token', 'delete', $expired->{id}, '--force'))[0], 0, '--force');

# lists

my $list = $st->json('token', 'list');
is(scalar(@$list), $redis->cli('ZCARD', $redis->key('tokens')), 'all of them');
is(scalar(grep { exists $_->{seal} || exists $_->{token} } @$list), 0,
    'no seal, no plaintext token');
is(scalar @{ $st->json('token', 'list', '--user', 'eva@example.org') }, 2,
    'of one user');
is(scalar @{ $st->json('token', 'list', '--status', 'revoked') }, 0,
    'of one state');

is(system("'$ENV{PWD}/build/service-token' --redis unix://@{[$redis->socket]}"
    . " token list --json | jq -e 'length > 5' > /dev/null"), 0, 'jq reads it');

# neither the plaintext token nor its digest is shown

my $told = join '', map { @{ $_->[1] } }
    @{ $redis->cli('XRANGE', $redis->key('audit'), '-', '+') };
unlike($told, qr/_(?:svc|pat|scim)_|[0-9a-f]{64}/, 'the audit has neither');
unlike(join('', map { join '', $st->run(@$_) } ['token', 'list', '--json'],
    ['token', 'show', $kind{pat}{id}], ['user', 'list', '--json']),
    qr/_(?:svc|pat|scim)_|[0-9a-f]{64}/, 'nor has any list');

# a token that cannot be shown is not made

if (-e '/dev/full') {
    local $st->{stdout} = '/dev/full';
    refused(3, qr/could not be shown: No space left on device: nothing was made/, @for, '--name',
        'lost', '--env', 'testing');
}

# two at once: one name, one token

my @other = map { Stok::Command->new($redis) } 1 .. 8;
my @pids = map { $_->start(@for, '--name', 'race', '--env', 'testing') } @other;
my $made = 0;
for (@pids) { waitpid $_, 0; $made++ if $? == 0 }
is($made, 1, 'one of eight at once');

# revoke-all is one step

($code, $out, $err) = $st->run('user', 'revoke-all', $user);
is($code, 0, 'revoke-all');
is(scalar(grep { $_->{status} eq 'active' }
    @{ $st->json('token', 'list', '--user', $user) }), 0, 'none is active');
like($err, qr/^revoked \d+ tokens of $user$/, 'how many');

# more of them than a command's arguments on a terminal

$redis->listed_user('busy@service');
$redis->listed_token(user => 'busy@service', name => "n$_") for 1 .. 1500;
is($st->json('user', 'revoke-all', 'busy@service')->{revoked}, 1500,
    'revoke-all of 1500');

# one that cannot be read does not save the others

$redis->listed_user('odd@service');
my @odd = map { $redis->listed_token(user => 'odd@service', name => "n$_") }
    1 .. 3;
$redis->cli('HSET', $redis->key('token:' . $redis->cli('GET',
    $redis->key("id:$odd[0]"))), 'later', 1);
$redis->cli('DEL', $redis->key("id:$odd[1]"));
($code, $out, $err) = $st->run('user', 'revoke-all', 'odd@service');
is("$code$out", 0,
    'revoke-all, one of them unreadable, and one that no index names');
like($err, qr/^service-token: token "$odd[0]" is unreadable: /m, 'named');
like($err, qr/^revoked 3 tokens of odd\@service$/m, 'counted');
is($st->json('token', 'show', $_)->{status}, 'revoked', 'revoked')
    for @odd[0, 2];
$redis->cli('FLUSHALL');
$st->run('init');
$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
$kind{scim} = $st->json(@for, '--name', 's', '--env', 'staging');

# seals: with a key file, what is written is sealed; without it, what is
# sealed is not touched

$redis->cli('FLUSHALL');
my $keys = "$st->{dir}/keys";
my (undef, $line) = $st->run('key', 'new', 'k1');
like($line, qr/^k1 [0-9a-f]{64}\n\z/, 'key new');
open my $fh, '>', $keys or die; print $fh "dataset $Stok::Redis::dataset\n", $line; close $fh;

chmod 0644, $keys;
is((sealed('user', 'list'))[0], 2, 'a loose key file');
chmod 0600, $keys;
sealed('init');
sealed('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
($code, $out, $err) = sealed(@for, '--name', 'x', '--env', 'testing');
$id = Stok::Command::made($err);
$digest = $redis->cli('GET', $redis->key("id:$id"));
isnt($digest, sha256_hex($out =~ s/\n//r), 'a digest with the key');
$redis->{key} = { name => 'k1', secret => pack 'H*', $line =~ /(\w{64})/ };
is($digest, $redis->digest($out =~ s/\n//r), 'by HMAC');
seal_ok('after create');
refused(3, qr/is sealed: give --key-file/, 'token', 'revoke', $id);
refused(3, qr/is sealed/, 'user', 'set-role', $user, 'admin');
for my $change (['set-role', $user, 'admin'], ['disable', $user],
    ['enable', $user])
{
    is((sealed('user', @$change))[0], 0, "user @$change");
    my %u = @{ $redis->cli('HGETALL', $redis->key("user:$user")) };
    is($u{seal}, Stok::Redis::seal($redis->{key}, 'user', $user, \%u), 'its seal');
}
is((sealed('token', 'revoke', $id))[0], 0, 'revoke');
seal_ok('after revoke');
sealed('token', 'restore', $id);
is((sealed('user', 'revoke-all', $user))[0], 0, 'revoke-all');
seal_ok('after revoke-all');
sealed('token', 'restore', $id);
$redis->cli('HSET', $redis->key("user:$user"), 'role', 'admin');
refused(3, qr/is sealed/, 'user', 'revoke-all', $user);
like((sealed('user', 'revoke-all', $user))[2], qr/^revoked 1 token of $user$/m,
    'revoke-all of a user that was edited');
seal_ok('after that');
$redis->cli('HSET', $redis->key("token:$digest"), 'expires_at', 0);
is((sealed('token', 'restore', $id))[0], 3, 'a record that was edited');

# one that cannot be sealed again does not keep the others

my @id = map { Stok::Command::made((sealed(@for, '--name', "all $_", '--env',
    'testing'))[2]) } 1 .. 3;
my @key = map { $redis->key('token:' . $redis->cli('GET',
    $redis->key("id:$_"))) } @id;
$redis->cli('HSET', $key[0], 'expires_at', 0);
$redis->cli('HSET', $key[1], 'future', 1);
$redis->cli('SADD', $redis->key("user-tokens:$user"), 'tok_nothing');
refused(3, qr/is sealed: give --key-file/, 'user', 'revoke-all', $user);
($code, $out, $err) = sealed('user', 'revoke-all', $user);
is("$code$out", 0, 'revoke-all, in spite of two edited ones');
like($err, qr/$_/, 'which are named') for @id[0, 1];
like($err, qr/^revoked 3 tokens of $user$/m, 'counted');
is(join(' ', map { $redis->cli('HGET', $_, 'status') } @key),
    'revoked revoked revoked', 'all are revoked');

finish;


sub sealed { $st->run('--key-file', $keys, @_) }

sub seal_ok {
    my %t = @{ $redis->cli('HGETALL', $redis->key("token:$digest")) };
    is($t{seal}, Stok::Redis::seal($redis->{key}, 'token', $digest, \%t), "seal $_[0]");
}

# the token is as it is to be: nothing is written, and the command succeeds

sub already {
    my ($says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($code, $out, $err) = $st->run(@args);

    is("$code$out", 0, "@args: again");
    like($err, $says, 'says so');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}

sub refused {
    my ($code, $says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($got, $out, $err) = $st->run(@args);

    is($got, $code, "@args: refused");
    like($err, qr/^service-token: .*$says/, 'says why');
    is(() = $err =~ /\n/g, 1, 'in one line');
    is($out, '', 'with no output');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
