# Help: every verb has a summary and two examples that can be run, nothing is
# wider than a terminal, what is mistyped is guessed, and an incomplete command
# is an error of a script.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $st = Stok::Command->new(undef, '--redis', 'redis://127.0.0.1:1');
my $dir = "$st->{dir}";
my $binary = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');

# all of it

my ($code, $help, $err) = $st->run('--help');
is("$code $err", '0 ', '--help');
is(($st->run('help'))[1], $help, 'help');
is(($st->run('-h'))[1], $help, '-h');
is(($st->run('help', '--json'))[1], $help, 'with another option');
is(($st->run('--roles', '', 'help'))[0], 0, 'whatever else is wrong');

my ($all, $globals) = $help =~ /\n\n(\w.*?)^Options for every verb\n(.*?)\n\n/ms;
my %summary = $all =~ /^  (\w[a-z -]*?)  +(\S.*)$/mg;
my @verbs = sort keys %summary;
cmp_ok(@verbs, '>=', 37, 'verbs');
is(scalar(@{[$all =~ /^  /mg]}), scalar @verbs, 'a line for each');

wide($help, 'help');

# of a verb

my %needs;

for my $verb (@verbs) {
    my @words = split / /, $verb;
    my ($code, $out, $err) = $st->run('help', @words);

    is("$code $err", '0 ', "help $verb");
    is(($st->run(@words, '--help'))[1], $out, 'in any order');
    is(($st->run('-h', @words, 'x'))[1], $out, 'with arguments')
        if $verb ne 'help';
    like($out, qr/\A\Q$summary{$verb}\E\.\n\nusage: service-token \Q$verb\E\b/,
        'its summary and usage');
    wide($out, $verb);

    my ($options) = $out =~ /^Options\n(.*?)\n\n/ms;
    unlike($options // '', qr/^  \S+( [A-Z]\S*)?\n(?! )/m, 'a sentence for each');

    # which options take a value is the same in every verb

    my ($usage) = $out =~ /^(usage:.*?)\n\n/ms;
    $usage =~ s/\s+/ /g;

    while ($usage =~ /--([\w-]+)( [A-Z])?/g) {
        my $value = $2 ? 'a value' : 'no value';
        $needs{$1} //= $value;
        is($value, $needs{$1}, "--$1");
    }

    my ($examples) = $out =~ /^Examples\n(.*?)\n\n/ms;
    my @examples = ($examples // '') =~ /^  (service-token .*(?:\n      .*)*)/mg;
    cmp_ok(@examples, '>=', 2, 'two examples');

    for my $example (@examples) {
        my ($code, $said) = shell($example);
        ok($code =~ /^[0134]$/, $example =~ s/ \\\n +/ /gr)
            or diag("$code: $said");
    }
}

# of a group, and what comes first

for my $group ('approval', 'key', 'user', 'token', 'incident') {
    my ($code, $out, $err) = $st->run($group, '--help');
    is("$code $err", '0 ', "$group --help");
    is(($st->run('help', $group))[1], $out, 'help of it');
    is(join(' ', $out =~ /^  (\Q$group\E \S+)/mg),
        join(' ', $all =~ /^  (\Q$group\E \S+)/mg), 'its verbs');
    wide($out, $group);

    is("@{[$st->run($group)]}", "2  $out", 'half a verb is an error');
}

is("@{[$st->run]}", "2  $help", 'and so is none');
like(($st->run('help', 'audit'))[1], qr/help audit verify$/m, 'there is more');

# tables are those of the operations

my $redis = Stok::Redis->start(empty => 1);
my $real = Stok::Command->new($redis);
$real->run('init');

my ($uses) = ($st->run('help', 'user', 'create'))[1]
    =~ /^The role of each use case\n(.*?)\n\n/ms;
my %role = $uses =~ /^  (\S+) +(\S+)$/mg;

for my $use (sort keys %role) {
    my $user = $real->json('user', 'create', "for $use", '--purpose', 'p',
        '--owner', 'o', '--use-case', $use);
    is($user->{role}, $role{$use}, "$use: $role{$use}");
}

my ($envs) = ($st->run('help', 'token', 'create'))[1]
    =~ /^The lifetime in each environment\n(.*?)\n\n/ms;
my %days = $envs =~ /^  (\S+) +(\d+) days$/mg;

for my $env (sort keys %days) {
    my $token = $real->json('token', 'create', '--user', 'for_bi@service',
        '--name', $env, '--env', $env);
    is($token->{expires_at} - $token->{created_at}, 86400 * $days{$env},
        "$env: $days{$env} days");
}

is(join(' ', sort keys %role), 'bi catalog-sync cli pipeline platform '
    . 'read-only-api', 'all use cases');
is(join(' ', sort keys %days), 'development production staging testing',
    'all environments');

# did you mean

for my $case (
    ['tokne list', '"token list"'], ['token lst', '"token list"'],
    ['usr', '"user"'], ['toke', '"token"'], ['statsu', '"status"'],
    ['list tokens', '"token list"'], ['create user x', '"user create"'],
    ['tokens list', '"token list"'], ['token remove x', '"token delete"'],
    ['revoke tok_x', '"user revoke-all" or "token revoke"'],
    ['token incident x', '"incident token"'], ['log', '"audit"'],
    ['list', '"user list" or "token list"'], ['user add x', '"user create"'],
    ['help tokne list', '"token list"'], ['help usr', '"user"'],
    ['token create --usr x', '--user'], ['user list --jsn', '--json'],
    ['fsck --fx', '--fix'], ['--prefx x fsck', '--prefix'],
    ['token list --status actve', 'active'],
    ['review --fail-on unused,orphand', 'orphaned'],
    ['user set-role x@service maneger', 'manager'],
) {
    my ($args, $meant) = @$case;
    my ($code, $out, $err) = $st->run(split / /, $args);
    is("$code $out", '2 ', $args);
    like($err, qr/\Aservice-token: (?:unknown|bad) .*: did you mean \Q$meant\E\?\n\z/,
        'did you mean');
}

for my $args ('frobnicate', 'token frob', 'user rotate x', 'xx yy', '') {
    my ($code, $out, $err) = $st->run($args eq '' ? '' : split / /, $args);
    is("$code $out", '2 ', "$args: nothing is near");
    my $verb = $args =~ s/ x$//r;
    like($err, qr/\Aservice-token: unknown verb "\Q$verb\E": see service-token help( \w+)?\n\z/s,
        'see help');
}

# options: where they may stand, and how

my $list = $redis->key('');

for my $args (['--json', 'user', 'list'], ['user', '--json', 'list'],
    ['user', 'list', '--json'], ['user', 'list', "--prefix=$list", '--json'],
    ['user', 'list', '--json', '--'], ['--prefix', $list, 'user', '--', 'list',
        '--json'])
{
    my ($code, $out) = $real->run(@$args);
    my $want = $args->[-2] eq 'list' && $args->[-3] eq '--' ? 2 : 0;
    is($code, $want, "@$args");
}

for my $case (
    [qr/option --prefix needs a value/, 'user', 'list', '--prefix'],
    [qr/option --json takes no value/, 'user', 'list', '--json=1'],
    [qr/unknown option -z/, 'user', 'list', '-z'],
    [qr/option --follow is not for "user list"/, 'user', 'list', '-f'],
    [qr/"user list" does not take "x"/, 'user', 'list', 'x'],
    [qr/"user set-role" needs ROLE/, 'user', 'set-role', 'x@service'],
    [qr/"token create" needs --name and --env/, 'token', 'create', '--user', 'x'],
    [qr/too many options/, 'fsck', ('--json') x 100],
) {
    my ($why, @args) = @$case;
    my ($code, $out, $err) = $real->run(@args);
    is("$code $out", '2 ', substr "@args", 0, 60);
    like($err, qr/\Aservice-token: [^\n]*$why[^\n]*\n\z/, 'says why');
}

# the version is the library's

my ($version) = Stok::Command::slurp('lib/stok.h') =~ /STOK_VERSION +"(.*)"/;
is("@{[$st->run('--version')]}", "0 service-token $version\n ", '--version');

finish;


sub wide {
    my ($text, $name) = @_;
    is(join("\n", grep { length > 80 || / $/ } split /\n/, $text), '',
        "$name: nothing is too wide");
}

# what a shell makes of it, in a folder with all that examples name

sub shell {
    my $command = shift;

    my $at = "$dir/shell";
    system "rm -rf $at; mkdir -p $at/bin; ln -s $binary $at/bin/service-token";

    for (['keys', 'k1 ' . '01' x 32 . "\ndataset " . '0a' x 16],
        ['leaked.txt', 'stk_svc_Ky9Pf34qY6Nb3wWD25RQ4F5ZR3qa7yEe2WkhhL'],
        ['new.token', 'stk_svc_Ky9Pf34qY6Nb3wWD25RQ4F5ZR3qa7yEe2WkhhL'],
        ['build.log', 'no token'], ['old.key', 'x' x 40], ['tokens.csv', 'token,name'], ['noted', '7:' . '0a' x 32], ['backup.jsonl', '{}'])
    {
        open my $file, '>', "$at/$_->[0]" or die;
        print $file "$_->[1]\n";
        close $file;
        chmod 0600, "$at/$_->[0]";
    }

    my $text = qx{cd $at && PATH=$at/bin:\$PATH SERVICE_TOKEN_REDIS=redis://127.0.0.1:1 bash -c '$command' 2>&1 < /dev/null};
    return ($? >> 8, $text);
}
