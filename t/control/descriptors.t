# Closed standard descriptors: nothing that is printed ever gets into a
# connection, and a closed standard output is refused before anything is made
# or connected.  A relay before Redis counts bytes that are not commands.

use strict;
use warnings;
use lib 't/lib';
use IO::Select;
use IO::Socket::INET;
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis, '--actor', 'anna');
my $binary = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');
my ($relay, $port) = relay();
my @closed = ('>&-', '2>&-', '<&-', '<&- 2>&-', '<&- >&-', '>&- 2>&-',
    '<&- >&- 2>&-');

$st->run('init');
$st->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');
my $made = $st->json('token', 'create', '--user', 'etl@service', '--name', 'a',
    '--env', 'testing');
my $id = $made->{id};
my $n = 0;

my %args = (
    'approval set' => ['none'], 'key new' => ['k'],
    'user create' => sub { 'name ' . $n++, '--purpose', 'p', '--owner', 'o' },
    'token create' => sub { '--user', 'etl@service', '--name', 'n' . $n++,
        '--env', 'testing' },
    'user set-role' => ['etl@service', 'manager'],
    'user describe' => ['etl@service', '--owner', 'x'],
    'user delete' => ['none@service'], 'token delete' => [$id],
    export => ['-'], import => ['-'], scan => ['/dev/null'],
    (map { ("token $_" => [$id]) } qw(show rotate rotation revoke
        restore)), 'token extend' => [$id, '--expires-in', '300d'], 'incident token' => [$id],
    (map { ("user $_" => ['etl@service']) } qw(show approve disable enable
        revoke-all)), 'incident user' => ['etl@service'],
);

# what ends before it connects: it needs no Redis, a key file, or a token on
# standard input

my %offline = map { $_ => 1 } 'key new', 'scan', 'token adopt', 'help', 'seal';

for my $verb (verbs()) {
    for my $closed (@closed) {
        my @args = ref $args{$verb} eq 'CODE' ? $args{$verb}->()
            : @{ $args{$verb} // [] };
        my $name = "$verb $closed";
        my $before = Stok::Command::snapshot($redis);
        my $connections = seen('connection');
        my ($code, $out, $err) = closed($closed, split(/ /, $verb), @args);

        is(seen('garbage'), 0, "$name: only commands get to Redis");
        cmp_ok(seen('connection'), '>', $connections, "$name: it got there")
            if $closed eq '2>&-' && !$offline{$verb};

        next if $closed !~ /(?:^| )>/;

        is($code, 2, "$name: refused");
        is($err, $closed =~ /2>/ ? '' : "service-token: standard output is "
            . "closed: nothing was done\n", "$name: one line, if it can");
        is(seen('connection'), $connections, "$name: no connection");
        is(Stok::Command::snapshot($redis), $before, "$name: no change");
    }
}

# what is printed still gets to where it can

$st->run('user', 'enable', 'etl@service');
my ($code, $out) = closed('<&- 2>&-', 'token', 'create', '--user',
    'etl@service', '--name', 'last', '--env', 'testing');
like("$code $out", qr/^0 stk_svc_\w{38}\n\z/, 'a token, without standard error');
like(($st->input($out, 'check'))[1], qr{^ALLOWED }, 'it is one');

# an error that is a command of Redis, if it gets there

for my $closed (@closed) {
    closed($closed, 'token', 'show', qq("\nSET pwned 1\n"));
    is($redis->cli('EXISTS', 'pwned'), 0, "no command by an error $closed");
}

is(seen('garbage'), 0, 'and nothing else');
cmp_ok(seen('connection'), '>', 100, 'the relay was there');

# that it would count

my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
print $sock "*1\r\n\$4\r\nPING\r\nstk_svc_";
close $sock;
wait_for('garbage is counted', sub { seen('garbage') == 1 });

$relay->stop('KILL');
finish;


sub verbs {
    my ($code, $out) = $st->run('--help');
    my @verbs = $out =~ /^  ([a-z]+(?: [a-z][a-z-]*)?)/mg;
    cmp_ok(scalar(@verbs), '>', 30, 'every verb');
    return @verbs;
}

sub closed {
    my ($closed, @args) = @_;
    my $dir = $st->{dir};
    unlink "$dir/out", "$dir/err";
    delete local $ENV{SERVICE_TOKEN_REDIS};
    system '/bin/sh', '-c', "exec timeout 20 \"\$\@\" >'$dir/out' 2>'$dir/err'"
        . " </dev/null $closed", 'sh', $binary, '--redis',
        "redis://127.0.0.1:$port", '--actor', 'anna', @args;
    return ($? >> 8, map { Stok::Command::slurp("$dir/$_") } 'out', 'err');
}

sub seen {
    my $what = shift;
    return scalar(() = Stok::Command::slurp("$st->{dir}/relay")
        =~ /^$what$/mg);
}

# precedes Redis, until it is stopped; one client at a time

sub relay {
    my $listen = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1',
        LocalPort => 0) or die "cannot listen: $!";

    my $relay = Stok::Process->start(log => "$st->{dir}/relay", code => sub {
        $| = 1;

        while (my $client = $listen->accept) {
            print "connection\n";
            my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                PeerPort => $redis->port) or die;
            between($client, $server);
        }
    });

    return ($relay, $listen->sockport);
}

sub between {
    my ($client, $server) = @_;
    my $select = IO::Select->new($client, $server);
    my ($said, $garbage) = ('', 0);

    while (1) {
        for my $sock ($select->can_read) {
            sysread $sock, my $buf, 65536 or return;
            syswrite $sock == $server ? $client : $server, $buf;
            next if $sock == $server;

            $said .= $buf;
            1 while Stok::FakeRedis::command(\$said);
            next if $garbage || $said =~ /^(?:\z|\*\d*\r?(?:\n|\z))/;
            print "garbage\n";
            $garbage = 1;
        }
    }
}
