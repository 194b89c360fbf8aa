package Stok::Api;

# The API as it is installed: nginx with conf/control.conf in front of
# "service-token serve", both in a temporary folder.
#
#     my $api = Stok::Api->start(redis => $redis);
#     my ($status, $json, $head) = $api->call(GET => '/api/meta', token => $t);

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use JSON::PP ();
use Stok::Nginx;
use Stok::Process;

our @running;

my $binary = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');

sub start {
    my ($class, %opt) = @_;

    my $dir = File::Temp->newdir('stok-api-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;

    my $self = bless { dir => $dir, %opt }, $class;

    $self->serve;
    $self->{nginx} = Stok::Nginx->start(redis => $opt{redis},
        http => $self->conf, workers => $opt{nginx_workers});

    return $self;
}

sub conf {
    my $self = shift;

    my $include = $self->file('service-token-scgi.conf',
        sample('service-token-scgi.conf')
            =~ s{unix:\S+;}{unix:$self->{dir}/control.sock;}r);
    my $control = sample('control.conf')
        =~ s{service-token-scgi\.conf}{$include}gr;
    my $keys = $self->{key_file}
        ? "service_token_key_file $self->{key_file};" : '';

    return "service_token_redis %%REDIS%%;\n$keys\n" . ($self->{http} // '')
        . "server { listen 127.0.0.1:%%PORT%%;\n$control"
        . ($self->{server} // '') . "}\n";
}

sub sample { Stok::Nginx::slurp("conf/$_[0]") // die "conf/$_[0]: $!" }

sub file {
    my ($self, $name, $text) = @_;
    open my $fh, '>', "$self->{dir}/$name" or die "$name: $!";
    print $fh $text;
    close $fh;
    return "$self->{dir}/$name";
}

# the daemon; again after stop()

sub serve {
    my $self = shift;

    my @options = ('--redis', 'unix://' . $self->{redis}->socket);
    push @options, '--key-file', $self->{key_file} if $self->{key_file};

    local %ENV = %ENV;
    delete $ENV{$_} for grep { /^SERVICE_TOKEN/ } keys %ENV;

    $self->{process} = Stok::Process->start(
        log => "$self->{dir}/serve.log",
        argv => [@{ $self->{wrap} // [] }, $binary, @options, 'serve', '--socket',
            "$self->{dir}/control.sock", '--workers', $self->{workers} // 2,
            '--peer', $self->{peer} // scalar(getpwuid($>))]);

    push @running, $self;

    Stok::Process::wait_for('the daemon listens', sub {
        die "the daemon ended:\n" . $self->log if $self->{process}->ended;
        -S "$self->{dir}/control.sock" && $self->log =~ /workers wait at/;
    });
}

sub log { Stok::Nginx::slurp("$_[0]{dir}/serve.log") // '' }
sub nginx { $_[0]{nginx} }

sub stop {
    my $self = shift;
    return $self->{process}->stop('TERM', 20);
}

# the pids of its workers

sub workers {
    my $self = shift;
    my $pid = $self->{process}{pid};

    return grep {
        my $stat = Stok::Nginx::slurp("/proc/$_/stat");
        defined $stat && $stat =~ /\) \S (\d+)/ && $1 == $pid;
    } map { m{/proc/(\d+)$} } glob '/proc/[0-9]*';
}

# status, JSON (or text) and head of the answer; json => {...}, form => {...}

sub call {
    my ($self, $method, $path, %opt) = @_;

    my @headers = @{ $opt{headers} // [] };
    my $body = $opt{body};

    if ($opt{json}) {
        $body = JSON::PP->new->canonical->utf8->encode($opt{json});
        push @headers, 'Content-Type: application/json';
    }

    if ($opt{form}) {
        $body = join '&', map { "$_=" . ($opt{form}{$_}
            =~ s/([^A-Za-z0-9_.-])/sprintf '%%%02X', ord $1/ger) }
            sort keys %{ $opt{form} };
        push @headers, 'Content-Type: application/x-www-form-urlencoded';
    }

    my $text = "$method $path HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n";

    if (defined $opt{token}) {
        push @Stok::Redis::tokens, $opt{token} if length $opt{token} > 20;
        $text .= "Authorization: Bearer $opt{token}\r\n";
    }

    $text .= "$_\r\n" for @headers;
    $text .= 'Content-Length: ' . length($body) . "\r\n" if defined $body;
    $text .= "\r\n" . ($body // '');

    my $answer = $self->{nginx}->raw($text, %opt);
    my ($head, $rest) = split /\r\n\r\n/, $answer, 2;
    my ($status) = ($head // '') =~ m{^HTTP/1\.1 (\d+)};
    my $json = eval { JSON::PP->new->utf8->decode($rest) } // $rest;

    if (ref $json eq 'HASH' && $json->{token}) {
        push @Stok::Redis::tokens, $json->{token};
    }

    return ($status // 0, $json, $head);
}

END {
    local $?;
    $_->{process} && $_->{process}->stop('TERM', 5) for @running;
}

1;
