# docs/getting-started.md is followed from its first command to its last, in a
# folder of its own; then its configuration is asked by clients that lie in
# more ways than the page shows.

use strict;
use warnings;
use utf8;

use Cwd ();
use File::Temp ();
use lib 't/lib';
use Stok::Page;
use Stok::Test;
use Stok::Upstream;

plan skip_all => 'the page is for root' if $> != 0;

my $tree = Cwd::getcwd();
my $dir = File::Temp->newdir('stok-page-XXXXXX', TMPDIR => 1);
my $home = "$dir/srv";
my ($https, $redis_port, $app) = map { Stok::Process::free_port() } 1 .. 3;

chmod 0711, $dir;
mkdir "$dir/bin";
symlink Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token'),
    "$dir/bin/service-token";

my $page = Stok::Page->new('docs/getting-started.md', path => "$dir/bin",
    replace => {
        '/srv/service-token' => $home,
        '/usr/src/ngx_service_token_module' => $tree,
        '/usr/lib/nginx/modules/ngx_service_token_module.so'
            => Cwd::abs_path($ENV{STOK_MODULE}
                // 'build/ngx_service_token_module.so'),
        8443 => $https, 6380 => $redis_port, 8000 => $app,
    });

# whatever happens, what the page started does not stay

$SIG{$_} = sub { exit 1 } for qw(INT TERM);
END { local $?; stop() }

# the page as it is, but for its last part: what it says is so

my @blocks = $page->blocks;
my ($end) = grep { $blocks[$_]{section} =~ /^9\. / } 0 .. $#blocks;
my $commands = 0;

$page->follow(\&step, @blocks[0 .. $end - 1]);

cmp_ok($commands, '>=', 30, 'commands');

# one file, printed there and kept in conf/

is(directives(read_file("$home/identity.conf")),
    directives(read_file('conf/identity.conf')), 'identity.conf is that of conf/');

# init has added the dataset's line, without which nginx takes no key file

like(read_file("$home/token.keys"), qr/^dataset [0-9a-f]{32}$/m, 'the dataset');

# secrets are for one reader

is(sprintf('%o', (stat "$home/$_")[2] & 07777), '600', "$_: mode")
    for qw(token.keys edge.password command.password etl.token etl.header tls.key);

# before an application that shows everything, each location, each way to lie

my $upstream = Stok::Upstream->start;
my $token = (split /\n/, read_file("$home/etl.token"))[0];
push @Stok::Redis::tokens, $token;

my $conf = read_file("$home/nginx.conf");
my @locations = $conf =~ /location (?:= )?(\S+) \{(?=[^{}]*proxy_pass)/g;
is("@locations", '/ /admin/ /health', 'locations');
my $port = $upstream->port;
$conf =~ s/proxy_pass( +)http:\/\/127\.0\.0\.1:$app/proxy_pass$1http:\/\/127.0.0.1:$port/g;
write_file("$home/nginx.conf", $conf);

type('nginx -p ' . $home . ' -c nginx.conf -e error.log -s reload');
type('service-token token restore "$id" --wait 5s');
type('service-token user set-role pipeline_automation@service admin --wait 5s');

# and no worker of the old one is left

wait_for('the new configuration', sub {
    !grep { ask('/health') !~ /^GET \/health/m } 1 .. 30 });

for my $forged (
    ['X-Service-User: forged', 'X-Service-Role: forged', 'X-Service-Token: forged'],
    ['x-service-user: forged', 'x-service-role: forged', 'x-service-token: forged'],
    ['X_Service_User: forged', 'X_Service_Role: forged', 'X_Service_Token: forged'],
    ['X.Service.User: forged', 'X-Service_Role: forged'],
    ['X-Service-User: forged', 'X-Service-User: forged', 'Connection: X-Service-User'],
    ['X-Forwarded-For: forged', 'X-Real-IP: forged', 'Forwarded: for=forged',
        'X-Forwarded-Host: forged', 'X-Forwarded-Proto: forged'],
) {
    for my $uri (@locations) {
        my $answer = ask($uri, @$forged, "Authorization: Bearer $token");
        my $who = $uri eq '/health' ? '' : 'pipeline_automation@service';

        is(join(' | ', $answer =~ /^X-Service-User: (.*?)\r?$/mig), $who,
            "$uri: $forged->[0]");
        like($answer, qr/^X-Real-IP: 127\.0\.0\.1\r?$/m, 'reached it');
        unlike($answer, qr/forged/, 'nothing forged');
        unlike($answer, qr/authorization|\Q$token/i, 'no token');
    }
}

unlike(read_file("$home/$_"), qr/\Q$token/, "no token in $_")
    for qw(access.log error.log redis/redis.log);

# the last part

my @pids = map { (read_file("$home/$_") =~ /(\d+)/)[0] }
    'nginx.pid', 'redis/redis.pid';

$page->follow(\&step, @blocks[$end .. $#blocks]);
ok(eval { wait_for('both end', sub { !grep { kill 0, $_ } @pids }, 20) },
    'both ended');

finish;


sub step {
    my ($block, $command, $code, $out) = @_;

    if (!defined $command) {
        is($code, 0, "line $block->{line}: as promised")
            or diag("printed:\n$out\npromised:\n$block->{text}");
        return;
    }

    $commands++;
    my ($first) = split /\n/, $command;
    is($code, 0, "line $block->{line}: $first") or diag("$command\n$out");
}

sub type {
    my ($code, $out) = $page->type(@_);
    is($code, 0, $_[0]) or diag($out);
}

sub ask {
    my ($uri, @headers) = @_;

    write_file("$home/ask", join '', map { "$_\n" } @headers);
    return ($page->type("curl -sS --cacert tls.crt -H \@ask https://localhost:$https$uri"))[1];
}

sub directives { join '', grep { /^[^#\s]/ } split /^/, shift }

sub stop {
    for my $name ('nginx.pid', 'redis/redis.pid') {
        my ($pid) = read_file("$home/$name") =~ /^(\d+)$/m or next;
        kill 'TERM', $pid;
    }
}

sub read_file { Stok::Page::slurp(shift) }

sub write_file {
    my ($name, $text) = @_;
    open my $fh, '>', $name or die "$name: $!";
    print $fh $text;
    close $fh or die "$name: $!";
}
