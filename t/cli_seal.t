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
refused(3, qr/no token/, 'seal', '--token', 'tok_none');
refused(3, qr/no user/, 'seal', '--user', 'nobody');

my $before = Stok::Command::snapshot($redis);
my ($code, $out, $err) = $st->run('seal', '--dry-run');
is("$code $err", '0 ', '--dry-run');
is(() = $out =~ /: sealed by k1, had no seal$/mg, 4, 'says what it would seal');
is(Stok::Command::snapshot($redis), $before, 'and changes nothing');

($code, $out) = $st->run('seal');
is($code, 0, 'the first time');
like($out, qr/^token $_: sealed by k1, had no seal$/m, 'says which') for @id;
like($out, qr/^4 sealed, 0 sealed again, 0 right already, 0 refused$/m, 'sum');
sealed_by('k1');
like(audit(), qr/action token\.seal token \S+ user $user before  after k1/,
    'in the audit');

$before = Stok::Command::snapshot($redis);
($code, $out) = $st->run('seal');
is("$code $out", "0 0 sealed, 0 sealed again, 4 right already, 0 refused\n",
    'again: nothing to do');
is(Stok::Command::snapshot($redis), $before, 'nothing was changed');

# a new first key

keys_are($long, 'k1');
($code, $out) = $st->run('seal', '--token', $id[0]);
is($out, "token $id[0]: sealed by $long, had one by k1\n"
    . "0 sealed, 1 sealed again, 0 right already, 0 refused\n", 'one token');
my $json = $st->json('seal', '--user', $user);
is("@$json{qw(again right refused)}", '3 1 0', 'a user and its tokens: JSON');
is(scalar @{ $json->{sealed} }, 3, 'which');
sealed_by($long);
is(($st->run('seal'))[1] =~ /^0 sealed, 0 sealed again, 4 /, 1, 'idempotent');

keys_are('k1');
refused(3, qr/is sealed by key "$long", which the key file has not/, 'seal',
    '--token', $id[0]);

# forged records

keys_are($long, 'k1');
my ($edited, $minted) = map { record($_) } @id[0, 1];
$redis->cli('HSET', $edited, 'expires_at', 0);
$redis->cli('HDEL', $minted, 'seal');

($code, $out, $err) = $st->run('seal');
is($code, 3, 'forged records are refused');
like($err, qr/token "$id[0]" has a wrong seal/, 'an edited one');
like($err, qr/token "$id[1]" has no seal, and others have/, 'one without');
is(() = $err =~ /\n/g, 2, 'a line each');
like($out, qr/^0 sealed, 0 sealed again, 2 right already, 2 refused$/m,
    'the others are right');
is((field($id[1], 'seal')), undef, 'not sealed');
is(($st->run('seal', '--unsealed'))[0], 3, '--unsealed is not --force');
isnt(field($id[1], 'seal'), undef, '--unsealed seals what has none');

($code, $out, $err) = $st->run('seal', '--token', $id[0]);
is($code, 3, 'an edited one, named');
($code, $out, $err) = $st->run('seal', '--user', $user, '--force');
is($code, 3, '--force is for the record that is named only');
($code, $out, $err) = $st->run('seal', '--token', $id[0], '--force');
is("$code $out", "0 token $id[0]: sealed by $long, had a wrong seal\n"
    . "1 sealed, 0 sealed again, 0 right already, 0 refused\n", '--force');
is(($st->run('seal'))[0], 0, 'all is well');

# records that cannot be sealed do not stop the others

$redis->cli('HSET', $edited, 'odd', 1);
$redis->cli('HSET', $minted, 'id', $id[2]);
keys_are('k1', $long);
($code, $out, $err) = $st->run('seal');
is($code, 3, 'an unreadable record');
like($err, qr/token "$id[0]" is unreadable: unknown field/, 'says why');
like($err, qr/token "$id[1]" has a record of another id/, 'a strange one');
like($out, qr/^0 sealed, 2 sealed again, 0 right already, 2 refused$/m,
    'the others were sealed');

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
    return $err =~ s/\n//r;
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
    like($err, qr/^service-token: .*$says.*\n\z/, 'says why');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
