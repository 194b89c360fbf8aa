# docs/keys.md, step by step, with traffic: no valid request is refused.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;
use POSIX ();

my $clients = 2;
my $each = 6;                       # tokens of a client
my $redis = Stok::Redis->start(sealed => 1);
my $plain = Stok::Command->new($redis);
my %line = map { $_ => ($plain->run('key', 'new', $_))[1] } 'old', 'new';
my $dataset = "dataset $Stok::Redis::dataset\n";
my $nginx = edge(redis => $redis, files => { keys => $dataset . $line{old} },
    conf => 'service_token_key_file keys;', plain => 1);
my $st = Stok::Command->new($redis, '--key-file', $nginx->dir . '/keys');

$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');

my @old = map { create("made by the old key $_") } 1 .. $clients * $each;
my %secret = map { $_ => $old[$_]{token} } 0 .. $#old;

is(said($nginx, $_->{token}) =~ /^200/, 1, 'it works') for @old;
store();

my @traffic = map { my $n = $_; Stok::Process->start(
    log => $nginx->dir . "/client$n", code => sub { client($n) }) }
    0 .. $clients - 1;

step('the old key alone');

# every edge learns the new key before anything is made by it

keys_are('old', 'new');
step('the new key is known');
is(by(create('between')->{token}), 'old', 'the old one is still in use');

keys_are('new', 'old');
step('the new key is in use');

my ($code, $out, $err) = $st->run('seal');
is($code, 0, 'seal');
like($err, qr/^0 sealed, 14 sealed again, 0 unchanged, 0 refused$/m,
    'all of them');
step('sealed again');

# each token is replaced, handed over, seen in use, and the old one revoked

for my $i (0 .. $#old) {
    $secret{$i} = create("made by the new key $i")->{token};
    is(by($old[$i]{token}) . by($secret{$i}), 'oldnew', 'its successor');
}

store();
step('handed over');

is(($st->run('token', 'revoke', $_->{id}))[0], 0, 'revoke') for @old;
step('the old ones are revoked');
wait_for('revoked', sub { said($nginx, $old[0]{token}) =~ /^401 REVOKED/ });
pass('refused');

# without the old key nothing of it is left

($code, $out) = $st->run('seal');
is($code, 0, 'seal, to be sure');
keys_are('new');
step('the new key alone');

like(said($nginx, $old[1]{token}), qr/^401 UNKNOWN/, 'the old one is unknown');
like(said($nginx, $secret{$_}), qr/^200 ALLOWED/, 'the new one works')
    for 0 .. $#old;
is($st->json('seal')->{right}, 26, 'every seal is by the new key');

# the client saw nothing of it

$nginx->file('end', '');

for my $n (0 .. $#traffic) {
    wait_for('a client ends', sub { $traffic[$n]->ended });
    is($nginx->read("client$n"), '', 'no request of it was refused');
    cmp_ok($nginx->read("count$n"), '>', 200, 'and it made many');
}

finish;


# reloads nginx; returns when each client has used each secret twice more

sub step {
    my $name = shift;
    my @from = map { $nginx->read("count$_") || 0 } 0 .. $clients - 1;

    wait_for("traffic: $name", sub {
        $clients == grep { ($nginx->read("count$_") || 0)
            > $from[$_] + 3 * $each } 0 .. $clients - 1 }, 30);

    is(join('', map { $nginx->read("client$_") } 0 .. $clients - 1), '',
        "no request was refused: $name");
}

sub keys_are {
    $nginx->file('keys.tmp', join('', $dataset, map { $line{$_} } @_), 0600);
    rename $nginx->dir . '/keys.tmp', $nginx->dir . '/keys' or die;
    $nginx->reload;
}

sub create {
    return $st->json('token', 'create', '--user', 'pipeline@service',
        '--name', shift, '--env', 'testing');
}

# the key by which a token is found

sub by {
    my ($code, $out) = $st->input(shift, 'check', '--json');
    return JSON::PP->new->decode($out)->{key} // $out;
}

# where the clients read their secrets, as from a secrets manager

sub store {
    $nginx->file('secrets.tmp', join "\n", map { $secret{$_} } 0 .. $#old);
    rename $nginx->dir . '/secrets.tmp', $nginx->dir . '/secrets' or die;
}

# prints what was not allowed

sub client {
    my $n = shift;
    my $count = 0;

    $| = 1;

    while (!-e $nginx->dir . '/end') {
        my @secret = split /\n/, $nginx->read('secrets');

        for my $i ($n * $each .. $n * $each + $each - 1) {
            my $said = said($nginx, $secret[$i]);
            print "$i: $said\n" if $said !~ /^200 ALLOWED/;
            $count++;
        }

        $nginx->file("count$n.tmp", $count);
        rename $nginx->dir . "/count$n.tmp", $nginx->dir . "/count$n" or die;
    }

    POSIX::_exit(0);
}
