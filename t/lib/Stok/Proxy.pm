package Stok::Proxy;

# Stands between nginx and a real Redis, to hold, cut or turn connections.
#
#     hold('data' | 'stream')      nothing comes back to nginx on these
#     release('data' | 'stream')   what was held comes, and all goes on
#     target($redis)               where new connections go
#
# A connection is the stream from its CLIENT TRACKING on; before, it is data.

use strict;
use warnings;

use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use Stok::Process;
use Time::HiRes qw(time);

sub start {
    my ($class, $redis) = @_;

    my $dir = File::Temp->newdir('stok-proxy-XXXXXX', TMPDIR => 1);
    my $listen = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1,
        LocalAddr => '127.0.0.1', LocalPort => 0) or die "cannot listen: $!";

    my $self = bless { dir => $dir, port => $listen->sockport }, $class;

    $self->target($redis);
    $self->{process} = Stok::Process->start(log => "$dir/log",
        code => sub { serve($listen, "$dir") });

    return $self;
}

sub port { $_[0]{port} }

sub hold {
    my ($self, $kind) = @_;
    $self->put("hold-$kind", '');
    $self->settle;
}

sub release {
    my ($self, $kind) = @_;
    unlink "$self->{dir}/hold-$kind";
    $self->settle;
}

sub target {
    my ($self, $redis) = @_;
    $self->put('target', $redis->port);
    $self->settle if $self->{process};
}

sub put {
    my ($self, $name, $text) = @_;
    open my $fh, '>', "$self->{dir}/$name.new" or die "$name: $!";
    print $fh $text;
    close $fh;
    rename "$self->{dir}/$name.new", "$self->{dir}/$name" or die "$name: $!";
}

# comes back when the proxy has seen what was put

sub settle {
    my $self = shift;
    my $n = ++$self->{settled};

    $self->put('ask', $n);
    Stok::Process::wait_for('the proxy settles', sub {
        open my $fh, '<', "$self->{dir}/done" or return;
        (<$fh> // '') eq $n;
    });
}

sub slurp { open my $fh, '<', shift or return ''; local $/; <$fh> // '' }

sub serve {
    my ($listen, $dir) = @_;

    my $select = IO::Select->new($listen);
    my (%pair, $done);

    $SIG{PIPE} = 'IGNORE';

    while (1) {
        my @ready = $select->can_read(0.002);

        # what is asked now holds for what is read now

        my $ask = slurp("$dir/ask");
        my %hold = map { $_ => -e "$dir/hold-$_" } qw(data stream);

        for my $sock (@ready) {
            if ($sock == $listen) {
                my $client = $listen->accept or next;
                my $server = IO::Socket::INET->new(
                    PeerAddr => '127.0.0.1', PeerPort => slurp("$dir/target"));

                if (!$server) { close $client; next }

                my $p = { client => $client, server => $server, kind => 'data',
                    held => '' };
                $pair{$client} = $pair{$server} = $p;
                $select->add($client, $server);
                next;
            }

            my $p = $pair{$sock} or next;

            my $buf;

            if (!sysread $sock, $buf, 65536) {
                $select->remove(@$p{qw(client server)});
                delete $pair{$_}, close $_ for @$p{qw(client server)};
                next;
            }

            if ($sock == $p->{client}) {
                $p->{kind} = 'stream' if $buf =~ /TRACKING/;
                syswrite $p->{server}, $buf;

            } else {
                $p->{held} .= $buf;
            }
        }

        for my $p (values %pair) {
            next if $p->{held} eq '' || $hold{ $p->{kind} };
            syswrite $p->{client}, $p->{held};
            $p->{held} = '';
        }

        if ($ask ne '' && $ask ne ($done // '')) {
            $done = $ask;
            open my $fh, '>', "$dir/done.new" or next;
            print $fh $done;
            close $fh;
            rename "$dir/done.new", "$dir/done";
        }
    }
}

1;
