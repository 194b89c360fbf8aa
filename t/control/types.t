# Every verb ends with one line and the right exit code, for any answer of a
# server: integers, nil, texts, arrays that are empty, nested or of the wrong
# length, errors, in place of each answer in turn.  A real Redis gives the
# answers before it.

use strict;
use warnings;
use lib 't/lib';
use IO::Socket::UNIX;
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $dir = "$st->{dir}";
my $user = 'pipeline@service';

$st->run('init');
$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o',
    '--role', 'admin');
my $token = $st->json('token', 'create', '--user', $user, '--name', 'one',
    '--env', 'testing');
my $old = $st->json('token', 'create', '--user', $user, '--name', 'two',
    '--env', 'testing')->{id};
$st->run('token', 'rotate', $old);
$st->run('export', "$dir/dump");

open my $file, '>', "$dir/found" or die;
print $file "$token->{token}\n";
close $file;

my %odd = (
    integer  => ":-7\r\n",
    nil      => "\$-1\r\n",
    none     => "*-1\r\n",
    empty    => "*0\r\n",
    text     => "\$3\r\nodd\r\n",
    status   => "+OK\r\n",
    error    => "-WRONGTYPE Operation \e[2J against\r\n",
    one      => "*1\r\n\$-1\r\n",
    integers => "*2\r\n:1\r\n:2\r\n",
    nils     => "*6\r\n" . "\$-1\r\n" x 6,
    nested   => "*2\r\n*1\r\n*0\r\n*2\r\n*0\r\n:1\r\n",
    page     => "*2\r\n\$1\r\n0\r\n*2\r\n:1\r\n*0\r\n",
    zero     => "*2\r\n\$5\r\na\0b\0c\r\n\$1\r\n\0\r\n",
    answer   => "*3\r\n\$2\r\nOK\r\n*1\r\n*2\r\n:1\r\n\$-1\r\n:3\r\n",
);

my @verbs = (
    ['init'], ['user', 'list'], ['user', 'show', $user],
    ['user', 'set-role', $user, 'member'], ['user', 'disable', $user],
    ['user', 'describe', $user, '--owner', 'x'], ['user', 'delete', $user],
    ['user', 'revoke-all', $user],
    ['user', 'create', 'Other', '--purpose', 'p', '--owner', 'o'],
    ['token', 'create', '--user', $user, '--name', 'n', '--env', 'testing'],
    ['token', 'list'], ['token', 'list', '--user', $user],
    ['token', 'show', $old], ['token', 'rotate', $token->{id}],
    ['token', 'rotation', $old], ['token', 'revoke', $old],
    ['token', 'restore', $old], ['token', 'delete', $old, '--force'],
    ['check'], ['review'], ['audit'], ['audit', '--token', $old],
    ['audit', 'verify'], ['incident', 'token', $old],
    ['incident', 'user', $user], ['status'], ['fsck'], ['fsck', '--fix'],
    ['scan', '--revoke', "$dir/found"], ['export', '-'],
    ['import', "$dir/dump", '--overwrite'],
    ['user', 'enable', $user, '--wait', '50ms'],
);

my %kept;
back();

# at each place some of them, in turn; all with STOK_ALL=1: minutes

my @odd = sort keys %odd;
my $some = $ENV{STOK_ALL} ? @odd : 4;
my $next = 0;

for my $verb (@verbs) {
    my ($bad, $places) = ('', 0);
    my $name = "@$verb" =~ s/tok_\w+/ID/gr =~ s/\Q$dir\E/DIR/gr;

  PLACE:
    for my $at (1 .. 60) {
        for (1 .. $some) {
            my $odd = $odd[$next++ % @odd];
            my ($code, $out, $err, $met) = ask($odd{$odd}, $at, @$verb);
            last PLACE if !$met;

            $bad .= "$odd for answer $at: $code $out $err\n"
                if $code =~ /signal/ || $code > 4
                    || "$out$err" =~ /[\e\0\x7f]/
                    || $code > 1 && $err !~ /^service-token: /m
                        && $out !~ /^UNAVAILABLE/;
        }

        $places++;
    }

    is($bad, '', "$name: no crash, and a line");
    cmp_ok($places, '>', 0, "$places places");
}

finish();


# the answer of a verb whose answer number $at is odd; whether it came to that.
# The change is taken back.

sub ask {
    my ($odd, $at, @verb) = @_;

    my $path = "$dir/proxy";
    my $proxy = Stok::Process->start(log => "$dir/log",
        code => sub { relay($path, $odd, $at) });
    wait_for('the relay listens', sub { -S $path });

    my ($code, $out, $err) = $st->input("$token->{token}\n", '--redis',
        "unix://$path", @verb);
    my $signal = $? & 127;

    $proxy->stop('KILL');
    unlink $path;
    my $met = -e "$path.met";
    unlink "$path.met";
    back();

    return ($signal ? "signal $signal" : $code, $out, $err, $met);
}

sub back {
    my @keys = @{ $redis->cli('KEYS', '*') };

    if (!%kept) {
        %kept = map { $_ => $redis->cli('DUMP', $_) } @keys;
        return;
    }

    $redis->cli('FLUSHALL');
    $redis->cli('RESTORE', $_, 0, $kept{$_}) for keys %kept;
}

sub relay {
    my ($path, $odd, $at) = @_;

    my $listen = IO::Socket::UNIX->new(Local => "$path.new", Listen => 4) or die;
    rename "$path.new", $path;
    my $client = $listen->accept;
    my $server = IO::Socket::UNIX->new(Peer => $redis->socket) or die;
    my ($in, $n) = ('', 0);

    $SIG{PIPE} = 'DEFAULT';

    while (sysread $client, $in, 65536, length $in) {
        while (my $args = Stok::FakeRedis::command(\$in)) {
            my $reply = exchange($server, $args);

            if (++$n == $at) {
                open my $fh, '>', "$path.met";
                $reply = $odd;
            }

            syswrite $client, $reply;
        }
    }
}

sub exchange {
    my ($server, $args) = @_;

    my $text = '*' . @$args . "\r\n"
        . join '', map { '$' . length($_) . "\r\n$_\r\n" } @$args;

    while (length $text) {
        my $n = syswrite $server, $text or die;
        substr $text, 0, $n, '';
    }

    return whole($server);
}

# one reply, as it came

sub whole {
    my $server = shift;
    my $line = '';

    $line .= octets($server, 1) while $line !~ /\r\n\z/;

    return $line . octets($server, $1 + 2) if $line =~ /^\$(\d+)/;
    return join '', $line, map { whole($server) } 1 .. $1
        if $line =~ /^\*(\d+)/;
    return $line;
}

sub octets {
    my ($server, $n) = @_;
    my $got = '';

    while (length $got < $n) {
        sysread $server, $got, $n - length $got, length $got or die;
    }

    return $got;
}
