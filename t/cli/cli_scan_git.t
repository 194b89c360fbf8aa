# scan: a repository that is scanned runs nothing, whatever it names: git never
# reads its configuration.  Where plain git would run the program for the same
# list of files, that is shown first, so that the trap is known to work.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;
use Cwd ();

my $st = Stok::Command->new(undef);
my $top = File::Temp->newdir('stok-scan-XXXXXX', TMPDIR => 1);
my ($dir, $ran) = ("$top/tree", "$top/ran");
my $token = fake();

# git of the tests themselves hears of nothing but what a test says
$ENV{$_} = '/dev/null' for 'GIT_CONFIG_GLOBAL', 'GIT_CONFIG_SYSTEM';

open my $fh, '>', "$top/trap" or die;
print $fh "#!/bin/sh\ntouch '$ran'\nexit 1\n";
close $fh;
chmod 0755, "$top/trap";
my $trap = "$top/trap";

# the configuration of the repository

for my $case (
    ['core.fsmonitor', 'plain', ['core.fsmonitor', $trap]],
    ['core.fsmonitor, version 2', 'plain', ['core.fsmonitor', $trap],
        ['core.fsmonitorHookVersion', 2]],
    ['an include', 'plain', ['include.path', "$top/included"]],
    ['a conditional include', 'plain',
        ["includeIf.gitdir:$dir/.path", "$top/included"]],
    ['configuration of a work tree', 'plain', sub {
        git('config', 'extensions.worktreeConfig', 'true');
        git('config', '--worktree', 'core.fsmonitor', $trap);
    }],
    ['a fetch by ext::', 'plain', partial("ext::$trap"),
        ['protocol.ext.allow', 'always']],
    ['remote.*.uploadpack', 'plain', partial("file://$top/other"),
        ['remote.origin.uploadpack', $trap]],
    ['core.sshCommand', 'plain', partial('ssh://127.0.0.1:1/x'),
        ['core.sshCommand', $trap]],
    ['ssh.variant and a path', 'plain', partial('x@127.0.0.1:x'),
        ['core.sshCommand', $trap], ['ssh.variant', 'simple']],
    ['core.gitProxy', 'plain', partial('git://127.0.0.1:1/x'),
        ['core.gitProxy', $trap]],
    ['url.*.insteadOf', 'plain', partial('harmless:x'),
        ["url.ext::$trap .insteadOf", 'harmless:'],
        ['protocol.ext.allow', 'always']],
    ['a remote helper', 'plain', sub {
        partial('trap::x')->();
        symlink $trap, "$top/bin/git-remote-trap";
    }],
    ['a credential helper', '', partial('https://127.0.0.1:1/x'),
        ['credential.helper', "!$trap"], ['core.askPass', $trap]],
    ['core.alternateRefsCommand', '', alternates(),
        ['core.alternateRefsCommand', $trap]],
    ['hooks', '', sub { hooks("$dir/.git/hooks") }],
    ['core.hooksPath', '', sub { hooks("$top/hooks") },
        ['core.hooksPath', "$top/hooks"]],
    ['a filter', '', attributes('filter=trap'),
        map { ["filter.trap.$_", $trap] } qw(clean smudge process)],
    ['textconv and diff', '', attributes('diff=trap'),
        ['diff.trap.textconv', $trap], ['diff.trap.command', $trap],
        ['diff.external', $trap]],
    ['a merge driver', '', attributes('merge=trap'),
        ['merge.trap.driver', $trap]],
    ['a pager and an editor', '', ['core.pager', $trap],
        ['pager.ls-files', $trap], ['core.editor', $trap]],
    ['an alias', '', ['alias.ls-files', "!$trap"]],
    ['gpg', '', ['gpg.program', $trap], ['commit.gpgSign', 'true'],
        ['gpg.ssh.program', $trap]],
    ['safe.directory', '', ['safe.directory', '*'],
        ['core.fsmonitor', $trap]],
    ['core.worktree', '', ['core.worktree', "$top/other"],
        ['core.fsmonitor', $trap]],
    ['everything else that takes a command', '',
        map { [$_, $trap] } qw(sequence.editor trailer.x.command
            uploadpack.packObjectsHook credential.helper core.askPass
            sendemail.sendmailCmd web.browser browser.x.cmd
            interactive.diffFilter remote.origin.receivepack remote.origin.vcs
            submodule.x.update gc.recentObjectsHook)],
) {
    my ($name, $plain, @config) = @$case;

    repository();
    ref $_ eq 'CODE' ? $_->() : git('config', @$_) for @config;

    if ($plain) {
        plain();
        ok(-e $ran, "$name: plain git runs it");
        unlink $ran;
    }

    my ($files, $code) = scan();
    ok(!-e $ran, "$name: scan does not");
    is($files, 'known new', "$name: what git ignores is left out");
}

# a repository elsewhere: a file .git, of a submodule or a linked work tree

repository();
rename "$dir/.git", "$top/gitdir";
file('.git', "gitdir: ../gitdir\n");
git('config', 'core.fsmonitor', $trap);
plain();
ok(-e $ran, 'a file .git: plain git runs it');
unlink $ran;
is((scan())[0], 'known new', 'a file .git: what git ignores is left out');
ok(!-e $ran, 'a file .git: scan does not');

repository();
git('-c', 'user.name=x', '-c', 'user.email=x', 'commit', '-qm', 'x');
git('worktree', 'add', '-q', "$dir/linked");
file('linked/x.log', $token);
file('linked/local', $token);
file('.git/info/exclude', "local\n");
git('config', 'core.fsmonitor', $trap);
is((scan("$dir/linked"))[0], 'known', 'a linked work tree, and its exclude');
is((scan())[0], 'known linked/known new', 'in the other');
ok(!-e $ran, 'a linked work tree: scan does not');

repository();
git('init', '-q', "$top/other");
git('-C', "$top/other", '-c', 'user.name=x', '-c', 'user.email=x', 'commit',
    '-qm', 'x', '--allow-empty');
git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', "$top/other", 'sub');
git('-C', "$dir/sub", 'config', 'core.fsmonitor', $trap);
git('config', 'submodule.sub.update', "!$trap");
git('config', 'submodule.recurse', 'true');
file('sub/known', $token);
is((scan())[0], 'known new sub/known', 'a submodule');
ok(!-e $ran, 'a submodule: scan does not');

# the environment of who scans, as in a hook or a CI job

for my $case (
    ['GIT_CONFIG_COUNT', 'plain', GIT_CONFIG_COUNT => 1,
        GIT_CONFIG_KEY_0 => 'core.fsmonitor', GIT_CONFIG_VALUE_0 => $trap],
    ['GIT_CONFIG_PARAMETERS', 'plain',
        GIT_CONFIG_PARAMETERS => "'core.fsmonitor'='$trap'"],
    ['GIT_CONFIG_GLOBAL', 'plain', GIT_CONFIG_GLOBAL => "$top/included"],
    ['GIT_CONFIG_SYSTEM', 'plain', GIT_CONFIG_SYSTEM => "$top/included"],
    ['GIT_DIR', '', GIT_DIR => "$top/other/.git"],
    ['GIT_COMMON_DIR', '', GIT_COMMON_DIR => "$top/other/.git"],
    ['GIT_TRACE', 'plain', GIT_TRACE => $ran],
    ['programs', '', map { ($_ => $trap) } qw(GIT_EXTERNAL_DIFF GIT_PAGER
        GIT_SSH GIT_SSH_COMMAND GIT_ASKPASS SSH_ASKPASS GIT_PROXY_COMMAND
        GIT_EDITOR PAGER EDITOR)],
) {
    my ($name, $plain, %env) = @$case;

    repository();
    git('-C', $top, 'init', '-q', 'other');
    git('-C', "$top/other", 'config', 'core.fsmonitor', $trap);
    local @ENV{keys %env} = values %env;

    if ($plain) {
        plain();
        ok(-e $ran, "$name: plain git heeds it");
        unlink $ran;
    }

    is((scan())[0], 'known new', "$name: what git ignores is left out");
    ok(!-e $ran, "$name: scan does not heed it");
}

# PATH: a program of the folder is not taken for git

for my $path ('.', '', ".:$ENV{PATH}", ":$ENV{PATH}") {
    repository();
    symlink $trap, "$dir/git";
    local $ENV{PATH} = $path;
    my $root = Cwd::getcwd();
    local $ENV{SERVICE_TOKEN} = Cwd::abs_path('build/service-token');
    chdir $dir;
    my ($files) = scan('.');
    chdir $root;
    ok(!-e $ran, qq(PATH="$path"));
}

# a repository of somebody else is not believed, as by git

SKIP: {
    skip 'only root gives files away', 2 if $>;
    repository();
    chown 65534, 65534, "$dir/.git";
    is((scan())[0], 'known new x.log', "somebody else's repository: all");
    chown 0, 0, "$dir/.git";
    chown 65534, 65534, $dir;
    is((scan())[0], 'known new x.log', "somebody else's folder: all");
}

# a forged index leads nowhere else

mkdir "$top/out";
for my $name ('../out/x', "$top/out/x", './/out/x', 'a/../../out/x',
    '.git/x', 'a//x')
{
    repository();
    file('../out/x', $token);
    file('.git/x', $token);
    my $stands_for = 'z' x length $name;
    git('update-index', '--add', '--cacheinfo', '100644,'
        . '0123456789012345678901234567890123456789,' . $stands_for);
    rewrite("$dir/.git/index", $stands_for, $name);
    is((scan())[0], ".git/x known new x.log", "$name in the index");
}

# what git cannot read without the repository: all is read, and it ends

for my $case (
    ['a broken index', sub { file('.git/index', 'DIRC') }],
    ['a pipe for an index', sub {
        unlink "$dir/.git/index"; system 'mkfifo', "$dir/.git/index" }],
    ['an index of SHA-256', sub {
        system 'rm', '-rf', "$dir/.git";
        git('init', '-q', '--object-format=sha256');
        git('add', 'known', '.gitignore') }],
    ['a file .git of nonsense', sub {
        system 'rm', '-rf', "$dir/.git"; file('.git', "../x\n") }],
    ['a bare repository in the way', sub {
        unlink "$dir/.git/HEAD" }],
) {
    my ($name, $make) = @$case;
    repository();
    $make->();
    is((scan())[0], 'known new x.log', "$name: all");
}

repository();
git('update-index', '--split-index');
like((scan())[0], qr/^known new( x\.log)?$/, 'a split index: no less');

repository();
is((scan("$dir/.git/info"))[0], '', 'in the repository itself');

# nothing is left over

{
    mkdir "$top/tmp";
    local $ENV{TMPDIR} = "$top/tmp";
    repository();
    is((scan())[0], 'known new', 'a TMPDIR');
    is_deeply([glob "$top/tmp/*"], [], 'nothing is left there');
    local $ENV{TMPDIR} = '/nonexistent';
    is((scan())[0], 'known new x.log', 'no TMPDIR: all');
}

finish;


sub fake {
    my $body = 'stk_svc_' . Stok::Redis::random(32);
    return $body . Stok::Redis::checksum($body);
}

sub file {
    my ($name, $content) = @_;
    system 'mkdir', '-p', "$dir/$name" =~ s{/[^/]*$}{}r;
    open my $fh, '>', "$dir/$name" or die "$name: $!";
    print $fh $content;
    close $fh;
}

sub git {
    system('git', '-C', -d $dir ? $dir : $top, @_) == 0 or die "git @_";
}

sub rewrite {
    my ($file, $from, $to) = @_;
    local $/;
    open my $in, '<:raw', $file or die;
    my $content = <$in>;
    $content =~ s/\Q$from\E/$to/ or die "no $from in $file";
    open my $out, '>:raw', $file or die;
    print $out $content;
}

# a work tree with a file that git knows, a new one and one that it ignores

sub repository {
    system 'rm', '-rf', $dir, $ran, "$top/gitdir", "$top/other", "$top/bin";
    mkdir $_ for $dir, "$top/bin";
    git('init', '-q');
    file('.gitignore', "*.log\n");
    file($_, $token) for 'known', 'new', 'x.log';
    git('add', 'known', '.gitignore');

    open my $fh, '>', "$top/included" or die;
    print $fh "[core]\n\tfsmonitor = $trap\n";
}

# the list that scan asks for, from git as it comes

sub plain {
    local $ENV{PATH} = "$top/bin:$ENV{PATH}";
    system "git -C '$dir' ls-files -co --exclude-standard"
        . ' > /dev/null 2>&1 < /dev/null';
}

sub scan {
    my ($path) = @_;
    $path //= $dir;
    local $ENV{PATH} = "$top/bin:$ENV{PATH}" if $ENV{PATH} =~ m{^/};
    my ($code, $out, $err) = $st->run('scan', $path);
    is($err, '', 'no error');
    return join(' ', sort map { s/:1: .*//r =~ s{^\Q$path\E/*}{}r }
        split /\n/, $out), $code;
}

# of a sparse partial clone: git needs an ignore file that is nowhere

sub partial {
    my ($url) = @_;

    return sub {
        git('config', 'core.repositoryFormatVersion', 1);
        git('config', 'extensions.partialClone', 'origin');
        git('config', 'remote.origin.url', $url);
        git('config', 'remote.origin.promisor', 'true');
        git('update-index', '--add', '--cacheinfo',
            '100644,0123456789012345678901234567890123456789,sub/.gitignore');
        git('update-index', '--skip-worktree', 'sub/.gitignore');
        file("sub/other", "");
    };
}

sub alternates {
    return sub {
        git('init', '-q', "$top/other");
        file('.git/objects/info/alternates', "$top/other/.git/objects\n");
    };
}

sub hooks {
    my ($to) = @_;
    mkdir $to;
    symlink $trap, "$to/$_" for qw(post-index-change pre-commit post-checkout
        fsmonitor-watchman query-watchman reference-transaction);
}

sub attributes {
    my ($what) = @_;
    return sub { file('.gitattributes', "* $what\n") };
}
