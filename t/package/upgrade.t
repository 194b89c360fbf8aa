# An upgrade of the packages while requests come in: the new module is in force,
# and no request is lost.  Then a configuration that is wrong, a removal, and a
# purge.  It changes the system: util/matrix runs it in a tree of its own, where
# /root/packages has what is installed.

use strict;
use warnings;

use File::Temp ();
use lib 't/lib';
use Stok::Process;
use Stok::Redis;
use Test::More;
use Time::HiRes qw(time);

my $package = 'libnginx-mod-http-service-token';
my $conf = '/etc/nginx/conf.d/service-token-test.conf';
my $port = Stok::Process::free_port();
my $dir = File::Temp->newdir;

my ($deb) = glob "/root/packages/${package}_*.deb";
ok($deb, 'the package') or BAIL_OUT('/root/packages has no package');

my $redis = Stok::Redis->start;
my $token = $redis->token(user => $redis->user('user@service'));

configure('');
is(run('invoke-rc.d', 'nginx', 'restart'), 0, 'nginx starts');
Stok::Process::wait_for('nginx answers', sub { ask() eq '200' });

# under load

my $load = Stok::Process->start(log => "$dir/load", code => \&load);
Stok::Process::wait_for('requests', sub { answers() > 50 });

my $master = master();
my ($code, $said) = run('dpkg', '-i', newer(2));

is($code, 0, 'the upgrade') or diag($said);
like($said, qr/^nginx runs the new ngx_service_token_module\.$/m,
    'it says that the new module is in force');
Stok::Process::wait_for('the old master is gone',
    sub { !-e "/proc/$master/exe" }, 20);
isnt(master(), $master, 'another master');
is(join(' ', old_module()), '', 'no process has the old module');

my $so_far = answers();
Stok::Process::wait_for('requests afterwards', sub { answers() > $so_far + 50 });
$load->stop('TERM');

my %count;
$count{$_}++ for lines();
is(join(', ', map { "$_: $count{$_}" } grep { $_ ne '200' } sort keys %count),
    '', "of $count{200} requests none is lost");

$redis->cli('HSET', $redis->token_key($token), status => 'revoked');
Stok::Process::wait_for('a revocation', sub { ask() eq '401' });
pass('the new module hears of changes');
$redis->cli('HSET', $redis->token_key($token), status => 'active');
Stok::Process::wait_for('restored', sub { ask() eq '200' });

# a configuration that is wrong: nginx goes on as it is, and dpkg says so

$master = master();
configure('service_token_lease nonsense;');
($code, $said) = run('dpkg', '-i', newer(3));
is($code, 0, 'an upgrade with a bad configuration');
like($said, qr/nginx still runs the old/, 'it says that the old one is in force');
is(master(), $master, 'the same master');
is(ask(), '200', 'which answers');
configure('');

# nothing to do when nginx does not run

is(run('invoke-rc.d', 'nginx', 'stop'), 0, 'nginx stops');
Stok::Process::wait_for('it stopped', sub { ask() eq '0' }, 20);
($code, $said) = run('dpkg', '-i', newer(4));
is($code, 0, 'an upgrade while nginx is stopped');
unlike($said, qr/nginx (?:still )?runs the/, 'has nothing to put in force');
is(ask(), '0', 'and starts nothing');
is(run('invoke-rc.d', 'nginx', 'start'), 0, 'nginx starts');

# removed, there again, purged

unlink $conf;
my $link = '/etc/nginx/modules-enabled/50-mod-http-service-token.conf';
ok(-e $link, 'enabled');
is(run('dpkg', '-r', $package), 0, 'removed');
ok(!-l $link && -l "$link.removed", 'not enabled');
is(run('nginx', '-t'), 0, 'nginx goes without it');
is(run('dpkg', '-i', $deb), 0, 'installed again');
ok(-e $link && !-l "$link.removed", 'enabled again');
is(run('dpkg', '--purge', $package, 'service-token'), 0, 'purged');
is(run('nginx', '-t'), 0, 'nginx goes without it');

my @left = grep { !m{^/(?:proc|sys|dev|root|tmp|run)/} } split /\n/,
    qx(find / -xdev \\( -path /root -o -path /tmp -o -path /proc -o -path /sys \\) -prune -o \\( -name '*service-token*' -o -name '*service_token*' \\) -print);
is(join("\n", grep { !m{^/var/(?:log|lib/dpkg|cache)/} } @left), '',
    'nothing is left');

run('invoke-rc.d', 'nginx', 'stop');
done_testing;


sub configure {
    my $line = shift;
    my $socket = $redis->socket;

    open my $fh, '>', $conf or die "$conf: $!";
    print $fh <<"EOC";
service_token_redis unix:$socket timeout=5s connect_timeout=5s;
$line
server {
    listen 127.0.0.1:$port;
    location / {
        service_token "api";
        root /usr/share/nginx/html;
    }
}
EOC
    close $fh;
}

# the package with a higher version: another file of the module

sub newer {
    my $n = shift;
    my $folder = "$dir/$n";

    system('dpkg-deb', '-R', $deb, $folder) == 0 or die "dpkg-deb -R\n";
    system('sed', '-i', "s/^\\(Version: .*\\)/\\1+$n/", "$folder/DEBIAN/control");
    system('dpkg-deb', '-b', $folder, "$folder.deb") == 0 or die "dpkg-deb -b\n";

    return "$folder.deb";
}

sub run {
    my $out = File::Temp->new;
    my $pid = fork // die "fork: $!";

    # a daemon that is started may not hold what a pipe would wait for

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$out";
        open STDERR, '>&', \*STDOUT;
        exec { $_[0] } @_ or POSIX::_exit(127);
    }

    waitpid $pid, 0;
    my $code = $? >> 8;

    local $/;
    my $said = <$out> // '';
    note(join(' ', @_) . "\n$said");

    return wantarray ? ($code, $said) : $code;
}

sub ask {
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
        Timeout => 10) or return '0';

    print $sock "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        . "Authorization: Bearer $token\r\n\r\n";
    my $line = <$sock> // '';

    return $line =~ m{^HTTP/1.1 (\d+) } ? $1 : '0';
}

# one line an answer

sub load {
    my $going = 1;

    $SIG{TERM} = sub { $going = 0 };
    $SIG{PIPE} = 'IGNORE';
    $| = 1;

    while ($going) {
        print STDOUT ask(), "\n";
        select undef, undef, undef, 0.002;
    }
}

sub lines { split /\n/, slurp("$dir/load") }
sub answers { scalar(my @all = lines()) }

sub master { slurp('/run/nginx.pid') =~ /(\d+)/ ? $1 : 0 }

sub old_module {
    return grep { slurp("/proc/$_/maps") =~ /service_token_module\.so \(deleted\)/ }
        map { m{^/proc/(\d+)$} } glob '/proc/[0-9]*';
}

sub slurp {
    open my $fh, '<', shift or return '';
    local $/;
    return scalar(<$fh>) // '';
}
