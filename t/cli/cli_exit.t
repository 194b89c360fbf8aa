# Exit codes: what cannot be written is not "Redis is away", whichever verb it
# is; a bad value is 2, and Redis is not asked before.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $user = 'pipeline@service';
my $dir = "$st->{dir}";

$st->run('init');
$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
my $token = $st->json('token', 'create', '--user', $user, '--name', 'a',
    '--env', 'testing')->{id};
$st->json('token', 'rotate', $token);

# a full disk

my $full = bless { %$st, stdout => '/dev/full' }, 'Stok::Command';

for my $args (['help'], ['help', 'token'], ['token', 'create', '--help'],
    ['--version'], ['key', 'new', 'k'], ['approval', 'show'], ['user', 'list'],
    ['user', 'show', $user], ['token', 'list'], ['token', 'show', $token],
    ['token', 'rotation', $token], ['status'], ['audit'], ['audit', 'verify'],
    ['review'], ['review', 'monthly'], ['fsck'], ['export', '-'], ['init'],
    ['user', 'create', 'Second', '--purpose', 'p', '--owner', 'o'],
    ['user', 'revoke-all', $user], ['incident', 'user', $user], ['scan', $0],
    ['complete', '--', 'to'], ['man'])
{
    for my $json ([], ['--json']) {
        next if $args->[1] && $args->[1] eq 'create' && $args->[-1] eq 'o' && @$json;
        next if "@$args" eq 'init' && !@$json || "@$args" =~ /^scan|revoke-all/ && !@$json;

        my ($code, undef, $err) = $full->run(@$args, @$json);
        is($code, 3, "@$args @$json: the disk is full" =~ s/tok_\w{16}/tok_x/r);
        like($err, qr/^service-token: [^\n]*(?:cannot write|No space left)[^\n]*$/m,
            'says so');
        unlike($err, qr/Redis/, 'and not that it is Redis');
    }
}

# a token that could not be shown is not made

my ($code, $out, $err) = $full->run('token', 'create', '--user', $user, '--name',
    'b', '--env', 'testing');
is($code, 3, 'token create: the disk is full');
like($err, qr/could not be shown: No space left on device: nothing was (?:made|created)/, 'says so');

# nor one that does not fit into its file

my $binary = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');

for my $try ("token create --user $user --name c --env testing --out $dir/new",
    "export $dir/new")
{
    my $said = qx{ulimit -f 0; SERVICE_TOKEN_REDIS=unix://@{[$redis->socket]} $binary $try 2>&1};
    is($? >> 8, 3, "$try: beyond a limit" =~ s/\Q$dir\E//r);
    like($said, qr/^service-token: cannot write [^\n]*: File too large/m, 'says so');
    ok(!-e "$dir/new", 'nothing is left');
}

# a bad value is 2, and Redis, which is not there, is not asked before

my @none = ('--redis', "unix://$dir/none");
my @why = ('--purpose', 'p', '--owner', 'o');
my @seal = ('--key-file', '/none', 'seal');
my @new = ('token', 'create', '--user', 'x', '--name', 'n', '--env');

for my $case (
    [qr/--brand/, 'init', '--brand', 'B!'], [qr/--approval/, 'init', '--approval', 'x'],
    [qr/bad approval "x"/, 'approval', 'set', 'x'], [qr/key name/, 'key', 'new', 'a b'],
    [qr/--trust/, 'approval', 'set', 'none', '--trust', 'x'],
    [qr/--role/, 'user', 'create', 'x', '--role', 'boss'],
    [qr/--use-case/, 'user', 'create', 'x', '--use-case', 'x'],
    [qr/not both/, 'user', 'create', 'x', '--role', 'admin', '--use-case', 'bi'],
    (map { [qr/bad ID "a b"/, 'user', $_, 'a b'] } 'show', 'approve', 'describe',
        'disable', 'enable', 'delete', 'revoke-all'),
    [qr/bad ROLE/, 'user', 'set-role', 'x', 'boss'],
    [qr/--limit/, 'user', 'list', '--limit', '0'],
    [qr/--env/, @new, 'moon'], [qr/--expires-in/, @new, 'testing', '--expires-in', 'x'],
    [qr/--out/, @new, 'testing', '--out', '-'], [qr/--format/, @new, 'testing',
        '--format', 'x'], [qr/--name/, @new, 'testing', '--name', ''],
    [qr/needs --env/, @new[0 .. 5]], [qr/--env/, 'token', 'adopt', '--env', 'x'],
    [qr/--expiring/, 'token', 'list', '--expiring', 'x'],
    (map { [qr/bad ID "a b"/, 'token', $_, 'a b'] } 'show', 'rotate', 'rotation',
        'revoke', 'restore', 'delete'),
    [qr/--overlap/, 'token', 'rotate', 'x', '--overlap', 'x'],
    [qr/--name/, 'token', 'rotate', 'x', '--name', "a\nb"],
    [qr/goes with --wait-until/, 'token', 'rotation', 'x', '--timeout', '1h'],
    [qr/--expires-in/, 'token', 'extend', 'x', '--expires-in', 'never'],
    [qr/--wait/, 'token', 'revoke', 'x', '--wait', 'x'],
    [qr/--type/, 'check', '--type', 'x'], [qr/--scope/, 'check', '--scope', 'a b'],
    [qr/--wait/, 'scan', $0, '--revoke', '--wait', 'x'],
    [qr/--expect/, 'status', '--expect', '1'], [qr/--format/, 'status', '--format', 'x'],
    [qr/not both/, 'status', '--format', 'prometheus', '--json'],
    [qr/--since/, 'audit', '--since', 'x'], [qr/--expect/, 'audit', 'verify',
        '--expect', '1:x'], [qr/not both/, 'audit', '--token', 'x', '--user', 'y'],
    (map { [qr/--fail-on/, @$_, '--fail-on', 'x'] } ['review'], ['review',
        'monthly'], ['review', 'quarterly']),
    (map { [qr/bad ID "a b"/, 'incident', $_, 'a b'] } 'token', 'user'),
    [qr/no letter or digit/, 'user', 'create', '!!!', @why],
    (map { [qr/needs --purpose and --owner/, 'user', 'create', 'x', @$_] } [],
        [@why[0, 1]], [@why[2, 3]]),
    [qr/is an e-mail address/, 'user', 'create', 'x', '--human'],
    [qr/--purpose has a control/, 'user', 'create', 'x', '--purpose', "a\nb"],
    [qr/give --purpose, --owner/, 'user', 'describe', 'x'],
    [qr/have 1 to/, 'user', 'describe', 'x', '--owner', ''],
    (map { my @verb = @$_; map { [$_->[0], @verb, @{ $_ }[1 .. $#$_]] }
        [qr/both want standard output/, '--format', 'env', '--json'],
        [qr/--server HOST/, '--format', 'docker-config'],
        [qr/bad --server/, '--format', 'docker-config', '--server', ''],
        [qr/bad --secret-name/, '--format', 'k8s-secret', '--secret-name', 'A'],
        [qr/bad --namespace/, '--format', 'k8s-secret', '--namespace', 'a.b'],
        [qr/for --format k8s-secret/, '--namespace', 'x'],
    } [@new, 'testing'], ['token', 'rotate', 'x']),
    [qr/is not of this review/, 'review', 'monthly', '--fail-on', 'purpose'],
    [qr/is not of this review/, 'review', 'quarterly', '--fail-on', 'unused'],
    (map { [qr/token adopt needs/, 'token', 'adopt', @$_] } ['--name', 'x'],
        ['--name', 'x', '--user', 'x'], ['--name', 'x', '--env', 'testing']),
    [qr/needs --key-file/, 'seal'], [qr/not both/, @seal, '--user', 'x', '--token',
        'x'], [qr/--force needs/, @seal, '--force'],
    [qr/is for the whole/, @seal, '--first', '--user', 'x'],
    [qr/give --yes/, @seal, '--first'],
    [qr/--token/, 'seal', '--token', 'a b'], [qr/--wait/, 'fsck', '--fix', '--wait',
        'x'], [qr/needs FILE/, 'export'], [qr/--wait/, 'import', $0, '--wait', 'x'],
) {
    my ($why, @args) = @$case;
    my ($code, $out, $err) = $st->run(@none, @args);
    is("$code $out", '2 ', "@args" =~ s{\S+/|\n}{}gr);
    like($err, qr/\Aservice-token: [^\n]*$why[^\n]*\n\z/, 'says so');
}

# Redis away is 4, with every verb that needs it

my @away = ('--redis', "unix://$dir/none");

for my $args (['init'], ['approval', 'show'], ['approval', 'set', 'none'],
    ['user', 'create', 'x y', '--purpose', 'p', '--owner', 'o'], ['user', 'list'],
    (map { ['user', $_, 'x'] } 'show', 'approve', 'disable', 'enable', 'delete',
        'revoke-all'), ['user', 'set-role', 'x', 'admin'],
    ['user', 'describe', 'x', '--owner', 'o'], ['token', 'list'],
    ['token', 'create', '--user', 'x', '--name', 'n', '--env', 'testing'],
    (map { ['token', $_, 'x'] } 'show', 'rotate', 'rotation', 'revoke',
        'restore', 'delete'), ['token', 'extend', 'x', '--expires-in', '1d'],
    ['check'], ['status'], ['audit'], ['audit', 'verify'], ['review'],
    ['incident', 'token', 'x'], ['incident', 'user', 'x'], ['fsck'],
    ['export', '-'], ['import', $0], ['scan', '--revoke', $0])
{
    my ($code, $out, $err) = $st->run(@away, @$args);
    is("$code $out", '4 ', "@$args: Redis is away" =~ s{\S+/}{}r);
    like($err, qr/\Aservice-token: Redis at \S+ cannot be reached: [^\n]*\n\z/,
        'says so');
}

finish;
