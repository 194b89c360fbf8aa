# A plaintext token given as an id is refused and never repeated; on standard
# input, with - as the id, it stands for the token that it is.

use strict;
use warnings;
use lib 't/lib';
use Fcntl qw(O_NOCTTY O_RDWR);
use Stok::Command;
use Stok::Test;
use POSIX ();

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis, '--actor', 'anna');
my $user = 'etl@service';
my $usage = 'that is a token, not its id: give it on standard input, with - as the id';
my ($code, $out, $err);

$st->run('init');
$st->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');

# on the command line: ours, of another brand, one that was mistyped, one that
# stands in something else

my $made = create('a');
my $foreign = 'acme_pat_' . 'x' x 32;
$foreign .= Stok::Redis::checksum($foreign);
my $mistyped = $made->{token} =~ s/.\z/-/r;
$mistyped = substr($made->{token}, 0, -1)
    . ($made->{token} =~ /0\z/ ? '1' : '0');

for my $token ($made->{token}, $foreign, $mistyped, " $made->{token}\n",
    "tok_$made->{token}")
{
    my ($secret) = $token =~ /_([0-9A-Za-z]{38})/;
    my $before = Stok::Command::snapshot($redis);

    for my $args (
        (map { ['token', $_, $token] } qw(show rotate rotation revoke restore
            delete)),
        ['incident', 'token', $token], ['incident', 'user', $token],
        (map { ['user', $_, $token] } qw(show approve disable enable delete
            revoke-all)),
        ['user', 'set-role', $token, 'member'], ['user', 'describe', $user,
            '--purpose', $token], ['user', 'create', $token, '--purpose', 'p',
            '--owner', 'o'],
        ['token', 'create', '--user', $token, '--name', 'n', '--env', 'testing'],
        ['token', 'create', '--user', $user, '--name', $token, '--env',
            'testing'],
        ['token', 'list', '--user', $token], ['audit', '--token', $token],
        ['audit', '--user', $token], ['seal', '--token', $token],
        ['token', 'list', '--actor', $token],
        ['token', 'list', '--prefix', $token], ['token', $token],
        [$token], ['review', '--fail-on', $token],
    ) {
        for my $json ([], ['--json']) {
            ($code, $out, $err) = $st->run(@$args, @$json);
            my $name = join ' ', map { index($_, $secret) < 0 ? $_ : 'TOKEN' }
                @$args, @$json;
            is($code, 2, "$name: refused");
            is($err, "service-token: $usage\n", 'one line');
            is($out, '', 'and nothing else');
        }
    }

    is(Stok::Command::snapshot($redis), $before, 'nothing was changed');

    ($code, $out, $err) = $st->run('token', 'list', "--no$token");
    unlike("$out$err", qr/\Q$secret/, 'nor repeated as an unknown option')
        if $token ne $mistyped;
}

{
    my ($pid, $dir) = (fork, $st->{dir});
    if (!$pid) {
        open STDERR, '>', "$dir/err";
        open STDOUT, '>', "$dir/out";
        $ENV{SERVICE_TOKEN_ACTOR} = $made->{token};
        exec $ENV{SERVICE_TOKEN} // 'build/service-token', 'user', 'list',
            '--redis', 'unix://' . $redis->socket;
    }
    waitpid $pid, 0;
    is($? >> 8, 2, 'an actor from the environment');
    is(Stok::Command::slurp("$dir/err"), "service-token: $usage\n", 'the same');
}

($code, $out, $err) = $st->run('token', 'revoke', 'tok_' . 'a' x 16);
is($err, "service-token: no token \"tok_aaaaaaaaaaaaaaaa\"\n",
    'an id is repeated');

# on standard input, with and without a line's end

for my $end ('', "\n", "\r\n") {
    ($code, $out, $err) = $st->input("$made->{token}$end", 'token', 'show',
        '-');
    is($code, 0, 'show -');
    like($out, qr/\b$made->{id}\b/, 'its record');
    is($err, "note: the token is $made->{id}\n", 'its id is said');
}

is(acts($made, 'token', 'revoke', '-'), 'revoked', 'revoke -');
is(acts($made, 'token', 'restore', '-'), 'active', 'restore -');
is(acts($made, 'token', 'rotate', '-', '--name', 'b'), 'active', 'rotate -');
my ($to) = $out =~ /^(stk_svc_\w{38})$/m;
($code, $out, $err) = $st->input($to, 'token', 'rotation', '-');
like($out, qr/^wait: .* was never used$/m, 'rotation -');
is(acts($made, 'incident', 'token', '-'), 'revoked', 'incident token -');
like($out, qr/Token $made->{id} is revoked now/, 'its report');
is(acts($made, 'token', 'revoke', '-'), 'revoked', 'revoke -, again');
is($code, 0, 'it was revoked before');
like($err, qr/was revoked already/, 'and that is said');
is(acts($made, 'token', 'delete', '-', '--force'), undef, 'delete -');
($code, $out, $err) = $st->input($made->{token}, 'token', 'show', '-');
is($code, 3, 'it is gone');
like($err, qr/^service-token: the token is not one of this dataset/, 'a line');
unlike($err, qr/$made->{token}/, 'without it');

# wherever the id of a token is asked for: an option that is one, too

my $listed = create('listed');
is(acts($listed, 'audit', '--token', '-'), 'active', 'audit --token -');
like($out, qr/ token\.create +$listed->{id} /, 'its entries');

my $takes = 0;
for my $verb (($st->run('--help'))[1] =~ /^  ([a-z]+(?: [a-z][a-z-]*)?)/mg) {
    my ($usage) = ($st->run(split(/ /, $verb), '--help'))[1] =~ /^(usage:.*?)\n\n/ms;
    unlike($usage, qr/--token ID(?!\|-)/, "$verb: --token takes -");
    unlike($usage, qr/^usage: \S+ $verb ID(?!\|-)/, "$verb: so does its argument")
        if $verb =~ /^token|token$/;
    $takes++ if $usage =~ /ID\|-/;
}
cmp_ok($takes, '>=', 10, 'ten verbs and more take one');

my $json = create('json');
($code, $out, $err) = $st->input($json->{token}, 'token', 'revoke', '-',
    '--json');
is(JSON::PP::decode_json($out)->{id}, $json->{id}, 'json: its id');

# a text that is not a token changes nothing, and Redis is not asked

my $good = create('good');
my $before = Stok::Command::snapshot($redis);

for my $case (
    ['', qr/not a token/], ["\n", qr/not a token/], ['a b', qr/not a token/],
    ["$good->{token}\n$good->{token}\n", qr/not a token/],
    ["$good->{token}\n\n", qr/not a token/], ['x' x 5000, qr/not a token/],
    ["\0", qr/not a token/],
    [substr($good->{token}, 0, -1) . ($good->{token} =~ /0\z/ ? '1' : '0'),
        qr/checksum is wrong/],
) {
    my ($input, $says) = @$case;
    for my $verb (['token', 'revoke'], ['incident', 'token']) {
        ($code, $out, $err) = $st->input($input, @$verb, '-', '--redis',
            'redis://127.0.0.1:1');
        is("$code$out", 2, "@$verb: refused");
        like($err, qr/^service-token: .*$says/, 'says why');
        is(() = $err =~ /\n/g, 1, 'in one line');
        unlike($err, qr/_svc_/, 'without it');
    }
}

($code, $out, $err) = $st->input($foreign, 'token', 'revoke', '-');
is($code, 3, 'a token of somebody else');
($code, $out, $err) = $st->input($good->{token}, 'user', 'show', '-');
is($code, 3, '- is not the id of a user');
is(Stok::Command::snapshot($redis), $before, 'nothing was changed');

# a record that has the id of another token would have that one revoked

my $victim = create('victim');
$redis->cli('HSET', $redis->token_key($good->{token}), 'id', $victim->{id});
$before = Stok::Command::snapshot($redis);
($code, $out, $err) = $st->input($good->{token}, 'token', 'revoke', '-');
is($code, 3, 'a record of another id');
is(Stok::Command::snapshot($redis), $before, 'nothing was changed');

# a terminal does not show it, and is as it was

my $typed = create('typed');
my ($shown, $echo) = terminal($typed->{token}, 'token', 'revoke', '-');
like($shown, qr/^Token \(it is not shown\): \r?\n/, 'it is asked for');
like($shown, qr/the token is $typed->{id}/, 'and understood');
unlike($shown, qr/\Q$typed->{token}/, 'it is not shown');
is(status($typed), 'revoked', 'and revoked');
is($echo, 1, 'the terminal shows again what is typed');

($shown, $echo) = terminal(undef, 'token', 'revoke', '-');
is($echo, 1, 'also after it was interrupted');

# by each key of the key file

$redis->cli('FLUSHALL');
my %line = map { $_ => ($st->run('key', 'new', $_))[1] } 'old', 'new';
my $first = $st;
my $keys = "$first->{dir}/keys";
$st = Stok::Command->new($redis, '--key-file', $keys);
keys_are('old');
$st->run('init');

# which names the dataset in the file

my ($line) = grep { !/^old / } split /^/, Stok::Command::slurp($keys);
$line{dataset} = $line;
$st->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');
my $old = create('by the old key');
keys_are('new', 'old');
my $new = create('by the new one');
is(acts($new, 'seal', '--token', '-'), 'active', 'seal --token -');
is($code, 0, 'it is sealed already');
is(acts($old, 'token', 'revoke', '-'), 'revoked', 'by the old key');
is(acts($new, 'token', 'revoke', '-'), 'revoked', 'by the new one');
keys_are('new');
($code, $out, $err) = $st->input($old->{token}, 'token', 'revoke', '-');
is($code, 3, 'by a key that is gone');
like($err, qr/not one of this dataset, by any key of the key file/, 'says so');

finish;


sub create {
    my $name = shift;
    return $st->json('token', 'create', '--user', $user, '--name', $name,
        '--env', 'testing');
}

sub status {
    my $token = shift;
    my $digest = $redis->cli('GET', $redis->key("id:$token->{id}")) // return;
    return $redis->cli('HGET', $redis->key("token:$digest"), 'status');
}

sub acts {
    my ($token, @args) = @_;
    ($code, $out, $err) = $st->input($token->{token}, @args);
    like($err, qr/^note: the token is $token->{id}$/m, "@args: says its id");
    unlike("$out$err", qr/\Q$token->{token}/, 'and not the token');
    return status($token);
}

sub keys_are {
    open my $fh, '>', "$keys.new" or die;
    print $fh map { $line{$_} // '' } 'dataset', @_;
    close $fh;
    chmod 0600, "$keys.new";
    rename "$keys.new", $keys or die;
}

# types a line, or what interrupts; what the terminal shows, and whether it
# shows what is typed when the command has ended

sub terminal {
    my ($text, @args) = @_;

    sysopen my $master, '/dev/ptmx', O_RDWR|O_NOCTTY or die "ptmx: $!";
    my $n = pack 'i', 0;
    ioctl $master, 0x40045431, $n or die "unlock: $!";    # TIOCSPTLCK
    ioctl $master, 0x80045430, $n or die "name: $!";      # TIOCGPTN
    my $path = '/dev/pts/' . unpack 'i', $n;
    sysopen my $keep, $path, O_RDWR|O_NOCTTY or die "$path: $!";

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        POSIX::setsid();
        open STDIN, '+<', $path or POSIX::_exit(126);
        open STDOUT, '>', "$st->{dir}/out";
        open STDERR, '>&', \*STDIN;
        exec $ENV{SERVICE_TOKEN} // 'build/service-token', '--redis',
            'unix://' . $redis->socket, @args or POSIX::_exit(127);
    }

    my $shown = '';
    my $more = sub {
        my $bits = '';
        vec($bits, fileno $master, 1) = 1;
        sysread $master, $shown, 4096, length $shown
            if select $bits, undef, undef, 0.05;
    };

    wait_for('it is asked for', sub { $more->(); $shown =~ /: / });
    syswrite $master, defined $text ? "$text\n" : "\cC";
    wait_for('it has ended', sub { $more->(); waitpid $pid, POSIX::WNOHANG() });
    $more->();

    my $termios = POSIX::Termios->new;
    $termios->getattr(fileno $keep);

    return ($shown, $termios->getlflag & POSIX::ECHO() ? 1 : 0);
}
