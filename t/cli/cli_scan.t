# scan: finds tokens in files, prints nothing of their secret, and revokes.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;
use JSON::PP ();
use MIME::Base64 ();
use POSIX ();

my $redis = Stok::Redis->start;
my $st = Stok::Command->new(undef);
my $top = File::Temp->newdir('stok-scan-XXXXXX', TMPDIR => 1);
my $dir = "$top/tree";
mkdir $dir;

my ($svc, $pat, $scim) = map { fake("stk_$_") } qw(svc pat scim);
my $other = fake('acme2026_svc');

# one file: where in it, and what of the token

for my $case (
    ['alone', $svc, ['1: stk_svc_']],
    ['with a line', "$svc\n", ['1: stk_svc_']],
    ['in a later line', "a\nb\n\nTOKEN=$pat\n", ['4: stk_pat_']],
    ['two lines', "$svc\n$scim\n", ['1: stk_svc_', '2: stk_scim_']],
    ['twice in a line', "$svc $svc", ['1: stk_svc_', '1: stk_svc_']],
    ['with nothing between', "$svc$pat$other",
        ['1: stk_svc_', '1: stk_pat_', '1: acme2026_svc_']],
    ['in JSON', qq({"a":"x\\n$svc\\n"}), ['1: stk_svc_']],
    ['in a URL', "https://user:$svc\@host/", ['1: stk_svc_']],
    ['a word before', "my_$svc", ['1: stk_svc_']],
    ['in binary data', "\0\xff\n\x80$svc\0\0", ['2: stk_svc_']],
    ['with CR LF', "a\r\n$svc\r\n", ['2: stk_svc_']],
    ['a long line', 'x' x 1_000_000 . "\n-$svc", ['2: stk_svc_']],
    ['nothing', '', []],
    ['a wrong checksum', substr($svc, 0, -1) . '_', []],
    ['another digit', $svc =~ s/(.)(.)$/$2$1/r =~ s/$/x/r =~ s/^s/S/r, []],
    ['cut', substr($svc, 0, -1), []],
    ['another kind', fake('stk_foo'), []],
    ['a brand of one', fake('a_svc'), []],
) {
    my ($name, $content, $found) = @$case;
    my $file = file('one', $content);
    my ($code, $out, $err) = $st->run('scan', $file);

    is($out, join('', map { "$file:$_\x{e2}\x{80}\x{a6}\n" } @$found), $name);
    is("$code $err", @$found ? '1 ' : '0 ', "exit code, $name");
}

# in base64, as Secrets, HTTP Basic and the files of docker and npm have it

for my $case (
    ['a Secret', "data:\n  token: " . b64($svc) . "\n", ['2: stk_svc_']],
    ['HTTP Basic', 'Authorization: Basic ' . b64("etl\@service:$svc"), ['1: stk_svc_']],
    ['docker', '{"auths":{"r":{"auth":"' . b64("x:$pat") . '"}}}', ['1: stk_pat_']],
    ['npm', "x\n//r/:_auth=" . b64("me:$scim") . "\n", ['2: stk_scim_']],
    ['a Secret of docker', '.dockerconfigjson: ' . b64('{"auths":{"r":{"auth":"'
        . b64("x:$svc") . '"}}}'), ['1: stk_svc_']],
    ['lines', "a\n" . MIME::Base64::encode_base64('x' x 100 . $svc), ['3: stk_svc_']],
    ['for URLs', MIME::Base64::encode_base64url("\xff\xfe>?$other"), ['1: acme2026_svc_']],
    (map { ["behind $_ bytes", '"' . b64('-' x $_ . $svc) . '"', ['1: stk_svc_']] } 1 .. 5),
) {
    my ($name, $content, $found) = @$case;
    my $file = file('one', $content);
    my ($code, $out, $err) = $st->run('scan', $file);

    is($out, join('', map { "$file:$_\x{e2}\x{80}\x{a6} (base64)\n" } @$found),
        "base64: $name");
    is("$code $err", '1 ', "exit code, $name");
}

{
    my $file = file('one', "$svc\n" . b64($pat) . "\n$scim " . b64($svc) . "\n$svc");
    my ($code, $out) = $st->run('scan', $file, '--json');
    is(join(' ', map { "$_->{line}$_->{token}" . ($_->{encoding} // 'plain') }
        @{ JSON::PP->new->decode($out) }), '1stk_svc_plain 2stk_pat_base64 '
        . '3stk_scim_plain 3stk_svc_base64 4stk_svc_plain', 'in their order');
}

is(($st->input("x\n" . b64($svc), 'scan', '-', '--label', 'src/x.py'))[1],
    "src/x.py:2: stk_svc_\x{e2}\x{80}\x{a6} (base64)\n", 'standard input has a name');

# however it lies across the parts that are read

for my $at (map { 262_144 * $_->[0] + $_->[1] }
    map { my $n = $_; map { [$n, $_] } -60 .. 2 } 1, 2)
{
    my $file = file('one', "\n" x 7 . '.' x ($at - 7) . "$svc\n$pat");
    my ($code, $out) = $st->run('scan', $file);
    my $coded = file('two', "\n" x 7 . '.' x ($at - 7) . b64($svc) . ".\n$pat");
    $out .= ($st->run('scan', $coded))[1];
    my $right = $out eq "$file:8: stk_svc_\x{e2}\x{80}\x{a6}\n"
        . "$file:9: stk_pat_\x{e2}\x{80}\x{a6}\n"
        . "$coded:8: stk_svc_\x{e2}\x{80}\x{a6} (base64)\n"
        . "$coded:9: stk_pat_\x{e2}\x{80}\x{a6}\n";

    is($out, 'both', "at $at") if !$right;
    pass('at any place') if $at == 262_144 * 2 + 2;
}

unlink "$dir/one", "$dir/two";

# a folder: what is a file, wherever it is

file($_, $svc) for 'a', '.hidden', 'b/c/d', "odd\nname", 'outside/x';
rename "$dir/outside", "$top/outside" or die;
symlink "$top/outside", "$dir/link";
symlink "$top/outside/x", "$dir/b/link";
symlink '.', "$dir/b/loop";
POSIX::mkfifo("$dir/fifo", 0600) or die;

is(found($dir), '.hidden a b/c/d odd?name', 'a folder');
is(found("$dir/link"), 'x', 'a link that was asked for');
is(found($dir, "$dir/a", "$top/outside"), '.hidden a a b/c/d odd?name x',
    'several paths');

# unreadable files are named, and the others are read

my ($code, $out, $err) = $st->run('scan', "$dir/none", '/proc/self/mem', $dir);
is($code, 1, 'found something');
is($err, "service-token: $dir/none: No such file or directory\n"
    . "service-token: /proc/self/mem: Input/output error\n", 'a line each');
is(() = $out =~ /\n/g, 4, 'the others');
unlink glob("$dir/odd*"), "$dir/a", "$dir/.hidden", "$dir/b/c/d";
is(($st->run('scan', $dir))[0], 0, 'nothing is found');
is(($st->run('scan', $dir, '/proc/self/mem'))[0], 3, 'nor was all of it read');
is(($st->run('scan'))[0], 2, 'no path');
is(($st->run('scan', $dir, '--dry-run'))[0], 2, 'an option of another verb');

# a work tree of git: what git ignores is left out

git('init', '-q');
file('.gitignore', "*.log\n/build/\n");
file($_, $svc) for 'known', 'new', 'x.log', 'build/out', 'forced.log',
    'b/known', 'b/y.log', 'gone';
git('add', 'known', 'b/known', 'gone');
git('add', '-f', 'forced.log');
unlink "$dir/gone";

is(found($dir), 'b/known forced.log known new', 'not what is ignored');
is(found($dir, '--all'),
    'b/known b/y.log build/out forced.log known new x.log', '--all');
is(found("$dir/b"), 'known', 'a folder in it');
is(found("$dir/x.log"), 'x.log', 'an ignored file that was asked for');
is(found("$dir/build"), 'out', 'an ignored folder that was asked for');
is(found($top), 'outside/x tree/b/known tree/forced.log tree/known tree/new',
    'a work tree in a folder');

{
    # as in a hook of another repository
    local $ENV{GIT_DIR} = '/nonexistent';
    is(found($dir), 'b/known forced.log known new', 'GIT_DIR');
}

{
    local $ENV{PATH} = '/nonexistent';
    is(found($dir), 'b/known b/y.log build/out forced.log known new x.log',
        'without git: all');
}

# a folder that git knows became a link

rename "$dir/b", "$top/b";
symlink "$top/b", "$dir/b";
is(found($dir), 'forced.log known new', 'not through a link');
unlink "$dir/b";

# a repository's configuration runs nothing

git('config', 'core.fsmonitor', "touch $top/ran; false");
found($dir);
ok(!-e "$top/ran", 'no fsmonitor is run');

# the name of a file, standard input

system 'rm', '-rf', $dir;
file("backup-$svc.txt", '');
($code, $out) = $st->run('scan', $dir);
like($out, qr{/backup-stk_svc_\x{e2}\x{80}\x{a6}\.txt:0: stk_svc_}, 'a name');
is(index($out, substr $svc, 8, 8), -1, 'and nothing of the secret');
($code, $out) = $st->input("a\n$svc\n", 'scan', '-');
is($out, "(standard input):2: stk_svc_\x{e2}\x{80}\x{a6}\n", 'standard input');
unlink glob "$dir/*";

# --json

file('f', "\n$other");
my ($json) = map { JSON::PP->new->decode($_) }
    ($st->run('scan', '--json', $dir))[1];
is_deeply($json, [{ file => "$dir/f", line => 2, token => 'acme2026_svc_',
    commit => undef, encoding => undef, id => undef, user => undef, result => undef }],
    '--json');
is(($st->run('scan', '--json', '/dev/null'))[1], "[]\n", 'nothing');

# the hook: what is added, not what is taken out or lies about

{
    my $root = Cwd::getcwd();
    local $ENV{PATH} = "$root/build:$ENV{PATH}";
    git('init', '-q');
    git('config', $_->[0], $_->[1]) for ['user.name', 'x'], ['user.email', 'x@x'],
        ['core.hooksPath', '/nonexistent'];
    git('add', 'f');
    is(hook($root), 1, 'a token is not committed');
    git('commit', '-q', '-m', 'with it');
    file('f', "clean\n");
    file('lies', $svc);
    git('add', 'f');
    is(hook($root), 0, 'but may be taken out');

    # what did not look is not an alarm, and lets nothing pass

    mkdir "$dir/bin";
    open my $fh, '>', "$dir/bin/service-token" or die;
    print $fh "#!/bin/sh\nexit 3\n";
    close $fh;
    chmod 0755, "$dir/bin/service-token";
    $ENV{PATH} = "$dir/bin:$ENV{PATH}";
    is(hook($root), 2, 'a scan that failed');

    unlink "$dir/bin/service-token";
    symlink "/usr/bin/$_", "$dir/bin/$_" for qw(git xargs sh cut);
    $ENV{PATH} = "$dir/bin";
    is(hook($root), 2, 'no command to scan with');
    system '/bin/rm', '-rf', "$dir/bin";
    $ENV{PATH} = "$root/build:/usr/bin:/bin";
    system 'rm', '-rf', "$dir/.git", "$dir/lies";
}

# --history: what was ever committed, and in which commit it came

{
    my @who = ('-c', 'user.name=x', '-c', 'user.email=x@x');
    my $commit = sub { git('add', '-A'); git(@who, 'commit', '-qm', 'x'); rev('HEAD') };
    my $history = sub {
        my ($code, $out, $err) = $st->run('scan', '--history', @_, $dir);
        return "$code $err" . join '', sort $out =~ /^.*\n/mg;
    };
    my $line = sub { substr($_[0], 0, 12) . ":$_[1]:1: stk_svc_\x{e2}\x{80}\x{a6}\n" };
    my $is = sub { is($history->(), join('', $_[1], sort @_[2 .. $#_]), $_[0]) };
    my @found;

    system 'rm', '-rf', $dir;
    mkdir $dir;
    like($history->(), qr/^3 .*no work tree of git/, 'no repository');
    git('init', '-q', '--object-format=sha256');
    file('f', "nothing\n");
    $commit->();
    like($history->(), qr/^3 .*SHA-256/, 'a repository of SHA-256 is not read, and says so');
    system 'rm', '-rf', "$dir/.git";
    git('init', '-q', '-b', 'main');
    is($history->(), '0 ', 'a repository without a commit');
    file('f', "nothing\n");
    $commit->();
    $is->('a history without a token', '0 ');

    file("dir/a b", $svc);
    push @found, $line->(my $first = $commit->(), 'dir/a b');
    file("dir/a b", "clean\n");
    $commit->();
    is(($st->run('scan', $dir))[0], 0, 'it is not in the files');
    $is->('a file that was cleaned', '1 ', @found);

    git('checkout', '-qb', 'side');
    file('side', fake('stk_svc'));
    push @found, $line->($commit->(), 'side');
    git('checkout', '-q', 'main');
    file('main', '');
    $commit->();
    git(@who, 'merge', '-q', '--no-commit', 'side');
    file('f', fake('stk_svc'));
    push @found, $line->($commit->(), 'f');
    $is->('a branch, a merge with a change of its own', '1 ', @found);

    git('checkout', '-qb', 'gone');
    file('gone', fake('stk_svc'));
    push @found, $line->($commit->(), 'gone');
    git('checkout', '-q', 'main');
    git('branch', '-qD', 'gone');
    file('f', fake('stk_svc'));
    git(@who, 'stash', '-q');
    push @found, $line->(rev('stash'), 'f');
    git('pack-refs', '--all');
    git('gc', '-q');
    $is->('a reflog and a stash, in packs', '1 ', @found);

    my ($json) = map { JSON::PP->new->decode($_) }
        ($st->run('scan', '--history', '--json', $dir))[1];
    is(join(' ', grep { $_ eq $first } map { $_->{commit} } @$json), $first, '--json');

    file('big', "$svc " . 'x' x 3_000_000 . "\n" . fake('stk_svc'));
    my $big = $commit->();
    push @found, $line->($big, 'big'), $line->($big, 'big') =~ s/:1:/:2:/r;
    $is->('a file of some parts', '1 ', @found);

    git(@who, '-c', 'protocol.file.allow=always', 'clone', '-q', '--depth', '1',
        "file://$dir", "$top/shallow");
    like(($st->run('scan', '--history', "$top/shallow"))[2],
        qr/^note: a shallow clone: /, 'a shallow clone says so');
    file('lfs', "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
    $commit->();
    like($history->(), qr/^1 note: files in Git LFS were not searched$/m, 'LFS says so');
    git('update-index', '--add', '--cacheinfo', "160000,$first,sub");
    git(@who, 'commit', '-qm', 'x');
    like($history->(), qr/note: submodules were not searched/m, 'submodules say so');

    # a repository that would run something, hide something or fetch something

    open my $fh, '>', "$top/trap" or die;
    print $fh "#!/bin/sh\ntouch '$top/trapped'\nexit 1\n";
    close $fh;
    chmod 0755, "$top/trap";
    file('.gitattributes', "* filter=x diff=x\n");
    git('config', @$_) for map { [$_, "$top/trap"] } qw(core.fsmonitor core.pager
        diff.external diff.x.textconv diff.x.command filter.x.smudge filter.x.process
        core.sshCommand gpg.program core.alternateRefsCommand log.mailmap);
    git('config', 'alias.log', "!$top/trap");
    git('config', 'log.showSignature', 'true');
    git('config', 'core.repositoryFormatVersion', 1);
    git('config', 'extensions.partialClone', 'origin');
    git('config', 'remote.origin.promisor', 'true');
    git('config', 'remote.origin.url', "ext::$top/trap");
    git('config', 'protocol.ext.allow', 'always');
    git('replace', $first, "$first^");
    my $blob = rev("$big:big");
    file('.git/objects/info/alternates', '/nonexistent');
    like($history->(), qr/^\Q$found[0]\E/m, 'a replaced commit is found');
    ok(!-e "$top/trapped", 'nothing is run');

    unlink "$dir/.git/objects/" . ($blob =~ s{^(..)}{$1/}r);
    like($history->(), qr/^warning: 1 file.* of the history /m, 'a missing file is named');
    ok(!-e "$top/trapped", 'and not fetched');

    system 'rm', '-rf', "$dir/.git/objects/pack";
    like($history->(), qr/^[13] .*git ended before the whole history was read/s,
        'a broken repository is not a clean one');
    system 'rm', '-rf', "$top/shallow", "$dir/.git", glob("$dir/*"), "$dir/.gitattributes";
}

# --revoke: known tokens, by whatever key their digest was made

my %key = map { $_ => { name => $_, secret => $_ x 16 } } 'k1', 'k2';
$st = Stok::Command->new($redis);
my $keys = file('../keys', Stok::Redis::key_file(@key{'k2', 'k1'}));
chmod 0600, $keys;

$redis->{key} = $key{k1};
$redis->user('user@service');

my %token;
for my $case (['old', 'k1'], ['new', 'k2'], ['before', 'k2', 'revoked'],
    ['forged', 'k2'], ['moved', 'k1'])
{
    my ($name, $key, $status) = @$case;
    $redis->{key} = $key{$key};
    $token{$name} = $redis->token(id => "tok_$name",
        status => $status // 'active', $name eq 'forged' ? (seal => 'k1:0') : ());
}

file('f', join "\n", @token{qw(old new before)}, $svc, $token{old});
($code, $out, $err) = $st->run('--key-file', $keys, 'scan', '--revoke', $dir);
is("$code $err", join("\n", 1 . ' ' . "revoked tok_old (a token) of user\@service",
    "revoked tok_new (a token) of user\@service") . "\n", '--revoke');
is($out =~ s/^.*?: //mgr, join("\n", map { "stk_svc_\x{e2}\x{80}\x{a6} $_" }
    'tok_old revoked', 'tok_new revoked', 'tok_before revoked already',
    'unknown', 'tok_old revoked') . "\n", 'what was done');

for my $name (qw(old new)) {
    is($redis->cli('HGET', record($name), 'status'), 'revoked', $name);
    like(($st->input($token{$name}, '--key-file', $keys, 'check'))[1],
        qr/^REVOKED tok_$name /, 'as check sees it');
    like(audit(), qr/action token\.revoke token tok_$name user user\@service before active after revoked/,
        'in the audit');
}

my $entries = audit();
($code, $out) = $st->run('--key-file', $keys, 'scan', '--revoke', $dir);
is(() = $out =~ /revoked already$/mg, 4, 'again: nothing to do');
is(audit(), $entries, 'and no entry');

# tokens that cannot be revoked are named; an index that leads elsewhere is
# ignored

$redis->cli('SET', $redis->key('id:tok_moved'),
    $redis->cli('GET', $redis->key('id:tok_old')));
file('f', join "\n", @token{qw(forged moved)});
($code, $out, $err) = $st->run('--key-file', $keys, 'scan', '--revoke', $dir);
is($code, 3, 'not revoked');
like($err, qr/token "tok_forged" has no valid seal/, 'a forged record');
is(() = $out =~ /not revoked$/mg, 1, 'said so');
like($out, qr/tok_moved revoked$/m, 'index of another token: by its record');
like(($st->input($token{moved}, '--key-file', $keys, 'check'))[1],
    qr{^REVOKED tok_moved }, 'that one');

$redis->cli('DEL', $redis->key('meta'));
is(($st->run('scan', '--revoke', $dir))[0], 3, 'no dataset');
$redis->down;
is(($st->run('scan', '--revoke', $dir))[0], 4, 'no Redis');
is(($st->run('scan', $dir))[0], 1, 'which is not asked without --revoke');

finish;


# a token of that beginning that nobody has made

sub fake {
    my $body = "$_[0]_" . Stok::Redis::random(32);
    return $body . Stok::Redis::checksum($body);
}

sub file {
    my ($name, $content) = @_;
    system 'mkdir', '-p', "$dir/$name" =~ s{/[^/]*$}{}r;
    open my $fh, '>:raw', "$dir/$name" or die "$name: $!";
    print $fh $content;
    close $fh;
    return "$dir/$name";
}

# the files in which something was found, below the last path

sub found {
    my @args = @_;
    my (undef, $out, $err) = $st->run('scan', @args);
    is($err, '', 'no error');
    return join ' ', sort map { s/:1: .*//r =~ s{^\Q$args[0]\E/*}{}r
        =~ s{^\Q$top\E/(tree|outside)/}{}r =~ s{^$}{($args[0] =~ m{([^/]+)$})[0]}er }
        split /\n/, $out;
}

sub b64 { MIME::Base64::encode_base64(shift, '') }

sub git { system('git', '-C', $dir, @_) == 0 or die "git @_" }

sub rev { my $id = `git -C '$dir' rev-parse '$_[0]'`; chomp $id; return $id }

sub hook { system("cd '$dir' && '$_[0]/conf/pre-commit' > /dev/null 2>&1") >> 8 }

sub record { $redis->token_key($token{$_[0]}) =~ s/[0-9a-f]{64}$/
    $redis->cli('GET', $redis->key("id:tok_$_[0]"))/er }

sub audit {
    return join "\n", map { join ' ', @{ $_->[1] } }
        @{ $redis->cli('XRANGE', $redis->key('audit'), '-', '+') };
}
