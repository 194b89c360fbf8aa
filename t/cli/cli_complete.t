# Completion in real shells: verbs, options, values, files, and ids from Redis.

use strict;
use warnings;
use lib 't/lib';
use IO::Socket::UNIX;
use IPC::Open2;
use Time::HiRes;
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $dir = "$st->{dir}";
my $root = Cwd::getcwd;
my $binary = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');
my $user = 'nightly_load@service';
my @who = ('--purpose', 'p', '--owner', 'o');

$st->run('init');
$st->run('user', 'create', 'Nightly load', @who);
my $token = $st->json('token', 'create', '--user', $user, '--name', 'etl 2026',
    '--env', 'testing')->{id};

# what the shells call; a new account has no folder for its cache

mkdir "$dir/bin";
symlink $binary, "$dir/bin/service-token";
$ENV{XDG_CACHE_HOME} = "$dir/cache";

my ($code, $help) = $st->run('help');
my ($all) = $help =~ /\n\n(\w.*?)^Options for every verb\n/ms;
my @verbs = sort $all =~ /^  (\w[a-z -]*?)  +\S/mg;
my ($globals) = $help =~ /^Options for every verb\n(.*?)\n\n/ms;
my @globals = $globals =~ /^  (?:-\w, )?(--[\w-]+)/mg;

for my $verb (@verbs) {
    my @words = split / /, $verb;
    my $last = pop @words;

    is((grep { $_ eq $last } offered(@words, substr $last, 0, 2)), 1, $verb);

    my ($usage) = ($st->run('help', split / /, $verb))[1] =~ /^(usage:.*?)\n\n/ms;
    is(join(' ', sort(offered(split(/ /, $verb), '--'))),
        join(' ', sort($usage =~ /(--[\w-]+)/g, @globals)), 'and its options');
}

for my $case (
    ['', join ' ', uniq(map { /^(\S+)/ } $all =~ /^  (\w.*)/mg)],
    ['token sho', 'show'], ['help user cr', 'create'], ['nothing ', ''],
    ['token create --env s', 'staging'], ['token create --env=s', '--env=staging'],
    ['token create --env = s', 'staging'], ['token create --env ', 'production '
        . 'staging development testing'],
    ['--prefix user token sh', 'show'], ['--json fs', 'fsck'],
    ['--roles=low\ high user set-role x h', 'high'],
    ['review --fail-on unused,or', 'unused,orphaned'],
    ['approval set --trust os,re', 'os,redis'],
    ['token list -o js', 'json jsonl'], ['token list -ojson --st', '--state --status'], ['approval set ', 'required none'],
    ['token rotation x --wait-until ', 'safe'], ['status --format ', 'prometheus'],
    ['import ', ':file'], ['token create --out ', ':file'], ['scan x ', ':file'],
    ['--js', '--json'], ['user list --json --js', ''],
    ['user show ', $user], ['user show nightly_load@', $user],
    ['user set-role n', $user], ['audit --user=n', "--user=$user"],
    ['token show ', $token], ['token rotate etl', $token],
    ['user set-role x ', 'member manager admin'], ['fsck ', ''],
    ['user show x ', ''], ['--roles \  user show n', ''],
) {
    my ($line, $want) = @$case;
    my @words = map { s/\\//gr } split /(?<!\\) /, $line, -1;
    @words = ('') if !@words;
    is(join(' ', offered(@words)), $want, "\"$line\"");
}

# Redis is asked once in some seconds; the file is for its owner only, and
# without Redis there is an answer in time and no message

my @files = glob "$dir/cache/service-token/*";
cmp_ok(@files, '>=', 2, 'ids are kept');
is(join(' ', map { sprintf '%04o', (stat)[2] & 07777 } @files, "$dir/cache/service-token"),
    join(' ', ('0600') x @files, '0700'), 'for their owner');
unlike(join('', map { Stok::Command::slurp($_) } @files), qr/[0-9a-f]{32}|stk_/,
    'no digest, no token');

$st->run('user', 'create', 'New one', @who);
is(join(' ', offered('user', 'show', '')), $user, 'what is new comes later');
utime 1, 1, @files;
is(join(' ', sort(offered('user', 'show', ''))), "new_one\@service $user", 'then');

my ($gone_code, $out, $err) = $st->run('--redis', 'redis://127.0.0.1:1',
    'complete', '--', '--redis', 'redis://127.0.0.1:1', 'user', 'show', '');
is("$gone_code $out$err", '0 ', 'Redis is away: nothing to offer');

my $silent = IO::Socket::UNIX->new(Local => "$dir/silent", Listen => 1) or die;
my $asked = Time::HiRes::time;
offered('--redis', "unix://$dir/silent", 'user', 'show', '');
cmp_ok(Time::HiRes::time - $asked, '<', 4, 'Redis is silent: sooner than its time-out');

# many ids: some of them, soon

$redis->cli('ZADD', $redis->key('users'), 1, "u$_\@service"),
    $redis->cli('HSET', $redis->key("user:u$_\@service"), 'kind', 'service',
        'name', "u$_", 'role', 'member', 'status', 'active') for 1 .. 2100;
utime 1, 1, @files;
my @many = offered('user', 'show', '');
ok(@many > 1000 && @many <= 2000, 'not more than 2000') or diag(scalar @many);
$redis->cli('DEL', map { $redis->key("user:u$_\@service") } 1 .. 2100);
$redis->cli('ZREMRANGEBYSCORE', $redis->key('users'), 1, 1);
utime 1, 1, @files;

# the shells themselves, at a terminal: a word's beginning, and the tabulator

my %shell = (
    bash => ['bash --norc --noprofile -i', 'source %s/completion/service-token.bash'],
    zsh => ['zsh -f -i', 'autoload -U compinit; compinit -u -D; '
        . 'source %s/completion/service-token.zsh'],
    fish => ['fish --no-config -i', 'source %s/completion/service-token.fish'],
);

for my $shell ('bash', 'zsh', 'fish') {
    my $tty = terminal($shell, $shell{$shell}[0]);

    typed($tty, sprintf("$shell{$shell}[1]; echo rea''dy\n", $root), qr/ready\r/);

    for my $case (['service-token stat', 'us'], ['service-token token cre', 'ate'],
        ['service-token token create --exp', 'ires-in'],
        ['service-token token create --env prod', 'uction'],
        ['service-token user show new_', 'one@service'],
        ['service-token user show nightly_load@', 'service'],
        ['service-token token show ' . substr($token, 0, 9), substr $token, 9],
        ["service-token import $root/quicks", 'tart'])
    {
        my ($typed, $rest) = @$case;

        ok(typed($tty, "$typed\t", qr/\Q$rest\E/), "$shell: $typed"
            =~ s/\Q$root\E|tok_\w+//gr) or diag($tty->{said});
        typed($tty, "\x15", undef);
    }

    kill 'KILL', $tty->{pid};
    waitpid $tty->{pid}, 0;
}

# what is installed, by its name in each shell's folder

my $to = File::Temp->newdir;
system "make -s install DESTDIR=$to > /dev/null";
ok(-s "$to/usr/share/$_", $_) for 'bash-completion/completions/service-token',
    'zsh/vendor-completions/_service-token',
    'fish/vendor_completions.d/service-token.fish';

finish;


# what the command offers for the last of these words

sub offered {
    my ($code, $out, $err) = $st->run('complete', '--', @_);
    is("$code $err", '0 ', "complete @_") if $code || $err ne '';
    return map { s/\t.*//r } split /\n/, $out;
}

sub uniq { my %seen; grep { !$seen{$_}++ } @_ }

# a shell with a terminal of its own

sub terminal {
    my ($name, $command) = @_;
    my $tty = { said => '', name => $name };

    local %ENV = (PATH => "$dir/bin:$ENV{PATH}", HOME => $dir, TERM => 'dumb',
        XDG_CACHE_HOME => "$dir/cache", PS1 => '$ ', LC_ALL => 'C.UTF-8',
        SERVICE_TOKEN_REDIS => 'unix://' . $redis->socket);

    $tty->{pid} = open2($tty->{out}, $tty->{in}, 'script', '-q', '-f', '-c',
        "stty cols 200; exec $command", '/dev/null');
    $tty->{out}->blocking(0);

    return $tty;
}

# writes it, and waits until the terminal shows something

sub typed {
    my ($tty, $text, $until) = @_;

    $tty->{said} = '';
    syswrite $tty->{in}, $text;

    return 1 if !$until;

    return eval {
        wait_for("$tty->{name} shows it", sub {
            sysread $tty->{out}, $tty->{said}, 65536, length $tty->{said};
            ($tty->{said} =~ s/\x1b\[[\d;?]*[a-zA-Z]//gr) =~ $until;
        });
        1;
    };
}
