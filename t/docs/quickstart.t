use strict;
use warnings;

# ./quickstart in a state folder of its own, with the build that is there.

use Cwd ();
use File::Temp ();
use lib 't/lib';
use Stok::Test;

my $dir = File::Temp->newdir('stok-quickstart-XXXXXX', TMPDIR => 1);
my $state = "$dir/state";
my $port = Stok::Process::free_port();

# the demonstration answers, and its second run too

my ($first, $code) = quickstart('--port', $port);

is($code, 0, 'first run') or diag($first);

my %before = started();
my $token = token($first);
my $calls = $first =~ s/^Go on by hand.*//msr;

like($calls, qr/HTTP\/1.1 401 .*\n  WWW-Auth\S+ Bearer realm="quickstart"\n/,
    'no token');
like($calls, qr/HTTP\/1.1 200 .*\n  Hello pipeline_automation\@service, manag/,
    'a token, and the application hears who it is');
like($calls, qr/HTTP\/1.1 403 .*\n.*insufficient_scope", scope="admin"/,
    'a role that is too low');
like(get('/', $token), qr/^HTTP\S+ 200 /, 'the token goes on working');
is_deeply([sort keys %before], ['nginx', 'redis'], 'both run');

my ($second) = quickstart();
my %after = started();

like($second, qr/ 401 .* 200 .* 403 /s, 'second run');
isnt(token($second), $token, 'another token');
like(get('/', $token), qr/^HTTP\S+ 200 /, 'same port, and the data stays');
isnt($after{$_}, $before{$_}, "$_ is another process") for sort keys %after;
ok(!alive($before{$_}), "the first $_ is gone") for sort keys %before;

# a port that is taken

my $other = "$dir/other";
my ($refused, $failed) = run('--state', $other, '--port', $port);

is($refused, "quickstart: port $port is in use\n", 'port in use: one line');
isnt($failed, 0, 'and it fails');
ok(!-e "$other/nginx.pid" && !-e "$other/redis.pid", 'nothing was started');

# no package database, no root

{
    my ($missing, $rc) = unprivileged();
    like($missing, qr/^quickstart: not root, and packages are missing: .*\n\z/,
        'no root, packages missing: one line');
    isnt($rc, 0, 'and it fails');
}

like((run('--port', '0'))[0], qr/^quickstart: "0" is not a port\n\z/, 'bad port');
like((run('--what'))[0], qr/^quickstart: "--what" .*\n\z/, 'bad option');

# stop ends these two, and nothing else

my ($stopped, $rc) = quickstart('stop');

is($rc, 0, 'stop');
like($stopped, qr/^Stopped nginx \(process $after{nginx}\)$/m, 'names nginx');
like($stopped, qr/^Stopped redis \(process $after{redis}\)$/m, 'names Redis');
ok(!alive($after{$_}), "$_ is stopped") for sort keys %after;

my $pid = fork // die "fork: $!";
if ($pid == 0) { exec 'sleep', 300 or POSIX::_exit(127) }

spew("$state/$_.pid", "$pid\n") for sort keys %after;
is_deeply([quickstart('stop')], ['', 0], 'nothing to stop');
is(waitpid($pid, POSIX::WNOHANG()), 0, 'a foreign process is spared');
kill 'KILL', $pid;
waitpid $pid, 0;

unlike(slurp("$state/error.log"), qr/\[(?:alert|emerg)\]/, 'no alert');
unlike(join('', map { slurp($_) } glob "$state/*.log"), qr/\Q$token\E/,
    'no plaintext token in a log');

finish();


sub run {
    my $command = join ' ', './quickstart',
        map { "'$_'" } '--build', build(), @_;
    my $output = `timeout 300 $command 2>&1 < /dev/null`;
    return ($output, $? >> 8);
}

sub quickstart { run('--state', $state, @_) }

sub build {
    my $command = $ENV{SERVICE_TOKEN} // 'build/service-token';
    return Cwd::abs_path($command =~ s{/?[^/]+$}{}r || '.');
}

# a dpkg-query that knows no package, and a user without rights

sub unprivileged {
    my $bin = "$dir/bin";

    mkdir $bin;
    spew("$bin/dpkg-query", "#!/bin/sh\nexit 1\n");
    chmod 0755, "$bin/dpkg-query", $dir;
    mkdir "$dir/nobody";
    chmod 0777, "$dir/nobody";

    # the tree may lie where only root may go

    my $script = "$dir/tree";
    mkdir $script;
    system('cp', '-r', 'quickstart', 'util', $script);

    my $as = $> == 0
        ? 'setpriv --reuid=65534 --regid=65534 --clear-groups' : '';
    my $output = `PATH=$bin:\$PATH $as $script/quickstart --state $dir/nobody 2>&1`;

    return ($output, $? >> 8);
}

sub token { $_[0] =~ /^  export TOKEN=(\S+)$/m ? $1 : 'none' }

# the processes that the state folder names

sub started {
    return map { $_ => slurp("$state/$_.pid") =~ s/\s//gr }
        grep { -e "$state/$_.pid" } 'nginx', 'redis';
}

sub alive { readlink "/proc/$_[0]/exe" }

sub get {
    my ($path, $bearer) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Timeout => 10) or return "no connection: $!";

    print $socket "GET $path HTTP/1.0\r\nAuthorization: Bearer $bearer\r\n\r\n";

    local $/;
    return <$socket>;
}

sub slurp { Stok::Nginx::slurp($_[0]) // '' }

sub spew {
    my ($name, $text) = @_;
    open my $fh, '>', $name or die "$name: $!";
    print $fh $text;
    close $fh;
}

# whatever happens, nothing stays behind

END { local $?; quickstart('stop') if -d $state }
