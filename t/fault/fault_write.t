use strict;
use warnings;

# A worker dies, or stops, inside a write to the shared table, at each point
# between two of its stores, and has the zone's mutex.  The module is built
# with t/hook.h for that.  Under load, what must hold is in Stok::Fault; and
# then the mutex is free, the half-written bucket is healed, and all tokens
# come from the cache again, the one that was being written, too.

use lib 't/lib';
use Cwd ();
use File::Basename qw(dirname);
use File::Temp ();

# beside the module that others test

my $build;

BEGIN {
    my $module = Cwd::abs_path($ENV{STOK_MODULE}
        // 'build/nginx/objs/ngx_service_token_module.so');

    $build = File::Temp->newdir('stok-hooked-XXXXXX', TMPDIR => 1);
    system('util/build-hooked', dirname(dirname($module)), "$build") == 0
        or die "no module with hooks\n";
    $ENV{STOK_MODULE} = "$build/objs/ngx_service_token_module.so";
}

use Stok::Fault;
use Stok::Test;

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $hook = "$build/hook";
mkdir $hook;

my ($redis, $fault, $nginx, @many, @asked);
my $n = 0;

# ---- of a write: a new token's record, of several slots

begin(2);

# after "tag" it has one of its slots, the next ones look free; several times,
# since the epoch hides it if the keeper dies

dies("KILL-$_", \&ask) for qw(write begin head key data end done),
    ('tag') x 4;

# an old entry of the key goes first: all are old with a new stream

dies('KILL-clear',
    sub { $redis->cli('CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes') });

# who heals what a dead one left dies, too

dies('KILL-heal', sub {
    my $token = shift;

    arm('KILL-end');
    ask($token);
    reached('KILL-end');
    wait_for('the heir dies', sub { ask($token); !-e "$hook/KILL-heal" });
});

# it keeps the mutex for longer than the lease, then goes on, or is killed

stops('STOP-data', \&ask, $_) for qw(CONT KILL);

# ---- of a drop: the keeper hears of a revocation

begin(4);

dies("KILL-$_") for qw(drop generation begin clear end done);
stops('STOP-generation', undef, $_) for qw(CONT KILL);
dies('KILL-end', \&ask);

finish();


# a table of few buckets, in which the tokens are neighbours

sub begin {
    my $workers = shift;

    $redis = Stok::Redis->start;
    $fault = Stok::Fault->new(redis => $redis,
        conf => 'service_token_cache_valid 10m unknown=10m;',
        edge => { workers => $workers, zone => '128k',
            name => "$workers workers", main => "env STOK_HOOK=$hook;",
            expect => qr/exited on signal 9|zone "service_token:\S+ was locked/
        });
    $nginx = $fault->{nginx};

    @many = ((map { token() } 1 .. 60), @{ $fault->{valid} });
}

sub token { $redis->token(name => 'long' x 20 . $n++) }

sub arm {
    my $point = shift;
    open my $fh, '>', "$hook/$point" or die "$hook/$point: $!";
}

sub reached {
    my $point = shift;
    wait_for("$point was reached", sub { !-e "$hook/$point" });
}

# the answer is not waited for

sub ask {
    my $token = shift;
    push @asked, $nginx->open("GET /index.html HTTP/1.1\r\nHost: h\r\n"
        . "Authorization: Bearer $token\r\n\r\n");
}

sub dies {
    my ($point, $code) = @_;
    try($point, $code, lost => 16, moves => 1, up => 1);
}

# The worker does so at that point of what the code makes of a new token; or,
# without code, of the drop of one that is revoked.

sub try {
    my ($point, $code, %case) = @_;

    my $name = "$point of a " . ($code ? 'write' : 'drop');
    my $token = token();
    my @before = $nginx->workers;

    cached("$name: before");

    $fault->try($name, lasts => 0.1, close => 1, %case,
        victim => sub {
            arm($point) if !$code;
            $fault->revoke(@_);
        },
        begin => sub {
            arm($point), $code->($token) if $code;
            reached($point);
        });

    my %now = map { $_ => 1 } $nginx->workers;
    my @dead = grep { !$now{$_} } @before;

    is(@dead > 0, !!$case{moves}, "$name: it is gone");
    is(keys %now, @before, "$name: it is replaced");
    like($nginx->log, qr/ was locked by $_\b/, "$name: its mutex was freed")
        for @dead;

    # others take what is free, and what was not cleared would mix with them

    my @others = map { token() } 1 .. 230;
    is(Stok::Uses::run($nginx, \@others, connections => 16), 230,
        "$name: others are let in");

    push @many, $token;
    cached("$name: after");
    like(said($nginx, $_), qr/^401 REVOKED/, "$name: a revoked token is refused")
        for @{ $fault->{dead} };
    shift @many;
    @asked = ();
}

# its own clients may get 503 when it is back, and nobody else

sub stops {
    my ($point, $code, $then) = @_;

    my @stopped;

    try($point, $code, lasts => 1.5, late => 1.5, down_at => \@stopped,
        ($then eq 'KILL' ? (moves => 1, lost => 16) : ()),
        end => sub {
            @stopped = grep { Stok::Nginx::slurp("/proc/$_/stat") =~ /\) T / }
                $nginx->workers;
            is(@stopped, 1, "$point, $then: one was stopped");
            kill $then, @stopped;
        });
}

# each token comes from the cache in the end, and is let in at any time

sub cached {
    my $name = shift;
    my (%wrong, @left);

    @left = @many;

    ok(eval { wait_for($name, sub {
        @left = grep {
            my $said = said($nginx, $_);
            $wrong{$said}++ if $said !~ /^200 ALLOWED/;
            $said ne '200 ALLOWED HIT';
        } @left;
        !@left;
    }) }, "$name: all come from the cache") or diag(scalar @left, ' do not');

    is(join(', ', %wrong), '', "$name: all are let in");
}
