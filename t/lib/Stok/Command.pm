package Stok::Command;

# The command under test.  run() answers with exit code, standard output and
# standard error; in the command's environment nothing is set but where Redis
# is.

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use JSON::PP ();
use Stok::Redis;

my $binary = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');

sub new {
    my ($class, $redis, @options) = @_;
    return bless { redis => $redis, options => \@options,
        dir => File::Temp->newdir }, $class;
}

sub run {
    my ($self, @args) = @_;
    return $self->input('', @args);
}

sub input {
    my ($self, $input, @args) = @_;

    open my $in, '+>', "$self->{dir}/in" or die;
    print $in $input;
    close $in;

    unlink map { "$self->{dir}/$_" } 'out', 'err';

    my $pid = $self->start(@args);
    waitpid $pid, 0;
    my $signal = $? & 127;

    # a crash would look like exit 0

    my ($code, $out, $err)
        = ($signal ? "signal $signal" : $? >> 8, map { slurp("$self->{dir}/$_") } 'out', 'err');

    push @Stok::Redis::tokens, $out =~ /(\w+_(?:svc|pat|scim)_\w{38})/g;

    return ($code, $out, $err);
}

sub start {
    my ($self, @args) = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', -e "$self->{dir}/in" ? "$self->{dir}/in" : '/dev/null';
        open STDOUT, '>', $self->{stdout} // "$self->{dir}/out";
        open STDERR, '>', "$self->{dir}/err";
        $self->become(@args);
    }

    return $pid;
}

# in a child, whose descriptors are as they are to be

sub become {
    my ($self, @args) = @_;

    # a shell that starts tests in the background has them ignored

    $SIG{$_} = 'DEFAULT' for qw(HUP INT QUIT TERM);

    $ENV{XDG_CONFIG_HOME} = '/nonexistent' if !exists $ENV{XDG_CONFIG_HOME};
    delete $ENV{$_} for grep { /^SERVICE_TOKEN|^SUDO_USER$/ } keys %ENV;
    $ENV{SUDO_USER} = $self->{sudo} if defined $self->{sudo};
    %ENV = (%ENV, %{ $self->{env} // {} });
    $ENV{SERVICE_TOKEN_REDIS} = 'unix://' . $self->{redis}->socket
        if $self->{redis};
    exec { $binary } 'service-token', @{ $self->{options} }, @args
        or POSIX::_exit(127);
}

# the id of the token that "created" or "rotated" names

sub made { $_[0] =~ /^(?:created|rotated) .*?(tok_\w{16}) \(/m ? $1 : '' }

# the answer as data; dies if the command did not end well

sub json {
    my ($self, @args) = @_;
    my ($code, $out, $err) = $self->run(@args, '--json');
    die "@args: $code $err" if $code;
    return JSON::PP->new->utf8->decode($out);
}

sub slurp { open my $fh, '<', shift or return ''; local $/; scalar(<$fh>) // '' }

# all that a dataset holds, to see that nothing was changed; what Redis keeps
# in no order is sorted, since it may change its mind between two looks, and
# what nginx writes to prove that it receives changes is skipped

sub snapshot {
    my $redis = shift;

    return join "\n", map {
        my $type = $redis->cli('TYPE', $_);
        my @all = $type eq 'hash' ? @{ $redis->cli('HGETALL', $_) }
            : $type eq 'set' ? sort @{ $redis->cli('SMEMBERS', $_) }
            : unpack 'H*', $redis->cli('DUMP', $_);

        if ($type eq 'hash') {
            my %hash = @all;
            @all = map { "$_=$hash{$_}" } sort keys %hash;
        }

        "$_ @all";
    } grep { !/:(?:watch:.*|ack:.*|tick|nodes)\z/ }
        sort @{ $redis->cli('KEYS', '*') };
}

# what must hold between the keys of a dataset; the answer is what does not

sub broken {
    my $redis = shift;

    my (@broken, %seen);
    my $audit = audit($redis);
    my $say = sub { push @broken, join ' ', @_ };
    my %expiry = @{ $redis->cli('ZRANGE', $redis->key('expiry'), 0, -1,
        'WITHSCORES') };
    my %rotating = @{ $redis->cli('ZRANGE', $redis->key('rotating'), 0, -1,
        'WITHSCORES') };

    for my $id (@{ $redis->cli('ZRANGE', $redis->key('tokens'), 0, -1) }) {
        $seen{$id} = 1;

        my $digest = $redis->cli('GET', $redis->key("id:$id"))
            or $say->('no id:', $id), next;
        my %rec = @{ $redis->cli('HGETALL', $redis->key("token:$digest")) }
            or $say->('no record', $id), next;

        $say->('id', $id) if $rec{id} ne $id;
        $say->('user-tokens', $id) if !$redis->cli('SISMEMBER',
            $redis->key("user-tokens:$rec{user}"), $id);
        $say->('expiry', $id) if ($expiry{$id} // 0) != $rec{expires_at};
        $say->('rotating', $id) if $rec{status} eq 'active' && $rec{rotated_to}
            ? ($rotating{$id} // -1) != $rec{expires_at}
                && !($rec{expires_at} && $rec{expires_at} <= time)
            : exists $rotating{$id};
        $say->('no user', $id)
            if !$redis->cli('EXISTS', $redis->key("user:$rec{user}"));
        $say->('no audit', $id)
            if !defined $audit->{$id} ? !$audit->{import}
                : $audit->{$id} ne $rec{status};
        $say->('not linked', $id) if !linked($redis, \%rec, $audit);
    }

    for my $key (@{ $redis->cli('KEYS', $redis->key('*')) }) {
        my $name = substr $key, length $redis->key('');

        if ($name =~ /^id:(.*)/) {
            $say->('not in tokens', $1) if !$seen{$1};

        } elsif ($name =~ /^token:/) {
            my $id = $redis->cli('HGET', $key, 'id');
            $say->('token without id', $name) if !$seen{ $id // '' };

        } elsif ($name =~ /^user-tokens:/) {
            $say->('user-tokens of', $_)
                for grep { !$seen{$_} } @{ $redis->cli('SMEMBERS', $key) };

        } elsif ($name =~ /^user:(.*)/) {
            $say->('user not listed', $1)
                if !defined $redis->cli('ZSCORE', $redis->key('users'), $1);
        }
    }

    return join '; ', @broken;
}

# predecessor and successor name each other, unless the other is deleted

sub linked {
    my ($redis, $rec, $audit) = @_;

    for my $link (['rotated_to', 'rotated_from'], ['rotated_from', 'rotated_to'])
    {
        my ($here, $there) = @$link;
        next if !$rec->{$here};

        my $digest = $redis->cli('GET', $redis->key("id:$rec->{$here}"));

        return 0 if defined $digest
            ? ($redis->cli('HGET', $redis->key("token:$digest"), $there) // '')
                ne $rec->{id}
            : ($audit->{ $rec->{$here} } // 'none') ne '';
    }

    return 1;
}

# what the last entry of each token says: it is what its record says; an import
# has no entry for each

sub audit {
    my $redis = shift;
    my %last;

    for my $entry (@{ $redis->cli('XRANGE', $redis->key('audit'), '-', '+') }) {
        my %entry = @{ $entry->[1] };
        $last{import} = 1 if $entry{action} eq 'import';
        $last{ $entry{token} } = $entry{after} =~ s/,.*//r
            if $entry{action} ne 'fsck.fix';
    }

    return \%last;
}

1;
