# seal: what is sealed, what is sealed again, and what is not.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start;
my $st = Stok::Command->new($redis);
my %line = map { $_ => ($st->run('key', 'new', $_))[1] } 'k1', 'k' x 32;
my $long = 'k' x 32;

# records from before there were keys

$st->run('user', 'create', 'Pipeline Automation', '--purpose', 'p', '--owner',
    'o');
my $user = 'pipeline_automation@service';
my @id = map { token("t$_") } 1 .. 3;

refused(2, qr/seal needs --key-file/, 'seal');
keys_are('k1');
refused(2, qr/not both/, 'seal', '--user', $user, '--token', $id[0]);
refused(2, qr/--force needs/, 'seal', '--force');

refused(2, qr/is for the whole dataset/, 'seal', '--first', '--user', $user);

# The data in Redis never decide what is sealed.  The first seal of a dataset
# vouched for whatever was in it: now that is asked for, and listed.

my $before = Stok::Command::snapshot($redis);
refused(3, qr/not sealed yet: see "seal --first --dry-run"/, 'seal');
refused(2, qr/give --yes/, 'seal', '--first');
refused(3, qr/is not sealed yet, like this dataset/, 'token', 'revoke', $id[0]);

my ($code, $out, $err) = $st->run('seal', '--first', '--dry-run');
is($code, 0, '--dry-run');
is($err, "note: a seal does not change a digest: to nginx with the key file, tokens "
    . "that were made without one are unknown, and have to be made again\n"
    . "4 sealed, 0 sealed again, 0 unchanged, 0 refused: nothing was changed\n",
    'says what it would do, and what is left to do');
is(() = $out =~ /: sealed by k1, had no seal$/mg, 4, 'says what it would seal');
like($out, qr/^user $user \(member, active\): /m, 'a user with its role');
like($out, qr/^token $_ \(of $user, testing, active\): /m, 'a token') for @id;
is(Stok::Command::snapshot($redis), $before, 'and changes nothing');

for my $answer ("n\n", "\n", "yes\n", '') {
    is(($st->input($answer, 'seal', '--first'))[0], 2,
        'not on a terminal: --yes, not an answer');
}

($code, $out, $err) = $st->run('seal', '--first', '--yes');
is($code, 0, 'the first time');
like($out, qr/^token $_ \(.*\): sealed by k1, had no seal$/m, 'says which') for @id;
like($err, qr/^4 sealed, 0 sealed again, 0 unchanged, 0 refused$/m, 'sum');
is($redis->cli('HGET', $redis->key('meta'), 'sealed'), 1, 'the dataset is sealed');
like(audit(), qr/action seal\.first .* after 4 by k1/, 'in the audit');
refused(3, qr/was sealed before/, 'seal', '--first', '--yes');
sealed_by('k1');
like(audit(), qr/action token\.seal token \S+ user $user before  after k1/,
    'in the audit');

$before = Stok::Command::snapshot($redis);
($code, $out, $err) = $st->run('seal');
is("$code $out$err", "0 0 sealed, 0 sealed again, 4 unchanged, 0 refused\n",
    'again: nothing to do');
is(Stok::Command::snapshot($redis), $before, 'nothing was changed');

refused(3, qr/no token/, 'seal', '--token', 'tok_none');
refused(3, qr/no user/, 'seal', '--user', 'nobody');

# a new first key

keys_are($long, 'k1');
($code, $out, $err) = $st->run('seal', '--token', $id[0]);
is("$out$err", "token $id[0] (of $user, testing, active): sealed by $long, had one by k1\n"
    . "0 sealed, 1 sealed again, 0 unchanged, 0 refused\n", 'one token');
my $json = $st->json('seal', '--user', $user);
is("@$json{qw(again right refused)}", '3 1 0', 'a user and its tokens: JSON');
is(scalar @{ $json->{sealed} }, 3, 'which');
sealed_by($long);
is(($st->run('seal'))[2] =~ /^0 sealed, 0 sealed again, 4 /, 1, 'idempotent');

keys_are('k1');
refused(3, qr/is sealed by key "$long", which is not in the key file/, 'seal',
    '--token', $id[0]);

# forged records

keys_are($long, 'k1');
my ($edited, $minted) = map { record($_) } @id[0, 1];
$redis->cli('HSET', $edited, 'expires_at', 0);
$redis->cli('HDEL', $minted, 'seal');

($code, $out, $err) = $st->run('seal');
is($code, 3, 'forged records are refused');
like($err, qr/token "$id[0]" has a wrong seal/, 'an edited one');
like($err, qr/token "$id[1]" has no seal: it has lost it/, 'one without');
is(() = $err =~ /^service-token: /mg, 2, 'a line each');
like($err, qr/^0 sealed, 0 sealed again, 2 unchanged, 2 refused$/m,
    'the others are right');
is((field($id[1], 'seal')), undef, 'not sealed');
refused(3, qr/was sealed before/, 'seal', '--first', '--yes');
is(($st->run('seal', '--token', $id[1]))[0], 3, 'named, and not vouched for');
is((field($id[1], 'seal')), undef, 'not sealed');

# all seals are taken off, and the mark: that alone does not make it a first
# time

my $all = Stok::Command::snapshot($redis);
my @records = map { @{ $redis->cli('KEYS', $redis->key($_)) } } 'user:*', 'token:*';
my %seal = map { $_ => $redis->cli('HGET', $_, 'seal') } @records;
$redis->cli('HDEL', $_, 'seal') for @records;
is(($st->run('seal'))[0], 3, 'seals are taken off');
is(() = ($st->run('seal'))[2] =~ /has no seal/g, 4, 'each is told');
$redis->cli('HDEL', $redis->key('meta'), 'sealed');
is(($st->run('seal'))[0], 3, 'and the mark: seal seals nothing');
is(grep({ defined $redis->cli('HGET', $_, 'seal') } @records), 0, 'none of them');
$redis->cli('HSET', $redis->key('meta'), 'sealed', 1);
defined $seal{$_} and $redis->cli('HSET', $_, 'seal', $seal{$_}) for @records;
is(Stok::Command::snapshot($redis), $all, 'as before');

is(($st->run('seal', '--token', $id[1], '--force'))[0], 0, '--force, and named');

($code, $out, $err) = $st->run('seal', '--token', $id[0]);
is($code, 3, 'an edited one, named');
($code, $out, $err) = $st->run('seal', '--user', $user, '--force');
is($code, 3, '--force is for the record that is named only');
($code, $out, $err) = $st->run('seal', '--token', $id[0], '--force');
is("$code $out$err", "0 token $id[0] (of $user, testing, active): sealed by $long, had a wrong seal\n"
    . "1 sealed, 0 sealed again, 0 unchanged, 0 refused\n", '--force');
is(($st->run('seal'))[0], 0, 'all is well');

# records that cannot be sealed do not stop the others

$redis->cli('HSET', $edited, 'odd', 1);
$redis->cli('HSET', $minted, 'id', $id[2]);
keys_are('k1', $long);
($code, $out, $err) = $st->run('seal');
is($code, 3, 'an unreadable record');
like($err, qr/token "$id[0]" is unreadable: unknown field/, 'says why');
like($err, qr/token "$id[1]" has a record of another id/, 'a strange one');
like($err, qr/^0 sealed, 2 sealed again, 0 unchanged, 2 refused$/m,
    'the others were sealed');

# without keys nothing is written, and everything is shown

my $plain = Stok::Command->new($redis);
$before = Stok::Command::snapshot($redis);
for my $verb (['user', 'create', 'Other', '--purpose', 'p', '--owner', 'o'],
    ['token', 'create', '--user', $user, '--name', 'x', '--env', 'testing'],
    ['token', 'revoke', $id[2]], ['user', 'disable', $user],
    ['user', 'revoke-all', $user], ['fsck', '--fix'])
{
    my ($code, $out, $err) = $plain->run(@$verb);
    like("$code $err", qr/^3 service-token: .* is sealed: give --key-file\n\z/,
        "no key file: @$verb[0, 1]");
}
is(($plain->run(@$_))[0], 0, "no key file: @$_")
    for ['user', 'list'], ['token', 'list'], ['token', 'show', $id[2]];
like(($plain->run('init'))[2], qr/nothing was changed/, 'nor by init');
is(Stok::Command::snapshot($redis), $before, 'nothing was changed');

# what is not a dataset

$redis->cli('DEL', $redis->key('meta'));
refused(3, qr/no dataset/, 'seal');

finish;


sub keys_are {
    open my $fh, '>', "$st->{dir}/keys" or die;
    print $fh "dataset $Stok::Redis::dataset\n", map { $line{$_} } @_;
    close $fh;
    chmod 0600, "$st->{dir}/keys";
    $st->{options} = ['--key-file', "$st->{dir}/keys"];
}

sub token {
    my ($code, $out, $err) = $st->run('token', 'create', '--user', $user,
        '--name', shift, '--env', 'testing');
    return Stok::Command::made($err);
}

sub record {
    return $redis->key('token:' . $redis->cli('GET', $redis->key("id:$_[0]")));
}

sub field { $redis->cli('HGET', record($_[0]), $_[1]) }

# by another implementation

sub sealed_by {
    my $name = shift;
    my $key = { name => $name, secret => pack 'H*', $line{$name} =~ /(\w{64})$/m };

    for my $id (@id) {
        my %t = @{ $redis->cli('HGETALL', record($id)) };
        my $digest = $redis->cli('GET', $redis->key("id:$id"));
        is($t{seal}, Stok::Redis::seal($key, 'token', $digest, \%t), "by $name");
    }

    my %u = @{ $redis->cli('HGETALL', $redis->key("user:$user")) };
    is($u{seal}, Stok::Redis::seal($key, 'user', $user, \%u), "the user, by $name");
}

sub audit {
    return join "\n", map { join ' ', @{ $_->[1] } }
        @{ $redis->cli('XRANGE', $redis->key('audit'), '-', '+') };
}

sub refused {
    my ($code, $says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($got, $out, $err) = $st->run(@args);

    is($got, $code, "@args: refused");
    like($err, qr/^service-token: .*$says.*\n(?:0 sealed, .*\n)?\z/, 'says why');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
