use strict;
use warnings;

# The worker that writes the uses of all is killed, or stops, at each step of a
# flush: each use counts once.  The module is built with t/hook.h for that.

use lib 't/lib';
use Cwd ();
use File::Basename qw(dirname);
use File::Temp ();

my $build;

BEGIN {
    my $module = Cwd::abs_path($ENV{STOK_MODULE}
        // 'build/nginx/objs/ngx_service_token_module.so');

    $build = File::Temp->newdir('stok-hooked-XXXXXX', TMPDIR => 1);
    system('util/build-hooked', dirname(dirname($module)), "$build") == 0
        or die "no module with hooks\n";
    $ENV{STOK_MODULE} = "$build/objs/ngx_service_token_module.so";
}

use Stok::Test;

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $hook = "$build/hook";
mkdir $hook;

my $redis = Stok::Redis->start;
$redis->user('user@service');

my @tokens = map { $redis->token(id => sprintf 'tok_%016d', $_) } 0 .. 149;
my $uses = 0;
my ($standing, $unanswered) = (0, 0);

for my $workers (1, 3) {
    my $nginx = edge(redis => $redis, workers => $workers,
        name => "$workers workers", main => "env STOK_HOOK=$hook;",
        conf => 'service_token_flush 1s;');
    $nginx->{expect} = qr/exited on signal 9/;

    # of a flush: the number is raised, a cell is frozen, the last one is, the
    # batch is about to be sent, was answered, is acknowledged, a cell is freed

    for my $point (qw(number cell frozen send answered acked free)) {
        step($nginx, "KILL-flush-$point", "$workers workers");
    }

    # and while the heir does the same for one that was killed

    for my $point (qw(adopted number cell send acked free)) {
        used($nginx, @tokens[0 .. 99]);
        kill 'KILL', $_ for $nginx->workers;
        step($nginx, "KILL-flush-$point", "$workers workers, heir");
    }

    # it stops there, another one does all, and it comes back: what it adopted
    # is its own until it dies, though it does not write any more

    next if $workers == 1;

    for my $point (qw(send answered)) {
        step($nginx, "STOP-flush-$point", "$workers workers");
    }

    hook('KILL-flush-number');
    step($nginx, 'STOP-flush-adopted', "$workers workers, heir");
}

finish();


sub step {
    my ($nginx, $point, $name) = @_;

    hook($point);
    $standing = ($point =~ /^STOP/);
    used($nginx, @tokens);
    wait_for("$point is reached", sub { !-e "$hook/$point" }, 20);

    my ($stopped) = $point =~ /^STOP/ ? stopped($nginx) : ();

    # what it has not offered waits for it, the rest is another one's

    if ($stopped) {
        wait_for('another writer', sub { writer($nginx) != $stopped }, 20);
        my $before = sum();
        used($nginx, @tokens);
        wait_for('it writes', sub { sum() > $before }, 20);
        kill 'CONT', $stopped;
        $standing = 0;
    }

    used($nginx, @tokens[0 .. 4]);
    written($nginx, "$name: $point");
}

sub hook {
    my $point = shift;
    open my $fh, '>', "$hook/$point" or die "$hook/$point: $!";
}

# the worker that stands still

sub stopped {
    my $nginx = shift;
    my @found;

    wait_for('one stops', sub {
        @found = grep { state($_) eq 'T' } $nginx->workers;
    });

    return @found;
}

sub state {
    my $pid = shift;
    open my $fh, '<', "/proc/$pid/stat" or return '';
    return (split ' ', <$fh>)[2];
}

# Workers die between requests here, so a request without an answer was not
# noted; but a worker that stands still may have taken one already, which it
# answers to nobody when it goes on.

sub used {
    my ($nginx, @list) = @_;

    for my $token (@list) {
        my $said = said($nginx, $token);
        $uses++ if $said =~ /^200/;
        $unanswered++ if $standing && $said !~ /^\d/;
    }
}

sub written {
    my ($nginx, $name) = @_;

    eval { wait_for($name, sub { sum() >= $uses + $unanswered }, 30) };

    if ($unanswered) {
        cmp_ok(sum(), '>=', $uses, "$name: no use is lost");
        cmp_ok(sum(), '<=', $uses + $unanswered, "$name: each use once");
        ($uses, $unanswered) = (sum(), 0);
        return;
    }

    is(sum(), $uses, "$name: each use once");
}

sub sum {
    my $sum = 0;

    $redis->send(map { [ 'HGET', sprintf('{st}:usage:tok_%016d', $_), 'uses' ] }
        0 .. 149);
    $sum += $redis->reply // 0 for 0 .. 149;

    return $sum;
}

sub writer {
    my $nginx = shift;
    return ($nginx->log =~ /(\d+)#\d+: service token: this worker writes/g)[-1];
}
