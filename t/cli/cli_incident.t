# incident: revokes first, shows all that is known, says what remains; nothing
# is half-done by a kill.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;
use Time::HiRes qw(sleep);

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis, '--actor', 'anna');
my $user = 'pipeline@service';

$st->run('init');
$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
my ($id, $never, $third) = map { $st->json('token', 'create', '--user', $user,
    '--name', $_, '--env', 'production')->{id} } 'etl', 'spare', 'bi';

my $now = time;
$redis->used($id, uses => 12, first_used => 1700000000, last_used => $now + 5,
    first_addr => '192.0.2.1', last_addr => '192.0.2.7',
    addrs => '192.0.2.1 192.0.2.7', last_location => '/api/',
    locations => '/api/ /etl/', role_needed => 'manager', refused => 3,
    refused_at => $now + 9, refused_addr => '198.51.100.9',
    refused_reason => 'REVOKED');
$redis->used($third, uses => 1, last_used => $now, last_location => '/bi/',
    addrs => '203.0.113.5');

# a token

my ($code, $out, $err) = $st->run('incident', 'token', $id);
is("$code $err", "0 revoked $id (etl) of $user\n", 'incident token');
is(status($id), 'revoked', 'is revoked');
is(status($never), 'active', 'and no other');

for my $says (
    qr/^Token $id is revoked now$/m,
    qr/^first_used +2023-11-14T22:13:20Z$/m,
    qr/^addrs +192\.0\.2\.1, 192\.0\.2\.7$/m,
    qr{^locations +/api/, /etl/$}m,
    qr/^refused +3$/m,
    qr/^Timeline\n  2023-11-14T22:13:20Z  first use  from 192\.0\.2\.1\n.*token\.create by anna.*token\.revoke by anna  active -> revoked\n.*last use  from 192\.0\.2\.7  \/api\/\n.*last refused attempt  from 198\.51\.100\.9  REVOKED$/ms,
    qr/^What remains to do\n  1\. Replace it.*\n     service-token token create --user \Q$user\E --name NEW-NAME --env production$/m,
    qr/Update the integrations .* 192\.0\.2\.1, 192\.0\.2\.7$/m,
    qr/service-token audit --token $id --follow$/m,
    qr/Delete it .* from 20\S+Z on\n     service-token token delete $id$/m,
    qr/Document the incident/,
) {
    like($out, $says, 'shows: ' . substr "$says", 0, 60);
}

# what edges have refused stands where it belongs

$redis->cli('XADD', $redis->key('refusals'), '*', 'at', $now, 'token', $_,
    'user', $user, 'reason', 'REVOKED', 'count', 3, 'addr', '192.0.2.9')
    for $id, $never;

# again: nothing is changed, all is shown

my $before = Stok::Command::snapshot($redis);
my $t = $st->json('incident', 'token', $id);
is(Stok::Command::snapshot($redis), $before, 'again: no change');
is("$t->{revoked_now} $t->{token}{id} $t->{token}{state} $t->{token}{uses}",
    "0 $id revoked 12", 'as JSON');
is(join(', ', map { $_->{what} } @{ $t->{timeline} }), 'first use, '
    . 'token.create, token.revoke, token.refuse, last use, last refused attempt',
    'timeline');
is(join(' ', map { $_->{step} } @{ $t->{remaining} }),
    'replace update downstream watch delete document', 'what remains');
like(($st->run('incident', 'token', $id))[1], qr/^Token $id was revoked already$/m,
    'as text');

$t = $st->json('incident', 'token', $never, '--wait', '1s');
is("$t->{revoked_now} $t->{wait}{nodes}", '1 0', '--wait works');
is($t->{token}{last_used}, undef, 'never used');

# an expired token is revoked, too

my $expired = $redis->listed_token(user => $user, name => 'old',
    expires_at => $now - 100);
$t = $st->json('incident', 'token', $expired);
is("$t->{revoked_now} " . status($expired), '1 revoked', 'an expired one');
ok((grep { $_->{what} eq 'expired' } @{ $t->{timeline} }), 'when it expired');

# bad input

refused(3, qr/no token "tok_none"/, 'token', 'tok_none');
refused(2, qr/bad ID "a b"/, 'token', 'a b');
refused(3, qr/no user "nobody"/, 'user', 'nobody');
refused(2, qr/"incident token" needs ID/, 'token');
refused(2, qr/unknown verb "incident all"/, 'all', 'x');
refused(2, qr/bad --wait/, 'user', $user, '--wait', 'soon');

# a user: all its tokens in one step

$st->run('token', 'restore', $_) for $id, $never;
($code, $out, $err) = $st->run('incident', 'user', $user);
is("$code $err", "0 revoked 3 tokens of $user, and disabled it\n", 'incident user');
is(join(' ', map { status($_) } $id, $never, $third), 'revoked revoked revoked',
    'all are revoked');
for my $says (
    qr/^User \Q$user\E: 3 tokens are revoked now, and it is disabled$/m,
    qr/^tokens +4$/m,
    qr{^  $id  etl\n    used     first 2023-11-14T22:13:20Z, last 20\S+Z, 12 times\n    from     192\.0\.2\.1, 192\.0\.2\.7\n    at       /api/, /etl/\n    refused  3 times, last 20\S+Z$}m,
    qr/^  $never  spare\n    used     never$/m,
    qr{^Rotate downstream\n(?:  /\w+/  by \w+\n){3}\n}m,
    qr{^  /bi/  by $third$}m,
    qr/user\.create by anna.*user\.revoke-all by anna  - -> 3 revoked/s,
    qr/Leave it disabled: a new service user takes its place$/m,
    qr/service-token user create NEW-NAME --purpose TEXT --owner TEXT$/m,
    qr{Rotate what could be .* locations: .*/etl/}m,
    qr/service-token token create --user NEW-ID --name NEW-NAME --env ENV$/m,
    qr/service-token token list --user \Q$user\E$/m,
) {
    like($out, $says, 'shows: ' . substr "$says", 0, 60);
}

unlike($out, qr/user enable|token create --user \Q$user/,
    'nothing is advised that lets a compromised user in');

my $u = $st->json('incident', 'user', $user);
is("$u->{revoked} $u->{user}{id} " . @{ $u->{tokens} }, "0 $user 4",
    'again: as JSON');
is_deeply([sort map { "$_->{location} @{ $_->{tokens} }" }
    @{ $u->{downstream} }], ["/api/ $id", "/bi/ $third", "/etl/ $id"],
    'downstream');
is($u->{user}{last_used}, $now + 5, 'use of all tokens');

$st->run('user', 'delete', $user);
$redis->listed_token(user => $user, name => 'left');
is($st->json('incident', 'user', $user)->{revoked}, 1, 'a user that is deleted');

# an id that a shell would read is quoted

my $odd = $redis->listed_user("a'b;c");
my $t2 = $redis->listed_token(user => $odd);
is($st->json('incident', 'token', $t2)->{remaining}[0]{command},
    "token create --user 'a'\\''b;c' --name NEW-NAME --env production",
    'a command to paste');

# a personal token in production is not followed by another one

my $eva = $redis->listed_user('eva@example.org', kind => 'human');
for my $case (['production', "user create NEW-NAME --purpose TEXT --owner $eva"],
    ['testing', "token create --user $eva --name NEW-NAME --env testing"])
{
    my $pat = $redis->listed_token(user => $eva, type => 'personal',
        env => $case->[0]);
    is($st->json('incident', 'token', $pat)->{remaining}[0]{command},
        $case->[1], "a personal token in $case->[0]");
}

# a record that cannot be read is still revoked

my $later = $redis->listed_token(user => $user, later => 1);
($code, $out, $err) = $st->run('incident', 'token', $later);
is("$code " . status($later), '0 revoked', 'a record with an unknown field');
like($err, qr/^service-token: token "$later" is unreadable: [^\n]*\nrevoked $later [^\n]*\n\z/, 'said');

# killed at any moment: all tokens or none, and a chain that is whole

my $busy = $redis->listed_user('busy@service');
my @busy = map { $redis->listed_token(user => $busy, name => "n$_") } 1 .. 100;
my ($half, $none, $all) = (0, 0, 0);

for my $n (1 .. 40) {
    my $pid = $st->start($n % 2 ? ('incident', 'user', $busy)
        : ('incident', 'token', $busy[$n]));
    sleep rand($n % 2 ? 0.03 : 0.004);
    kill 'KILL', $pid;
    waitpid $pid, 0;

    my $revoked = grep { status($_) eq 'revoked' } @busy;
    $n % 2 ? ($revoked == 100 ? $all++ : $revoked == 0 ? $none++ : $half++)
           : ($revoked > 1 ? $half++ : 0);
    $half++ if grep { whole($_) } @busy;

    restore($_) for @busy;
}

is($half, 0, 'no half-change');
diag("killed: $none before, $all after") if $ENV{VERBOSE};
is(($st->run('audit', 'verify'))[0], 0, 'the audit is whole');

# with a key file: sealed anew; one whose seal is wrong is revoked as it is

$redis->{key} = { name => 'k1', secret => "\1" x 32 };
open my $fh, '>', "$st->{dir}/keys" or die;
print $fh Stok::Redis::key_file($redis->{key});
close $fh;
chmod 0600, "$st->{dir}/keys";
my @key = ('--key-file', "$st->{dir}/keys");
$redis->cli('HSET', $redis->key('meta'), dataset => $Stok::Redis::dataset);
my $safe = $redis->listed_user('safe@service');
my ($good, $forged) = map { $redis->listed_token(user => $safe, name => $_) }
    'good', 'forged';
$redis->cli('HSET', record($forged), 'expires_at', 4000000000);

refused(3, qr/is sealed: give --key-file/, 'token', $good);
refused(3, qr/is sealed: give --key-file/, 'user', $safe);
is(($st->run(@key, 'incident', 'token', $good))[0], 0, 'with the key');
is(seal_of($good), 1, 'sealed anew');
($code, $out, $err) = $st->run(@key, 'incident', 'user', $safe);
is("$code " . status($forged), '0 revoked', 'one that was forged');
like($err, qr/"$forged" has no valid seal/, 'said');
is(seal_of($forged), 0, 'and not sealed');

finish;


sub seal_of {
    my %t = @{ $redis->cli('HGETALL', record($_[0])) };
    my ($digest) = record($_[0]) =~ /(\w+)$/;
    return $t{seal} eq Stok::Redis::seal($redis->{key}, 'token', $digest, \%t) ? 1 : 0;
}


sub record { $redis->key('token:' . $redis->cli('GET', $redis->key("id:$_[0]"))) }
sub status { $redis->cli('HGET', record($_[0]), 'status') }

# a date of revocation, and an entry, if and only if it is revoked

sub whole {
    my ($status, $at) = @{ $redis->cli('HMGET', record($_[0]), 'status',
        'revoked_at') };
    return ($status eq 'revoked') != !!$at;
}

sub restore {
    $redis->cli('HSET', record($_[0]), 'status', 'active');
    $redis->cli('HDEL', record($_[0]), 'revoked_at');
}

sub refused {
    my ($code, $says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($got, $out, $err) = $st->run('incident', @args);

    is($got, $code, "@args: refused");
    like($err, qr/^service-token: .*$says[^\n]*\n\z/, 'in one line');
    is($out, '', 'with no output');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
