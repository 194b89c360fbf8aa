package Stok::Oracle;

# Knows at any moment who may be let in, and judges what nginx answered under
# load.
#
# A subject is a service user with one or two tokens.  The oracle is the only
# one that changes it, one change at a time, by commands to a real Redis, and
# keeps its history: each state with the moment at which its change was sent,
# and that at which the answer was read.  A state may have been in force from
# its own sent until the next one's acknowledged.  So a request that was let
# in is judged by the last admitting state that was sent before its answer
# came: its staleness is the time from the end of that state to the request's
# start, and the bound is a limit for it.  The same with the roles changed
# tells a request that was refused without a cause.
#
# fast subjects change often; flickering ones are asked for much, and denied
# while the question of their admission is still under way; slow ones stay
# denied for longer than the bound, and are denied right before and right
# after a fault; stable ones never change.
#
# A process that waits for a CPU hears nothing.  So while it runs, the oracle
# reads how long the keeper and Redis waited, and says which answers would have
# been in time without: their run proves nothing, and is to be repeated.

use strict;
use warnings;

use List::Util qw(max min);
use Stok::Load;
use Stok::Nginx;
use Stok::Process;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($SENT, $ACKED, $ADMITS, $WHAT) = 0 .. 3;

# each way to deny a subject, and the way back

my %change = (
    revoked  => { token => [status => 'revoked', revoked_at => 1],
                  back  => [status => 'active', revoked_at => 0] },
    expired  => { token => [expires_at => 1], back => [expires_at => 0] },
    scoped   => { token => [scope => 'scim'], back => [scope => ''] },
    disabled => { user => [status => 'disabled'],
                  back => [status => 'active'] },
    demoted  => { user => [role => 'member'], back => [role => 'manager'] },
    deleted  => { token => undef },
    removed  => { user => undef },
);

sub now { clock_gettime(CLOCK_MONOTONIC) }

sub new {
    my ($class, %opt) = @_;

    my $self = bless { redis => $opt{redis}, subjects => [] }, $class;

    my %n = (fast => 12, flicker => 4, slow => 14, stable => 4, %opt);

    for my $kind (qw(fast flicker slow stable)) {
        push @{ $self->{subjects} }, $self->subject($kind) for 1 .. $n{$kind};
    }

    $self->admit_all;

    return $self;
}

sub subject {
    my ($self, $kind) = @_;

    my $n = @{ $self->{subjects} };
    my $redis = $self->{redis};
    my $user = $redis->user("oracle$n\@service", role => 'manager');

    my @token = map { $redis->token(user => $user, name => "n$_") }
        1 .. 1 + $n % 2;
    my @key = ($redis->key("user:$user"), map { $redis->token_key($_) } @token);

    return { kind => $kind, user => $key[0], history => [], denied => 'new',
        token => \@token, token_key => [@key[1 .. $#key]],
        record => { map { $_ => $redis->cli('HGETALL', $_) } @key } };
}

# requests for Stok::Load, and whose they are

sub requests {
    my $self = shift;

    my (@text, @whose);

    for my $subject (@{ $self->{subjects} }) {
        my $often = $subject->{kind} eq 'flicker' ? 3 : 1;

        for my $token ((@{ $subject->{token} }) x $often) {
            push @whose, $subject;
            push @text, "HEAD /manager.html HTTP/1.1\r\nHost: localhost\r\n"
                . "Authorization: Bearer $token\r\n\r\n";
        }
    }

    return \@text, \@whose;
}

# commands that deny a subject, or admit it again

sub deny {
    my ($self, $subject) = @_;

    my @all = sort keys %change;
    my $what = $subject->{denied} = $all[rand @all];
    my $way = $change{$what};

    return map { my $fields = $way->{token} // $way->{user};
            $fields ? ['HSET', $_, @$fields] : ['DEL', $_] }
        keys_of($subject, $what);
}

sub admit {
    my ($self, $subject) = @_;

    my $what = delete $subject->{denied};
    my $back = ($change{$what} // {})->{back};

    return map { $back ? ['HSET', $_, @$back]
                       : ['HSET', $_, @{ $subject->{record}{$_} }] }
        keys_of($subject, $what);
}

sub keys_of {
    my ($subject, $what) = @_;

    my $way = $change{$what}
        or return ($subject->{user}, @{ $subject->{token_key} });

    return exists $way->{user} ? $subject->{user} : @{ $subject->{token_key} };
}

# sends commands, which change these subjects; answered() reads the answers

sub send {
    my ($self, $commands, @subjects) = @_;

    $self->settle;

    my $sent = now();
    my @state = map { [$sent, undef, $_->{denied} ? 0 : 1,
        $_->{denied} // 'admitted'] } @subjects;

    push @{ $subjects[$_]{history} }, $state[$_] for 0 .. $#subjects;

    $self->{pending} = { replies => scalar @$commands, states => \@state };
    $self->{changes} += @subjects;

    $self->{redis}->send(@$commands);
}

sub answered {
    my $self = shift;

    my $pending = $self->{pending} or return;

    $self->{redis}->reply for 1 .. $pending->{replies};

    my $acked = now();

    $_->[$ACKED] = $acked for @{ $pending->{states} };
    delete $self->{pending};
}

sub settle { $_[0]->answered }

# the next change of a subject, and when there will be another

sub step {
    my ($self, $subject) = @_;

    my $kind = $subject->{kind};
    my $wait;

    if ($subject->{denied}) {
        $self->send([$self->admit($subject)], $subject);
        $wait = $kind eq 'flicker' ? rand 0.002 : 0.1 + rand 0.4;

    } else {
        $self->send([$self->deny($subject)], $subject);
        $wait = $kind eq 'slow' ? $self->{hold} + rand 0.2 : 0.08 + rand 0.3;
    }

    $subject->{due} = now() + $wait;
}

# for how long a slow subject stays denied

sub hold { $_[0]{hold} = $_[1] }

sub subjects {
    my ($self, $kind) = @_;
    return grep { !$kind || $_->{kind} eq $kind } @{ $self->{subjects} };
}

# Denies one half of the slow subjects (0 or 1), in one write with the commands
# that stand before, and comes back when that is acknowledged.

sub strike {
    my ($self, $half, @commands) = @_;

    my @half = grep { !$_->{denied} } $self->half($half);

    $self->send([@commands, map { $self->deny($_) } @half], @half);
    $self->settle;

    $_->{due} = now() + $self->{hold} for @half;
}

# the same, one after the other, when Redis answers; comes back at once

sub strike_later {
    my ($self, $half) = @_;
    $_->{due} = now() for grep { !$_->{denied} } $self->half($half);
}

sub half {
    my ($self, $half) = @_;
    my @slow = $self->subjects('slow');
    return @slow[grep { $_ % 2 == $half } 0 .. $#slow];
}

# All records go, by what is called, and nobody may be let in, until fill().

sub lose {
    my ($self, $how) = @_;

    $self->settle;

    my $sent = now();

    $how->();

    my $acked = now();

    for my $subject ($self->subjects) {
        push @{ $subject->{history} }, [$sent, $acked, 0, 'lost'];
        $subject->{denied} = 'lost';
        delete $subject->{due};
    }
}

# The records come back; the slow ones, if so told, as revoked.

sub fill {
    my ($self, $slow) = @_;

    $self->{redis}->init;

    for my $subject ($self->subjects) {
        my @admit = $self->admit($subject);

        if ($slow && $subject->{kind} eq 'slow') {
            $subject->{denied} = 'revoked';
            push @admit, map { ['HSET', $_, @{ $change{revoked}{token} }] }
                @{ $subject->{token_key} };
            @admit = (['MULTI'], @admit, ['EXEC']);
            $subject->{due} = now() + $self->{hold};

        } elsif ($subject->{kind} =~ /^f/) {
            $subject->{due} = now() + 0.1 + rand 0.4;
        }

        $self->send(\@admit, $subject);
    }

    $self->settle;
}

sub admit_all {
    my $self = shift;

    for my $subject ($self->subjects) {
        $self->send([$self->admit($subject)], $subject) if $subject->{denied};
        delete $subject->{due};
    }

    $self->settle;
}

# Load and changes for so many seconds.  faults is a list of [second, code];
# they are run in that order, one also while a change is unanswered.  watch is
# a list of the processes that have to hear of a change.  The answer is what
# judge() says.

sub run {
    my ($self, %opt) = @_;

    my ($requests, $whose) = $self->requests;
    my @faults = @{ $opt{faults} // [] };

    $self->{changes} = 0;
    $self->{looks} = [];
    $self->hold($opt{bound} + 0.4);

    my $load = Stok::Load->start(%{ $opt{load} // {} }, port => $opt{port},
        requests => $requests);

    my $begin = now();
    my $end = $begin + $opt{seconds};

    $_->{due} = $begin + 0.3 + rand 0.4
        for $self->subjects('fast'), $self->subjects('flicker');

    while ((my $now = now()) < $end) {
        $self->look(@{ $opt{watch} // [] });

        if (@faults && $now >= $begin + $faults[0][0]) {
            (shift @faults)->[1]->($self);
            next;
        }

        my ($next) = sort { $a->{due} <=> $b->{due} }
            grep { defined $_->{due} } $self->subjects;
        my @until = ($end, @faults ? $begin + $faults[0][0] : ());

        if (!$self->{pending} && $next) {
            $self->step($next), next if $next->{due} <= $now;
            push @until, $next->{due};
        }

        my $set = '';
        vec($set, fileno $self->{redis}{sock}, 1) = 1
            if $self->{pending};

        $self->answered
            if select($set, undef, undef, max(0, min(@until) - $now)) > 0;
    }

    $self->settle;
    $self->look(@{ $opt{watch} // [] });

    my @answers = $load->stop;

    return $self->judge($opt{bound}, $whose, @answers);
}

# How long each of the processes has waited for a CPU, in seconds.  The kernel
# counts a wait when it ends.

sub look {
    my ($self, @pids) = @_;

    my @waited;

    for my $pid (@pids) {
        my ($text) = Stok::Nginx::slurp("/proc/$pid/schedstat");
        push @waited, (split / /, $text // '0 0')[1] / 1e9;
    }

    push @{ $self->{looks} }, [now(), @waited];
}

# the longest wait of one of them in that time, which may have ended later

sub waited {
    my ($self, $from, $to) = @_;

    my $looks = $self->{looks};
    my ($first) = grep { $_->[0] <= $from } reverse @$looks;
    my ($last) = grep { $_->[0] <= $to } reverse @$looks;
    my $waited = 0;

    return 0 if !$first;

    for my $i (1 .. $#$last) {
        my ($end) = grep { $_->[0] > $to && $_->[$i] > $last->[$i] } @$looks;
        my $sum = ($end // $looks->[-1])->[$i] - $first->[$i];

        $waited = max($waited, min($sum, $to - $from));
    }

    return $waited;
}

# From the end of the last state of that kind to the request's start; 0: it
# was in force since then, perhaps.

sub staleness {
    my ($history, $admits, $start, $end) = @_;

    for my $i (reverse 0 .. $#$history) {
        my $state = $history->[$i];

        next if $state->[$ADMITS] != $admits || $state->[$SENT] > $end;

        return 0 if $i == $#$history;
        return max(0, $start - $history->[$i + 1][$ACKED]);
    }

    return 9999;
}

sub judge {
    my ($self, $bound, $whose, @answers) = @_;

    my %said = (requests => scalar @answers, changes => $self->{changes},
        allowed => 0, hits => 0, refused => 0, unavailable => 0, lost => 0,
        probes => 0, waited => 0, stale => 0, late => 0, pids => {},
        wrong => [], busy => []);

    for my $answer (@answers) {
        my ($start, $end, $n, $status, $cache, $pid) = @$answer;
        my $history = $whose->[$n]{history};

        $said{lost}++, next if !$status;
        $said{pids}{$pid}++;

        # it had to be refused

        my $stale = staleness($history, 1, $start, $end);
        $said{probes}++ if $stale > $bound;
        $said{waited}++ if $stale > $bound && $end - $start > $bound;

        if ($status == 503) {
            $said{unavailable}++;
            next;
        }

        my $which = 'stale';

        if ($status == 200) {
            $said{allowed}++;
            $said{hits}++ if $cache eq 'HIT';

        } elsif ($status == 401 || $status == 403) {
            $said{refused}++;
            $which = 'late';
            $stale = staleness($history, 0, $start, $end);

        } else {
            $which = 'late';
            $stale = 9999;
        }

        $said{$which} = max($said{$which}, $stale);

        next if $stale <= $bound;

        my $waited = $self->waited($start - $stale, $start);

        push @{ $said{ $stale - $waited > $bound ? 'wrong' : 'busy' } },
            sprintf '%s %.1f ms, %.1f of them without a CPU: %d %s by %d,'
                . ' started %.6f, answered %.6f, %s', $which, $stale * 1000,
                $waited * 1000, $status, $cache, $pid, $start, $end,
                story($history, $end);
    }

    return \%said;
}

# the last states before that moment

sub story {
    my ($history, $end) = @_;

    my @before = grep { $_->[$SENT] <= $end } @$history;
    splice @before, 0, -3 if @before > 3;

    return join ', ', map { sprintf '%s %.6f-%.6f', @$_[$WHAT, $SENT, $ACKED] }
        @before;
}

1;
