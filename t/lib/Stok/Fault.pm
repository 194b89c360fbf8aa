package Stok::Fault;

# A fault under load, and what must hold whatever it is:
#
# - each request is answered, within the timeout and one second more;
# - whoever is valid gets 200 or 503, never a refusal;
# - whoever is revoked or unknown is never let in, and one who was revoked
#   right before the fault is not let in beyond the bound: the lease and 100 ms;
# - no worker exits;
# - six seconds after its end all is as before, and the cache is in use.
#
#     my $fault = Stok::Fault->new(redis => $redis);
#     $fault->try('name', begin => sub { }, lasts => 1, end => sub { });
#
# Options of try(): lasts, seconds between begin and end; down, there have to be
# answers of 503; up, none of them; down_at, from these workers only; lost, how
# many answers may be missing; close, a connection for each request; moves,
# workers are replaced; late, seconds for which nginx itself is away; victim,
# code that revokes it (it gets the plaintext token), else that is done right
# before begin.

use strict;
use warnings;

use List::Util qw(max min);
use Stok::Load;
use Stok::Test;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);

our $timeout = 0.5;
our $lease = 1;
our $patience = $timeout + 1;
our $recovery = 6;

my $bound = $lease + 0.1;
my $ms = 1000 * $timeout . 'ms';

$SIG{PIPE} = 'IGNORE';

sub now { clock_gettime(CLOCK_MONOTONIC) }

# an nginx in front of it, by a proxy if there is one

sub new {
    my ($class, %opt) = @_;

    my $redis = $opt{redis};

    $redis->user('user@service');

    my $self = bless { redis => $redis, took => [] }, $class;

    $self->{valid} = [map { $redis->token(name => "v$_") } 1 .. 6];
    $self->{dead} = [map { $redis->token(status => 'revoked') } 1 .. 2];
    $self->{unknown} = [map { 'stk_svc_' . Stok::Redis::random(25) } 1];

    $self->{nginx} = edge(redis => $opt{proxy} // $redis, level => 'info',
        to => "%%REDIS_ADDR%% timeout=$ms connect_timeout=$ms",
        conf => "service_token_lease ${lease}s;" . ($opt{conf} // ''),
        server => 'listen 127.0.0.1:%%PORT_L%% reuseport;
            add_header X-Pid $pid always; keepalive_requests 20;',
        %{ $opt{edge} // {} });

    return $self;
}

sub request {
    my ($token, $close) = @_;
    return "HEAD /index.html HTTP/1.1\r\nHost: h\r\n"
        . ($close ? "Connection: close\r\n" : '')
        . "Authorization: Bearer $token\r\n\r\n";
}

sub try {
    my ($self, $name, %case) = @_;

    my $redis = $self->{redis};
    my $victim = $redis->token(name => 'victim');

    $self->ready("$name: before");

    my @who = ((map { [$_, 'valid'] } @{ $self->{valid} }),
        (map { [$_, 'dead'] } @{ $self->{dead} }),
        (map { [$_, 'unknown'] } @{ $self->{unknown} }),
        ([$victim, 'victim']) x 3);
    my @workers = sort $self->{nginx}->workers;
    my $load = Stok::Load->start(port => $self->{nginx}->port('PORT_L'),
        requests => [map { request($_->[0], $case{close}) } @who], rate => 300,
        clients => 1, connections => 16, %{ $case{load} // {} });

    sleep 0.2;

    ($case{victim} // sub { $self->revoke(@_) })->($victim);

    my $begun = now();

    $case{begin}->();
    sleep $case{lasts} // 1;
    $case{end}->() if $case{end};

    my $ended = now();

    $self->ready("$name: after", $begun);

    my $took = now() - $ended;

    # long enough to see one who is accepted for too long

    sleep max(0.5, $begun + $bound + 0.4 - now());

    my @answers = $load->stop;

    cmp_ok($took, '<', $recovery, "$name: recovered in time");
    is(join(' ', sort $self->{nginx}->workers), "@workers",
        "$name: no worker has gone") if !$case{moves};

    $self->judge($name, \%case, $begun, \@who, @answers);

    push @{ $self->{took} }, [$name, $took];
    note(sprintf '%-34s %5d answers, %4d of 503, back after %4.0f ms', $name,
        scalar @answers, scalar(grep { $_->[3] == 503 } @answers),
        1000 * $took);

    $redis->cli('DEL', $redis->token_key($victim));
}

sub revoke {
    my ($self, $token) = @_;
    my $redis = $self->{redis};
    $redis->cli('HSET', $redis->token_key($token), status => 'revoked',
        revoked_at => 1);
}

sub judge {
    my ($self, $name, $case, $begun, $who, @answers) = @_;

    my %n = (lost => 0, 503 => 0, victim => 0);
    my %down_at = map { $_ => 1 } @{ $case->{down_at} // [] };
    my ($slowest, @wrong) = (0);

    for my $answer (@answers) {
        my ($start, $end, $request, $status, $cache, $pid) = @$answer;
        my $kind = $who->[$request][1];

        $n{lost}++, next if !$status;
        $n{503}++ if $status == 503;
        $slowest = max($slowest, $end - $start);

        next if $status == 503 && (!$case->{down_at} || $down_at{$pid});

        if ($kind eq 'victim') {
            $n{victim}++ if $status == 401 && $start > $begun + $bound;
            next if $status == 401 && $end > $begun - 0.1
                || $status == 200 && $start <= $begun + $bound;

        } else {
            next if $status == ($kind eq 'valid' ? 200 : 401);
        }

        push @wrong, sprintf '%s %d %s, %.3f s after the beginning', $kind,
            $status, $cache, $start - $begun;
    }

    @wrong = (@wrong[0 .. 4], '...') if @wrong > 6;

    is(join("\n", @wrong), '', "$name: nobody is let in, or refused, wrongly");
    cmp_ok($n{lost}, '<=', $case->{lost} // 0, "$name: all are answered");
    cmp_ok($slowest, '<', $patience + ($case->{late} // 0), "$name: in time");
    cmp_ok($n{503}, '>', 0, "$name: there was an outage") if $case->{down};
    is($n{503}, 0, "$name: there was no outage")
        || diag(grep { /\[(?:warn|error)\]/ } split /^/, $self->{nginx}->log)
        if $case->{up};
    cmp_ok($n{victim}, '>', 0, "$name: the revoked one came, and was refused");
}

# every worker says so from the cache, since then

sub ready {
    my ($self, $what, $since) = @_;

    my $nginx = $self->{nginx};
    my (%hit, $last);

    ok(eval { wait_for($what, sub {
        $last = $nginx->get('/index.html', token => $self->{valid}[0],
            port => $nginx->port('PORT_L'));
        $hit{ header_of($last, 'X-Pid') } = 1
            if header_of($last, 'X-Cache') eq 'HIT' && status_of($last) == 200;
        my @workers = $nginx->workers;
        return !grep { !$hit{$_} } @workers;
    }, 20) }, $what) or diag($last // '', grep { !/\[debug\]/ }
        (split /^/, $nginx->log)[-12 .. -1]);
}

# descriptors and memory (kB) of the workers; not what they share, whose pages
# are counted when they are first touched

sub weight {
    my $nginx = shift;
    my %weight = (fds => 0, kb => 0);

    for my $pid ($nginx->workers) {
        my @fds = glob "/proc/$pid/fd/*";
        my ($kb) = Stok::Nginx::slurp("/proc/$pid/smaps_rollup")
            =~ /^Anonymous: +(\d+) kB/m;

        $weight{fds} += @fds;
        $weight{kb} += $kb;
    }

    return \%weight;
}

# the same, once no more descriptors are closed: that is a moment later

sub settled {
    my $nginx = shift;
    my $weight;

    wait_for('settled', sub {
        my $last = $weight;
        $weight = weight($nginx);
        return $last && $last->{fds} == $weight->{fds};
    });

    return $weight;
}

1;
