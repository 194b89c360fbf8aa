# token adopt: tokens of other systems become ours, by their digests; what is
# weak, known or no token is refused, line by line, and no token is repeated.

use strict;
use warnings;
use lib 't/lib';
use Digest::SHA qw(sha256_hex hmac_sha256_hex);
use JSON::PP ();
use Stok::Command;
use Stok::Terminal;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $user = 'legacy@service';
my @env = ('--env', 'production');
my ($code, $out, $err);
my %seen;

$st->run('init');
$st->run('user', 'create', 'Legacy', '--purpose', 'p', '--owner', 'o');
$st->run('user', 'create', 'Other', '--purpose', 'p', '--owner', 'o');

my @tokens = map { random($_) } 1 .. 12;

# one

adopt("$tokens[0]\n", '--user', $user, '--name', 'old key', @env);
is($code, 0, 'one token is adopted');
my ($id) = $out =~ /^(tok_\w{16})\n\z/;
my %rec = record($tokens[0]);
is("@rec{qw(id user name env type status)}",
    "$id $user old key production service active", 'its record');
is($rec{expires_at} - $rec{created_at}, 365 * 86400, 'the lifetime of its environment');
my %entry = @{ $redis->cli('XREVRANGE', $redis->key('audit'), '+', '-', 'COUNT',
    1)->[0][1] };
is("@entry{qw(action token user)}", "token.adopt $id $user", 'the audit says it');

my $before = Stok::Command::snapshot($redis);
adopt($tokens[0], '--user', $user, '--name', 'old key', @env);
is("$code $out", "0 $id\n", 'again: the same id');
like($err, qr/^note: the token was adopted already/, 'and a note');
is(Stok::Command::snapshot($redis), $before, 'and no change');

adopt($tokens[1], '--user', $user, '--name', 'json', @env, '--expires-in', 'never',
    '--json');
my $json = JSON::PP->new->decode($out);
is("@$json{qw(user name result)}", "$user json adopted", '--json');
ok(!exists $json->{token}, 'without the token');

# what is refused changes nothing

for my $case (
    ['the name is taken', 3, "$tokens[2]\n", qr/has a token of that name already/,
        '--name', 'json'],
    ['the token is known', 3, "$tokens[1]\n", qr/the token is tok_\w+ of $user already/],
    ['no user', 3, $tokens[2], qr/no user/, '--user', 'none@service'],
    ['not a bearer token', 3, 'a b' x 20, qr/not a bearer token/],
    ['a zero in it', 3, "$tokens[2]\0x", qr/not a bearer token/],
    ['longer than nginx takes', 3, 'aB3-' x 129, qr/not a bearer token/],
    ['a wrong checksum', 3, 'stk_svc_' . 'aB3xY9' x 6 . '00', qr/wrong checksum/],
    ['empty', 2, '', qr/is empty/],
    ['two lines', 2, "$tokens[2]\n$tokens[3]\n", qr/one line with a token/],
    ['too long a line', 2, 'x' x 5000, qr/line 1 is longer/],
    ['a bad environment', 2, $tokens[2], qr/bad --env/, '--env', 'x'],
    (map { ["weak: $_->[0]", 3, $_->[1],
        qr/the token is too weak: \d+ characters, about \d+ bits/] }
        ['short', 'aK3-9xQ_'], ['fifteen', 'aK39xQzP7bN2mVw'], ['one digit', '7' x 64],
        ['a sequence', 'abcdefghijklmnopqrstuvwxyz0123456789'],
        ['repeated', 'S3cr3t-' x 12], ['mirrored cases', 'aBcXyZ' . 'AbCxYz' x 8],
        ['digits', '83920174659283'], ['pairs', join '', map { $_ x 2 } 'a' .. 'z'],
        ['dates', '2024-01-01-2024-01-02-2024-01-03'],
        ['words', 'monday-tuesday-wednesday'], ['capitals', 'CORRECT-HORSE-BATTERY-STAPLE'],
        ['a word and a number', 'administrator123']),
) {
    my ($name, $exit, $input, $says, @options) = @$case;

    $before = Stok::Command::snapshot($redis);
    adopt($input, '--user', $user, '--name', 'new', @env, @options);
    is("$code $out", "$exit ", "refused: $name");
    like($err, qr/^service-token: .*$says/, 'and why');
    is(Stok::Command::snapshot($redis), $before, 'no change');
}

adopt('7' x 64, '--user', $user, '--name', 'sevens', @env, '--allow-weak');
is($code, 0, 'a weak one that is wanted');

# what is drawn is strong enough, whatever it is made of: one in a thousand hex
# tokens was refused, and every second one of 32 digits.  The seed makes them the
# same in each run; of a million, control/lifecycle/strength.c has the figures.

{
    my @hex = (0 .. 9, 'a' .. 'f');
    my @base62 = ('A' .. 'Z', 'a' .. 'z', 0 .. 9);
    srand 17;

    for my $case (['digits', 32, 0 .. 9], ['hex', 32, @hex],
        ['base32', 26, 'a' .. 'z', 2 .. 7], ['base62', 24, @base62],
        ['base62', 32, @base62], ['base64url', 32, @base62, '-', '_'],
        ['UUID', 32, @hex])
    {
        my ($name, $n, @chars) = @$case;
        my @drawn = map { random_of(\@chars, $n) } 1 .. 60;

        s/^(.{8})(.{4}).(.{3}).(.{3})/$1-$2-4$3-a$4-/ for $name eq 'UUID' ? @drawn : ();
        adopt("token,name\n" . join('', map { "$drawn[$_],$name $n $_\n" } 0 .. $#drawn),
            '--user', $user, @env);
        like($err, qr/^60 adopted, 0 known already, 0 refused$/m,
            "drawn: $name of $n characters");
    }

    srand;
}

adopt(lc '3F2504E0-4F89-41D3-9A0C-0305E82C3301', '--user', $user, '--name', 'uuid',
    @env);
is($code, 0, 'a UUID');

# many: a line each

my $list = "\xef\xbb\xbfName,token,env,expires_in\r\n"
    . qq("a, ""quoted""",$tokens[4],,\r\n)
    . "b,$tokens[5],staging,30d\r\n\r\n"
    . "c,short,,\r\n"
    . "d,$tokens[4],,\r\n"
    . "e,$tokens[6]\r\n"
    . "f,$tokens[6],testing,never";

adopt($list, '--user', $user, @env);
is($code, 3, 'a CSV with lines that are refused');
is($out =~ s/tok_\w{16}/ID/gr,
    qq(ID adopted a, "quoted"\nID adopted b\nID adopted f\n), 'the others are adopted');
like($err, qr/^service-token: line 5: the token is too weak/m, 'a weak one');
like($err, qr/^service-token: line 6: the token is tok_\w+ of $user already/m,
    'one that is listed twice');
like($err, qr/^service-token: line 7: the line has other columns/m, 'a short line');
like($err, qr/^3 adopted, 0 known already, 3 refused$/m, 'the sum');
%rec = record($tokens[5]);
is("$rec{env} " . ($rec{expires_at} - $rec{created_at}), 'staging ' . 30 * 86400,
    'columns override options');

adopt($list, '--user', $user, @env, '--json');
is(join(' ', map { "$_->{line} $_->{result}" } @{ JSON::PP->new->decode($out) }),
    '2 known 3 known 5 refused 6 refused 7 refused 8 known', 'again, as JSON');

open my $fh, '>:raw', "$st->{dir}/list" or die;
print $fh $list;
close $fh;
my $tty = Stok::Terminal->start($st, ['token', 'adopt', '--user', $user, @env, '--json'],
    in => "$st->{dir}/list");
like(($tty->end)[1], qr/^\]\n0 adopted, 3 known already, 3 refused$/m,
    'the sum comes behind the array');

for my $case (
    ['without its head', "$tokens[7],x\n", qr/does not name its columns/, @env],
    ['a column twice', "token,name,token\n", qr/does not name its columns/, @env],
    ['another column', "token,name,x\n", qr/does not name its columns/, @env],
    ['no environment', "token,name\n$tokens[7],x\n", qr/column, or else an option/],
    ['two names', "token,name\n$tokens[7],x\n", qr/leave out --name/, @env,
        '--name', 'x'],
) {
    my ($name, $input, $says, @options) = @$case;
    adopt($input, '--user', $user, @options);
    is("$code $out", '2 ', "a CSV $name");
    like($err, $says, 'is refused as a whole');
}

# columns that are mixed up: the name would be shown and stored

adopt("token,name\netl-prod,$tokens[8]\nweak,$tokens[8]\n", '--user', $user, @env,
    '--allow-weak');
is($code, 3, 'columns that are mixed up');
like($err, qr/line 2: the token is weaker than its name: are the two mixed up/, 'why');

# a revoked one stays revoked

$st->run('token', 'revoke', $id);
adopt($tokens[0], '--user', $user, '--name', 'old key', @env);
is($code, 3, 'a token that was revoked is not adopted again');
like($err, qr/was revoked/, 'why');

# nothing of a token is anywhere

for my $token (@tokens) {
    is(scalar(grep { index($_, $token) >= 0 } values %seen), 0, 'no message has it');
    is(index(Stok::Command::snapshot($redis), $token), -1, 'nor has Redis');
}

# a signal: what was adopted stays, and the same input goes on

{
    my @many = map { random($_) } 1 .. 300;
    my $csv = "token,name\n" . join '', map { "$many[$_],many $_\n" } 0 .. $#many;
    pipe my $read, my $write or die;
    my $dir = $st->{dir};
    my $pid = fork // die;

    if (!$pid) {
        close $write;
        open STDIN, '<&', $read;
        open STDOUT, '>', "$dir/out";
        open STDERR, '>', "$dir/err";
        exec $ENV{SERVICE_TOKEN} // 'build/service-token', '--redis',
            'unix://' . $redis->socket, 'token', 'adopt', '--user', 'other@service', @env;
    }

    close $read;
    my $half = length($csv) / 2;
    syswrite $write, substr $csv, 0, $half;
    ok(wait_for('a third of them', sub { $redis->cli('SCARD', $redis->key('user-tokens:other@service'))
        > 100 }), 'many are adopted');
    kill INT => $pid;
    waitpid $pid, 0;
    is($? & 127, 2, 'Ctrl-C ends it');
    close $write;
    my $had = $redis->cli('SCARD', $redis->key('user-tokens:other@service'));
    like(Stok::Command::slurp("$dir/err"), qr/^$had\ adopted,\ 0.*\n.*interrupted\ after
        \ line\ \d+:\ give\ the\ same\ input\ again/mx, 'it says how to go on');

    adopt($csv, '--user', 'other@service', @env);
    is($code, 0, 'again');
    like($err, qr/^@{[ 300 - $had ]} adopted, $had known already, 0 refused$/m, 'the rest');
}

is(Stok::Command::broken($redis), '', 'all keys agree');

# with a key file: by its key, and sealed; nginx lets it in, and out

my $nginx = edge(redis => my $sealed = Stok::Redis->start(sealed => 1),
    files => { keys => "dataset $Stok::Redis::dataset\n"
        . ($st->run('key', 'new', 'k1'))[1] },
    conf => 'service_token_key_file keys;', plain => 1);
my $edge = Stok::Command->new($sealed, '--key-file', $nginx->dir . '/keys');
my $foreign = $tokens[9];

$edge->run('user', 'create', 'Legacy', '--purpose', 'p', '--owner', 'o');
like(said($nginx, $foreign), qr/^401/, 'a token that nobody knows');
($code, $out, $err) = $edge->input($foreign, 'token', 'adopt', '--user', $user,
    '--name', 'at the edge', @env);
is($code, 0, 'is adopted');
my ($key) = Stok::Command::slurp($nginx->dir . '/keys') =~ /^k1 (\w{64})/m;
ok($sealed->cli('EXISTS', $sealed->key('token:' . hmac_sha256_hex($foreign,
    pack 'H*', $key))), 'under its HMAC');
is($sealed->cli('EXISTS', $sealed->key('token:' . sha256_hex($foreign))), 0,
    'and not under its SHA-256');
ok(wait_for('nginx', sub { said($nginx, $foreign) =~ /^200 ALLOWED/ }), 'nginx lets it in');
$edge->run('token', 'revoke', $out =~ /(tok_\w+)/);
ok(wait_for('nginx', sub { said($nginx, $foreign) =~ /^401 REVOKED/ }), 'and no longer');

finish;


sub adopt {
    my ($input, @options) = @_;
    ($code, $out, $err) = $st->input($input, 'token', 'adopt', @options);
    $seen{ keys %seen } = "$out$err";
}

sub record {
    return @{ $redis->cli('HGETALL', $redis->key('token:' . sha256_hex(shift))) };
}

sub random { return random_of(['A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_'], 40) }

sub random_of {
    my ($chars, $n) = @_;
    return join '', map { $chars->[rand @$chars] } 1 .. $n;
}
