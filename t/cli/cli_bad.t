# Bad input, over all verbs: one clear line on standard error, the right exit
# code, and nothing changed.  Tables in terminals that are too narrow.

use strict;
use warnings;
use lib 't/lib';
use IO::Select;
use IO::Socket::UNIX;
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $user = 'pipeline@service';
my @who = ('--purpose', 'p', '--owner', 'o');
my @for = ('token', 'create', '--user', $user, '--name');

$st->run('init');
$st->run('user', 'create', 'Pipeline', @who);
my ($active, $expired) = map { $st->json(@for, $_, '--env', 'testing')->{id} }
    'active', 'expired';
$st->run('token', 'revoke', $expired);
my $digest = $redis->cli('GET', $redis->key("id:$expired"));
$redis->cli('HSET', $redis->key("token:$digest"), 'expires_at', 1_000_000_000);
$redis->cli('ZADD', $redis->key('expiry'), 1_000_000_000, $expired);

for my $case (
    [2, qr/unknown verb "frobnicate"/, 'frobnicate'],
    [2, qr/unknown verb "token frob"/, 'token', 'frob'],
    [2, qr/"fsck" does not take "x"/, 'fsck', 'x'],
    [2, qr/"export" needs FILE\|-/, 'export'],
    [2, qr/"import" needs FILE\|-/, 'import'],
    [2, qr/"scan" needs PATH/, 'scan'],
    [2, qr/"token revoke" needs ID\|-/, 'token', 'revoke'],
    [2, qr/"incident user" needs ID/, 'incident', 'user'],
    [2, qr/--overwrite is not for "fsck"/, 'fsck', '--overwrite'],
    [2, qr/--fix is not for "import"/, 'import', '-', '--fix'],
    [2, qr/--user/, 'token', 'create', '--name', 'n', '--env', 'testing'],
    [2, qr/--env/, @for, 'n'],
    [2, qr/--env/, @for, 'n', '--env', 'moon'],
    [2, qr/--expires-in/, @for, 'n', '--env', 'testing', '--expires-in', '0d'],
    [2, qr/--expires-in/, @for, 'n', '--env', 'testing', '--expires-in', '366d'],
    [2, qr/--expires-in/, @for, 'n', '--env', 'testing', '--expires-in', 'soon'],
    [2, qr/--since/, 'audit', '--since', '2026-13-40'],
    [2, qr/--since/, 'audit', '--since', 'yesterday'],
    [2, qr/--status/, 'token', 'list', '--status', 'odd'],
    [2, qr/--approval/, 'init', '--approval', 'perhaps'],
    [2, qr/--brand/, 'init', '--brand', 'B!'],
    [2, qr/--overlap/, 'token', 'rotate', $active, '--overlap', 'long'],
    [2, qr/--wait/, 'token', 'revoke', $active, '--wait', 'long'],
    [2, qr/--fail-on|no rule/, 'review', '--fail-on', 'odd'],
    [2, qr/bad ROLE "boss"/, 'user', 'set-role', $user, 'boss'],
    [2, qr/bad --role "boss"/, 'check', '--role', 'boss'],
    [2, qr/--key-file/, 'seal'],
    [2, qr/bad --roles/, '--roles', '', 'user', 'list'],
    [2, qr/a prefix has/, '--prefix', '', 'user', 'list'],
    [2, qr/bad Redis URI/, '--redis', 'http://x', 'user', 'list'],
    (map { [2, qr/bad Redis URI/, '--redis', $_, 'user', 'list'] }
        'unix:///x?db=4294967296', 'unix:///x?db= 1', 'unix:///x?db=1x',
        'redis://127.0.0.1/4294967296', 'redis://127.0.0.1:65536',
        'redis://127.0.0.1: 1', 'redis://:a% 1@127.0.0.1', 'unix:///a%00b',
        'redis://:a%+1@127.0.0.1'),
    (map { [2, qr/--owner has a control/, 'user', 'describe', $user, '--owner',
        $_] } "a\nb", "a\x7f", "a\xc2\x9b2J"),
    [2, qr/key file|--key-file/, '--key-file', '/none', 'user', 'list'],
    [3, qr/exists already/, 'user', 'create', 'pipeline', @who],
    [2, qr/no letter or digit/, 'user', 'create', '!!!', @who],
    [3, qr/token of that name already/, @for, 'active', '--env', 'testing'],
    [3, qr/no user "?nobody/, 'token', 'create', '--user', 'nobody@service',
        '--name', 'n', '--env', 'testing'],
    [3, qr/expired/, 'token', 'restore', $expired],
    [3, qr/not revoked/, 'token', 'delete', $active],
    [3, qr/not revoked/, 'token', 'delete', $active, '--force'],
    [3, qr/revoked/, 'token', 'rotate', $expired],
    (map { [3, qr/no token "tok_none"/, split(/ /, $_), 'tok_none'] }
        'token show', 'token revoke', 'token restore', 'token rotate',
        'token rotation', 'incident token'),
    (map { [3, qr/no user "none\@service"/, split(/ /, $_), 'none@service'] }
        'user show', 'user approve', 'user disable', 'user enable',
        'user delete', 'user revoke-all', 'incident user'),
    [3, qr/line 1: it is not JSON/, { in => "\x00\xff\x7fgarbage\n" x 50 },
        'import', '-'],
    [3, qr/no dataset/, '--prefix', 'x:', 'fsck'],
) {
    my ($want, $why, @args) = @$case;
    my $in = ref $args[0] ? shift(@args)->{in} : '';
    my $before = Stok::Command::snapshot($redis);
    my ($code, $out, $err) = $st->input($in, @args);
    my $name = "@args" =~ s/tok_\w{16}/tok_x/gr;

    is("$code $out", "$want ", $name);
    like($err, qr/\Aservice-token: [^\n]*(?:$why)[^\n]*\n\z/, 'one clear line');
    ok(Stok::Command::snapshot($redis) eq $before, 'nothing is changed');
}

# garbage where a token is expected is a token that is not known

my ($code, $out, $err) = $st->input("\x00\xff\x7f" x 100_000, 'check');
ok($code == 1 || $code == 3, 'garbage to check') or diag($code);
unlike("$out$err", qr/\x7f/, 'is not shown');

# Redis goes away half-way: after the first command it never answers again

for my $args (['user', 'list'], ['user', 'set-role', $user, 'admin'],
    ['token', 'revoke', $active], ['fsck'], ['fsck', '--fix'], ['export', '-'],
    ['review'], ['audit', 'verify'], [@for, 'half', '--env', 'testing'])
{
    my $before = Stok::Command::snapshot($redis);
    my $gone = gone();

    ($code, $out, $err) = $st->run('--redis', "unix://$gone->{path}", @$args);
    is($code, 4, "@$args: Redis goes away" =~ s/tok_\w{16}/tok_x/r);
    like($err, qr/\Aservice-token: [^\n]*Redis[^\n]*\n\z/, 'one clear line');
    ok(Stok::Command::snapshot($redis) eq $before, 'nothing is changed');
}

# and after each of its answers: the change is made or not, never by half

for my $args (['user', 'set-role', $user, 'admin'], ['token', 'revoke', $active],
    ['token', 'restore', $active], ['user', 'revoke-all', $user],
    ['fsck', '--fix'], ['user', 'disable', $user], ['user', 'enable', $user])
{
    my ($n, $broken, @lines) = (0, '');

    for ($code = 4; $code == 4 && $n < 50; $n++) {
        my $gone = gone_after($n);

        ($code, $out, $err) = $st->run('--redis', "unix://$gone->{path}", @$args);
        push @lines, $err if $code == 4;
        $broken .= Stok::Command::broken($redis);
    }

    my $name = "@$args" =~ s/tok_\w{16}/tok_x/r;

    isnt($code, 4, "$name: done, with $n answers");
    cmp_ok(scalar @lines, '>', 0, 'not with fewer');
    is(scalar(grep { !/\Aservice-token: [^\n]*Redis[^\n]*\n\z/ } @lines), 0,
        'one clear line each time');
    is($broken, '', 'nothing is ever broken');
}

# a terminal of some width: no row is longer

$st->run('user', 'create', 'A very long name of a service user', @who,
    '--role', 'manager');
$redis->cli('HSET', $redis->key("user:$user"), 'owner', "\x{c3}\x{a9}" x 60);

for my $width (120, 80, 40, 20) {
    for my $list ('token list', 'user list') {
        my @rows = screen($width, $list);
        my $long = grep { length > $width } @rows;

        cmp_ok(@rows, '==', 3, "$list at $width: a line for each");
        is($long, 0, 'none is too long') or diag(join "\n", @rows);
    }
}

my ($first) = grep { /\Q$active\E/ } screen(40, 'token list');
like($first // '', qr/^\Q$active\E  revoked$/, 'what matters most stays');

finish;


# the lines that a terminal of this width gets

sub screen {
    my ($width, $verb) = @_;

    my $command = "stty cols $width; exec "
        . Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token')
        . " --redis unix://" . $redis->socket . " $verb";

    open my $tty, '-|', 'script', '-q', '-e', '-c', $command, '/dev/null' or die;
    local $/;
    my $text = <$tty>;
    close $tty;
    utf8::decode($text);
    return grep { length } split /\r?\n/, $text;
}

# a server that takes a connection, reads once, and leaves

sub gone {
    my $path = "$st->{dir}/gone";
    unlink $path;
    my $listen = IO::Socket::UNIX->new(Local => $path, Listen => 1) or die "$!";

    my $process = Stok::Process->start(log => "$st->{dir}/gone.log", code => sub {
        my $sock = $listen->accept;
        sysread $sock, my $some, 4096;
        close $sock;
    });

    return { path => $path, process => $process };
}

# Redis, which leaves after so many answers; what it was asked, it has done

sub gone_after {
    my $n = shift;

    my $path = "$st->{dir}/gone";
    unlink $path;
    my $listen = IO::Socket::UNIX->new(Local => $path, Listen => 1) or die "$!";

    my $process = Stok::Process->start(log => "$st->{dir}/gone.log", code => sub {
        my $client = $listen->accept;
        my $server = IO::Socket::UNIX->new($redis->socket) or die "$!";
        my $select = IO::Select->new($client, $server);

        while (my @ready = $select->can_read) {
            for my $from (@ready) {
                sysread $from, my $some, 1 << 20 or return;
                return if $from == $server && $n-- == 0;
                syswrite $from == $server ? $client : $server, $some;
            }
        }
    });

    return { path => $path, process => $process };
}
