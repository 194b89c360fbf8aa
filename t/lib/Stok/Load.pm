package Stok::Load;

# Clients that go on asking: forked, each with keep-alive connections, paced,
# and light, since they share the machine with what they measure.
#
#     my $load = Stok::Load->start(port => $port, requests => [$text, ...]);
#     my @answers = $load->stop;
#
# Options: clients, connections of each, and rate, requests a second of all.
#
# An answer is [start, end, request, status, cache, pid]: times in seconds of
# the monotonic clock, start right before the request is written, end right
# after the answer is read; request is its index; status 0: no answer came.  A
# request that waits for long does not hold up the others.

use strict;
use warnings;

use File::Temp ();
use Socket qw(PF_INET SOCK_STREAM inet_aton pack_sockaddr_in);
use Stok::Process;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $stuck = 0.1;        # seconds: a request that waits for longer
my $calm  = 0.05;       # between new connections, when nothing answers
my $leave = 5;          # for what is still to be answered at the end

sub now { clock_gettime(CLOCK_MONOTONIC) }

sub start {
    my ($class, %opt) = @_;

    my $self = bless { dir => File::Temp->newdir('stok-load-XXXXXX',
        TMPDIR => 1), clients => [] }, $class;

    my $clients = $opt{clients} // 2;

    for my $i (1 .. $clients) {
        push @{ $self->{clients} }, Stok::Process->start(
            log  => "$self->{dir}/output",
            code => sub {
                srand($$);
                my $client = { in => {}, idle => [], answers => [],
                    addr => pack_sockaddr_in($opt{port},
                        inet_aton('127.0.0.1')),
                    connections => $opt{connections} // 12,
                    rate => ($opt{rate} // 1200) / $clients,
                    requests => $opt{requests} };

                work($client);
                save($client, "$self->{dir}/$i");
            },
        );
    }

    return $self;
}

sub stop {
    my $self = shift;

    my @clients = splice @{ $self->{clients} };

    $_->signal('TERM') for @clients;

    my $bad = grep { !$_->stop('TERM', 2 * $leave) } @clients;
    my @answers;

    for my $i (1 .. @clients) {
        open my $fh, '<', "$self->{dir}/$i"
            or die "no answers of a client, $bad had to be killed\n";
        push @answers, map { chomp; [split / /] } <$fh>;
    }

    return sort { $a->[0] <=> $b->[0] } @answers;
}

# the answers as lines, complete or not there

sub save {
    my ($client, $name) = @_;

    open my $fh, '>', "$name.new" or die "$name: $!";
    printf $fh "%.6f %.6f %d %d %s %d\n", @$_ for @{ $client->{answers} };
    close $fh;
    rename "$name.new", $name or die "$name: $!";
}

sub work {
    my $client = shift;

    my $end;

    # more than once: stop() tells all, then each

    $SIG{TERM} = sub { $end //= now() + $leave * $Stok::Process::patience };
    $SIG{PIPE} = 'IGNORE';

    my $next = now();
    my $gap = 1 / $client->{rate};

    $client->{answered} = $client->{opened} = $next;

    while (!defined $end || now() < $end) {
        my $now = now();

        # what was not sent in time is not made up for

        $next = $now if $now - $next > 0.05;

        while (!defined $end && $next <= $now && ask($client)) {
            $next += $gap;
        }

        last if defined $end && !%{ $client->{in} };

        answers($client, 0.002);
    }

    record($client, $_, 0, '-', 0) for values %{ $client->{in} };
}

# 0: there is no connection for it now

sub ask {
    my $client = shift;

    my $conn = shift @{ $client->{idle} } // connection($client) or return 0;
    my $requests = $client->{requests};

    $conn->{request} = int rand @$requests;
    $conn->{text} = '';
    $conn->{start} = now();

    $client->{in}{ fileno $conn->{sock} } = $conn;

    my $text = $requests->[ $conn->{request} ];
    my $n = syswrite $conn->{sock}, $text;

    lost($client, $conn) if !defined $n || $n != length $text;

    return 1;
}

# one more, unless enough of them wait; a few more when nothing answers

sub connection {
    my $client = shift;

    my $now = now();
    my $live = grep { $now - $_->{start} < $stuck } values %{ $client->{in} };

    return if $live >= $client->{connections};
    return if $now - $client->{answered} > 2 * $stuck
        && $now - $client->{opened} < $calm;

    $client->{opened} = $now;

    socket my $sock, PF_INET, SOCK_STREAM, 0 or return;
    connect $sock, $client->{addr} or return;

    return { sock => $sock };
}

sub answers {
    my ($client, $timeout) = @_;

    my $in = $client->{in};
    my $set = '';

    vec($set, $_, 1) = 1 for keys %$in;

    return if select($set, undef, undef, $timeout) <= 0;

    for my $conn (map { $in->{$_} } grep { vec($set, $_, 1) } keys %$in) {
        my $n = sysread $conn->{sock}, $conn->{text}, 8192,
            length $conn->{text};

        if (!$n) {
            lost($client, $conn);
            next;
        }

        my $text = $conn->{text};

        # of HEAD: the answer is its head

        next if substr($text, -4) ne "\r\n\r\n";

        my ($status) = $text =~ m{^HTTP/1.1 (\d+)};
        my ($cache) = $text =~ /^X-Cache: (\w+)/m;
        my ($pid) = $text =~ /^X-Pid: (\d+)/m;

        record($client, $conn, $status // 0, $cache // '-', $pid // 0);
        $client->{answered} = now();

        push @{ $client->{idle} }, $conn
            if $text !~ /^Connection: close/m;
    }
}

sub record {
    my ($client, $conn, @said) = @_;

    push @{ $client->{answers} },
        [$conn->{start}, now(), $conn->{request}, @said];

    delete $client->{in}{ fileno $conn->{sock} };
}

sub lost {
    my ($client, $conn) = @_;

    record($client, $conn, 0, '-', 0);
}

1;
