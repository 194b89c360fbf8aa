package Stok::Nginx;

# A real nginx with the module, in a temporary folder.
#
# Options: plain, no debug log; level, the log's; single, one process without
# a master; wrap, what to start it with (%DIR% is the folder); connections,
# worker_connections; daemon, as an upgrade of the binary needs it.
#
# In the configuration: %%PORT%%, %%PORT_1%% ... are free ports, %%DIR%% is
# the folder, %%REDIS%% is the address of redis with patient timeouts, and
# %%REDIS_ADDR%% the address alone.

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use IO::Socket::INET;
use Stok::Process;
use Stok::Redis;

our @running;

# a module and its nginx define some names twice, and nginx frees late

$ENV{ASAN_OPTIONS} //= 'detect_odr_violation=0:detect_leaks=0';

my $module = Cwd::abs_path($ENV{STOK_MODULE}
    // 'build/ngx_service_token_module.so');
my $binary = $ENV{STOK_NGINX} // 'nginx';
my $valgrind = ($ENV{TEST_RUNNER} // '') eq 'valgrind';

sub new {
    my ($class, %opt) = @_;

    my $dir = File::Temp->newdir('stok-nginx-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;
    mkdir "$dir/html";

    my $self = bless { dir => $dir, %opt, ports => {} }, $class;

    $self->file('html/index.html', "index\n");
    $self->file($_, $opt{files}{$_}, 0600) for keys %{ $opt{files} // {} };
    $self->configure($opt{http}, %opt);

    return $self;
}

sub start {
    my ($class, %opt) = @_;

    my $self = $class->new(%opt);

    # an upgrade executes it by its path

    my ($path) = grep { -x } $binary, map { "$_/$binary" }
        split(/:/, $ENV{PATH}), '/usr/sbin';

    my @argv = ($path // $binary, '-p', "$self->{dir}/", '-c', 'nginx.conf',
        '-e', "$self->{dir}/error.log");

    unshift @argv, 'valgrind', '-q', '--trace-children=yes', '--num-callers=30',
        "--log-file=$self->{dir}/valgrind.%p" if $valgrind;
    unshift @argv, map { s/%DIR%/$self->{dir}/gr } @{ $opt{wrap} // [] };

    $self->{process} = Stok::Process->start(
        log => "$self->{dir}/output", argv => \@argv);

    push @running, $self;

    Stok::Process::wait_for('nginx accepts', sub {
        die "nginx ended\n" . $self->read('output') . $self->log
            if $self->{process}->ended && !($opt{daemon} && $self->pid);
        ($opt{single} || $self->workers >= ($opt{workers} // 1))
            && IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                PeerPort => $self->port);
    });

    return $self;
}

sub configure {
    my ($self, $http, %opt) = @_;

    my $redis = $opt{redis} // $self->{redis};
    my $addr = !$redis ? '127.0.0.1:1'
        : $redis->isa('Stok::Redis') ? 'unix:' . $redis->socket
        : '127.0.0.1:' . $redis->port;
    my $user = $> == 0 ? 'user root;' : '';
    my $workers = $opt{workers} // 1;
    my $main = $opt{main} // '';
    my $connections = $opt{connections} // 512;
    my $daemon = $opt{daemon} ? 'on' : 'off';
    my $level = $opt{level} // ($opt{plain} ? 'warn' : 'debug');

    $main .= "\nmaster_process off;" if $opt{single};

    my $conf = <<"EOC";
load_module $module;
daemon $daemon;
$user
worker_processes $workers;
pid $self->{dir}/nginx.pid;
error_log $self->{dir}/error.log $level;
$main
events { worker_connections $connections; }
http {
    access_log off;
    root %%DIR%%/html;
    client_body_temp_path %%DIR%%/body;
    proxy_temp_path %%DIR%%/proxy;
    fastcgi_temp_path %%DIR%%/fastcgi;
    uwsgi_temp_path %%DIR%%/uwsgi;
    scgi_temp_path %%DIR%%/scgi;
$http
}
EOC

    $conf =~ s/%%REDIS_ADDR%%/$addr/g;
    $conf =~ s/%%REDIS%%/$addr timeout=5s connect_timeout=5s/g;
    $conf =~ s/%%DIR%%/$self->{dir}/g;
    $conf =~ s/%%(PORT\w*)%%/$self->{ports}{$1} \/\/= Stok::Process::free_port()/ge;

    $self->file('nginx.conf', $conf);
}

sub dir  { "$_[0]{dir}" }
sub port { $_[0]{ports}{ $_[1] // 'PORT' } }

# a daemon's master is who wrote the file

sub pid {
    my $self = shift;
    return $self->{process}{pid} if !$self->{daemon};
    return $self->read('nginx.pid') =~ /^(\d+)/ ? $1 : 0;
}

sub file {
    my ($self, $name, $content, $mode) = @_;

    open my $fh, '>', "$self->{dir}/$name" or die "$name: $!";
    print $fh $content;
    close $fh;
    chmod $mode, "$self->{dir}/$name" if defined $mode;

    return "$self->{dir}/$name";
}

sub read {
    my ($self, $name) = @_;
    open my $fh, '<', "$self->{dir}/$name" or return '';
    local $/;
    return scalar(<$fh>) // '';
}

sub log { $_[0]->read('error.log') }

sub wait_log {
    my ($self, $re) = @_;
    return eval { Stok::Process::wait_for("log $re", sub { $self->log =~ $re }) };
}

# pids of the workers that the master has now

sub workers {
    my $self = shift;
    my $pid = $self->pid;

    return grep {
        my ($stat) = slurp("/proc/$_/stat");
        defined $stat && $stat =~ /\) \S (\d+)/ && $1 == $pid;
    } map { m{/proc/(\d+)$} } glob '/proc/[0-9]*';
}

sub slurp { open my $fh, '<', shift or return; local $/; scalar <$fh> }

# HUP; comes back when all workers are new, or after the deadline

sub reload {
    my ($self, %opt) = @_;

    my %old = map { $_ => 1 } $self->workers;

    kill 'HUP', $self->pid;

    Stok::Process::wait_for('new workers',
        sub { grep { !$old{$_} } $self->workers });

    return if $opt{nowait};

    Stok::Process::wait_for('old workers gone',
        sub { !grep { $old{$_} } $self->workers });
}

# "nginx -t" of a configuration: exit code and what it prints

sub conf_test {
    my ($class, $http, %opt) = @_;

    my $self = $class->new(http => $http, %opt);
    $opt{before}->($self) if $opt{before};

    my $out = `$binary -t -p $self->{dir}/ -c nginx.conf -e stderr 2>&1`;

    return ($? >> 8, $out);
}

# one request over HTTP/1.1; the answer is the whole response

sub get {
    my ($self, $uri, %opt) = @_;

    my $method = $opt{method} // 'GET';
    my $text = "$method $uri HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n";

    if (defined $opt{token}) {
        push @Stok::Redis::tokens, $opt{token} if length $opt{token} > 20;
        $text .= "Authorization: Bearer $opt{token}\r\n";
    }

    $text .= "$_\r\n" for @{ $opt{headers} // [] };

    return $self->raw("$text\r\n", %opt);
}

sub raw {
    my ($self, $text, %opt) = @_;
    my $sock = $self->open($text, %opt) or return '';
    return $self->answer($sock);
}

# sends, and leaves the answer to answer()

sub open {
    my ($self, $text, %opt) = @_;

    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $opt{port} // $self->port) or return;

    binmode $sock;
    print $sock $text;
    $sock->flush;

    return $sock;
}

sub answer {
    my ($self, $sock) = @_;

    my $answer = '';

    eval {
        local $SIG{ALRM} = sub { die "timeout\n" };
        alarm 20 * $Stok::Process::patience;
        while (sysread $sock, $answer, 65536, length $answer) { }
        alarm 0;
    };

    return $answer;
}

# the same over HTTP/2 in clear text; the answer looks as over HTTP/1.1

sub get2 {
    my ($self, $uri, %opt) = @_;

    my @header = @{ $opt{headers} // [] };

    if (defined $opt{token}) {
        push @Stok::Redis::tokens, $opt{token} if length $opt{token} > 20;
        push @header, "Authorization: Bearer $opt{token}";
    }

    my @argv = ('curl', '-s', '-i', '--http2-prior-knowledge',
        '--max-time', 20 * $Stok::Process::patience,
        '-X', $opt{method} // 'GET', (map { ('-H', $_) } @header),
        "http://127.0.0.1:" . ($opt{port} // $self->port) . $uri);

    CORE::open my $fh, '-|', @argv or die "curl: $!";
    local $/;
    my $answer = <$fh> // '';

    return $answer;
}

sub stop {
    my $self = shift;
    return $self->{process}->stop('QUIT', 20) if !$self->{daemon};

    my $pid = $self->pid or return 1;
    kill 'QUIT', $pid;
    return eval { Stok::Process::wait_for('the daemon leaves',
        sub { !kill 0, $pid }, 20) };
}

# a test that dies ends its servers, too: a master that is killed would leave
# its workers behind

$SIG{$_} //= sub { exit 1 } for qw(INT TERM);

END {
    local $?;
    $_->{daemon} ? $_->pid && kill('TERM', $_->pid)
        : $_->{process} && $_->{process}->stop('TERM', 5) for @running;
}

1;
