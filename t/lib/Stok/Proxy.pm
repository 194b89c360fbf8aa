package Stok::Proxy;

# Stands between nginx and a real Redis, to hold, cut or turn connections.
#
#     hold('data' | 'stream')      nothing comes back to nginx on these
#     release('data' | 'stream')   what was held comes, and all goes on
#     target($redis)               where new connections go
#     delay($kind, $seconds)       what comes back comes so much later
#     drip($kind, $on)             it comes with one byte a write
#     answer($kind, $bytes)        each command gets these bytes, and the
#                                  server does not; undef: as before
#     inject($kind, $bytes)        these bytes, once
#     reset($kind)                 connections are reset, once
#     refuse($on)                  new connections are reset at once
#
# A connection is the stream from its CLIENT TRACKING on; before, it is data.
# The commands that set up a connection always reach the server.

use strict;
use warnings;

use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_NODELAY);
use Stok::FakeRedis;
use Stok::Process;
use Time::HiRes qw(time);

my @kinds = qw(data stream);
my $setup = qr/^(?:AUTH|SELECT|PING|INFO|CLIENT|SUBSCRIBE)$/;

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

sub delay  { $_[0]->set("delay-$_[1]", $_[2]) }
sub drip   { $_[0]->set("drip-$_[1]", $_[2]) }
sub answer { $_[0]->set("answer-$_[1]", $_[2]) }
sub inject { $_[0]->set("inject-$_[1]", $_[2]) }
sub reset  { $_[0]->set("reset-$_[1]", 1) }
sub refuse { $_[0]->set('refuse', $_[1]) }

sub set {
    my ($self, $name, $text) = @_;
    $text ? $self->put($name, $text) : unlink "$self->{dir}/$name";
    $self->settle;
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

    my $end = sub {
        my ($p, $reset) = @_;
        $select->remove(@$p{qw(client server)});
        setsockopt $p->{client}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
            if $reset;
        delete $pair{$_}, close $_ for @$p{qw(client server)};
    };

    while (1) {
        my @ready = $select->can_read(0.002);

        # what is asked now holds for what is read now

        my $ask = slurp("$dir/ask");
        my %is = map { ($_ => slurp("$dir/$_")) } 'refuse',
            map { ("delay-$_", "drip-$_", "answer-$_") } @kinds;
        $is{"hold-$_"} = -e "$dir/hold-$_" for @kinds;

        for my $sock (@ready) {
            if ($sock == $listen) {
                my $p = connected($listen, $dir, $is{refuse}) or next;
                $pair{$_} = $p for @$p{qw(client server)};
                $select->add(@$p{qw(client server)});
                next;
            }

            my $p = $pair{$sock} or next;

            my $buf;

            if (!sysread $sock, $buf, 65536) {
                $end->($p);
                next;
            }

            if ($sock == $p->{client}) {
                $p->{kind} = 'stream' if $buf =~ /TRACKING/;
                ask($p, $buf, $is{"answer-$p->{kind}"});

            } else {
                keep($p, $buf);
            }
        }

        for my $kind (@kinds) {
            my @of = grep { $_->{kind} eq $kind }
                map { $pair{$_} } grep { $pair{$_} && $pair{$_}{client} eq $_ }
                keys %pair;

            if (length(my $bytes = slurp("$dir/inject-$kind"))) {
                unlink "$dir/inject-$kind";
                back($_, $bytes) for @of;
            }

            if (-e "$dir/reset-$kind") {
                unlink "$dir/reset-$kind";
                $end->($_, 1) for @of;
                next;
            }

            for my $p (@of) {
                next if $p->{held} eq '' || $is{"hold-$kind"}
                    || $is{"delay-$kind"}
                       && time < $p->{since} + $is{"delay-$kind"};
                back($p, $is{"drip-$kind"} ? $_ : $p->{held})
                    for $is{"drip-$kind"} ? split //, $p->{held} : 1;
                $p->{held} = '';
            }
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

sub connected {
    my ($listen, $dir, $refuse) = @_;

    my $client = $listen->accept or return;
    my $server = $refuse ? undef : IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => slurp("$dir/target"));

    if (!$server) {
        setsockopt $client, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $refuse;
        close $client;
        return;
    }

    setsockopt $client, IPPROTO_TCP, TCP_NODELAY, 1;

    return { client => $client, server => $server, kind => 'data',
        held => '', in => '' };
}

# what nginx says, to the server or to be answered here

sub ask {
    my ($p, $buf, $answer) = @_;

    if ($answer eq '') {
        syswrite $p->{server}, delete($p->{in}) . $buf;
        $p->{in} = '';
        return;
    }

    $p->{in} .= $buf;

    while (length(my $in = $p->{in})) {
        my $args = Stok::FakeRedis::command(\$p->{in}) or return;

        if ($args->[0] =~ $setup) {
            my $len = length($in) - length $p->{in};
            syswrite $p->{server}, substr $in, 0, $len;

        } else {
            keep($p, $answer);
        }
    }
}

sub keep {
    my ($p, $bytes) = @_;
    $p->{since} = time if $p->{held} eq '';
    $p->{held} .= $bytes;
}

# a client that does not read is not waited for

sub back {
    my ($p, $bytes) = @_;

    while (length $bytes) {
        my $n = syswrite $p->{client}, $bytes;
        return if !$n;
        substr $bytes, 0, $n, '';
    }
}

1;
