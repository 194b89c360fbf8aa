# token rotate: what the successor is, how long the predecessor lives, what is
# refused, and that nothing is lost by a failure or a kill.

use strict;
use warnings;
use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use IO::Select;
use IO::Socket::INET;
use Stok::Command;
use Stok::Test;
use Time::HiRes qw(sleep time);

my $day = 86400;
my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis, '--actor', 'anna');
my $user = 'pipeline@service';
my $year = 1900 + (gmtime)[5];

$st->run('init');
$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
$st->run('user', 'create', 'eva@example.org', '--human');

# the successor, and the two of them

my $old = create('etl', 'staging');
my ($code, $out, $err) = $st->run('token', 'rotate', $old->{id});
is($code, 0, 'rotate');
like($out, qr/^stk_svc_[0-9A-Za-z]{38}\n\z/, 'the plaintext token, alone');
my $id = Stok::Command::made($err);
like($err, qr/^\Q$old->{id}\E is valid until 20\d\d-.*Z$/m,
    'how long the predecessor is');
is($redis->cli('GET', $redis->key("id:$id")), sha256_hex($out =~ s/\n//r),
    'its digest');

my ($was, $is) = map { $st->json('token', 'show', $_) } $old->{id}, $id;
is($is->{$_} // '', $old->{$_}, "the same $_") for qw(user type scope env);
is($is->{name}, "etl-$year", 'a name');
is($is->{expires_at}, $is->{created_at} + 180 * $day, 'lives as long');
like($err, qr/^note: the successor lives 180 days, as its predecessor did/m,
    'which is said');
is($is->{created_by}, 'anna', 'made by');
is("$was->{rotated_to} $is->{rotated_from}", "$id $old->{id}", 'linked');
is("$was->{status} $was->{state}", 'active rotating', 'goes on');
is("$is->{status} $is->{state}", 'active active', 'so does the successor');
is($was->{expires_at}, $old->{expires_at}, 'until its own end');
is($redis->cli('ZSCORE', $redis->key('expiry'), $old->{id}),
    $was->{expires_at}, 'as the index says');
is_deeply([map { $_->{id} } @{ $st->json('token', 'list', '--status',
    'rotating') }], [$old->{id}], 'list');

my @audit = map { +{ @{ $_->[1] } } } @{ $redis->cli('XREVRANGE',
    $redis->key('audit'), '+', '-', 'COUNT', 2) };
is("@{ $audit[0] }{qw(actor action token user before after)}",
    "anna token.rotate $old->{id} $user active, expires_at $old->{expires_at} "
    . "active, expires_at $was->{expires_at}, rotated_to $id", 'audit: rotate');
is("@{ $audit[1] }{qw(actor action token user after)}",
    "anna token.create $id $user active", 'audit: create');

# what binds a token binds its successor

my $bound = create('bound', 'testing');
$redis->cli('HSET', $redis->key('token:'
    . $redis->cli('GET', $redis->key("id:$bound->{id}"))),
    networks => '192.0.2.0/24,2001:db8::/32', rate => '600r/m');
my $successor = $st->json('token', 'rotate', $bound->{id});
my $record = $st->json('token', 'show', $successor->{id});
is("@$record{qw(networks rate)}", '192.0.2.0/24,2001:db8::/32 600r/m',
    'the same networks and rate');

# json

$old = create('json', 'testing');
my $new = $st->json('token', 'rotate', $old->{id});
like($new->{token}, qr/^stk_svc_/, 'json: the plaintext token');
my $shown = $st->json('token', 'show', $new->{id});
my @record = qw(id user name type scope env status created_at created_by
    expires_at rotated_from);
is_deeply({ map { $_ => $new->{$_} } @record },
    { map { $_ => $shown->{$_} } @record }, 'json: the record, as it is');
is_deeply($new->{predecessor}, { id => $old->{id}, expires_at =>
    $st->json('token', 'show', $old->{id})->{expires_at} },
    'json: what becomes of the other');

# how long the predecessor lives, and the successor

for my $case (
    ['no overlap', [], '90d', undef],
    ['--overlap 30m', ['--overlap', '30m'], '90d', 1800],
    ['--overlap 12h', ['--overlap', '12h'], '90d', 43200],
    ['--overlap 30d', ['--overlap', '30d'], '90d', 30 * $day],
    ['its own expiry is nearer', ['--overlap', '30d'], '3d', undef],
    ['never, --overlap 7d', ['--overlap', '7d'], 'never', 7 * $day],
    ['one that never expires', [], 'never', undef],
) {
    my ($name, $options, $in, $overlap) = @$case;
    $old = create($name, 'production', '--expires-in', $in);
    $new = $st->json('token', 'rotate', $old->{id}, @$options);
    $was = $st->json('token', 'show', $old->{id});
    is($was->{expires_at}, defined $overlap ? $new->{created_at} + $overlap
        : $old->{expires_at} || undef, $name);
    is($new->{expires_at}, $in eq 'never' ? undef
        : $new->{created_at} + $day * ($in =~ s/d//r),
        'the successor: as the predecessor');
    is($redis->cli('ZSCORE', $redis->key('expiry'), $old->{id}),
        $was->{expires_at}, 'the index');
}

# a lifetime that no new token could have

for my $case (
    ['extended to more than a year', 365, created_at => int(time) - 300 * $day],
    ['less than a day', 180, expires_at => int(time) + 3600],
) {
    my ($name, $days, %field) = @$case;
    $old = create($name, 'staging');
    set($old, %field);
    my $next = $st->json('token', 'rotate', $old->{id});
    is($next->{expires_at}, $next->{created_at} + $days * $day, $name);
}

($code, $out, $err) = $st->run('token', 'rotate', create('endless',
    'development', '--expires-in', 'never')->{id});
like($err, qr/^tok_\w+ stays valid and never expires: revoke it when/m,
    'the old one never ends');
like($err, qr/^note: the successor never expires, as its predecessor never/m,
    'nor does the new one');
($code, $out, $err) = $st->run('token', 'rotate', create('given', 'testing')
    ->{id}, '--expires-in', '5d');
unlike($err, qr/as its predecessor|as usual/, 'what was given is not said');

# names

for my $case (
    ["a-@{[$year - 1]}", "a-$year"], ["b-$year", "b-$year-2"],
    ["c-@{[$year - 1]}-7", "c-$year"], ['d-12', "d-12-$year"],
    ["-$year", "-$year-$year"], ["e 20x1", "e 20x1-$year"],
    ['f' x 255, 'f' x 243 . "-$year"],
    ["\xc3\xa4" x 255, "\xc3\xa4" x 243 . "-$year"],
) {
    my ($from, $to) = @$case;
    $old = create($from, 'testing');
    ($code, $out, $err) = $st->run('token', 'rotate', $old->{id});
    is($redis->cli('HGET', $redis->token_key($out =~ s/\n//r), 'name'), $to,
        'a name that follows ' . substr $from, 0, 20);
}

is($st->json('token', 'rotate', create('g', 'testing')->{id}, '--name',
    'mine')->{name}, 'mine', '--name');
$new = $st->json('token', 'rotate', $new->{id});
is($new->{name}, "one that never expires-$year-2", 'the second in a year');
is($st->json('token', 'rotate', $new->{id})->{name},
    "one that never expires-$year-3", 'the third');

# other types and scopes

$new = $st->json('token', 'rotate', create('s', 'staging', '--scim-only')->{id});
like($new->{token}, qr/^stk_scim_/, 'SCIM-only');
is("$new->{scope} $new->{type}", 'scim service', 'its scope');
$old = $st->json('token', 'create', '--user', 'eva@example.org', '--name', 'l',
    '--env', 'development');
$new = $st->json('token', 'rotate', $old->{id}, '--expires-in', '5d');
like($new->{token}, qr/^stk_pat_/, 'personal');
is("$new->{user} $new->{type}", 'eva@example.org personal', 'of the same user');
is($new->{expires_at} - $new->{created_at}, 5 * $day, '--expires-in');

# warnings

($code, $out, $err) = $st->run('token', 'rotate', create('w', 'production')
    ->{id}, '--expires-in', 'never');
like($err, qr/^warning: .*never expires/m, 'never, in production: a warning');
($code, $out, $err) = $st->run('token', 'rotate', create('x', 'testing',
    '--expires-in', '29d')->{id});
like($err, qr/^note: .*rotate earlier/m, 'late');
($code, $out, $err) = $st->run('token', 'rotate', create('y', 'testing',
    '--expires-in', '31d')->{id});
unlike($err, qr/rotate earlier/, 'in time');
$old = create('z', 'testing');
$st->run('user', 'disable', $user);
($code, $out, $err) = $st->run('token', 'rotate', $old->{id});
like($err, qr/^note: the user is disabled/m, 'a user that is disabled');
$st->run('user', 'enable', $user);

# refused: one line, and no change

my $revoked = create('revoked', 'testing');
$st->run('token', 'revoke', $revoked->{id});
my $expired = create('expired', 'testing');
set($expired, expires_at => 1000);
my $strange = create('strange', 'testing');
set($strange, env => 'moon', expires_at => int(time) + 3600);
my $odd = create('odd', 'testing');
$redis->cli('HSET', $redis->key("token:" . digest($odd)), 'future', 1);
my $good = create('good', 'testing');

refused(3, qr/was rotated already, to $id/, $was->{id} = $is->{rotated_from});
refused(3, qr/is revoked/, $revoked->{id});
refused(3, qr/has expired/, $expired->{id});
refused(3, qr/no environment/, $strange->{id});
refused(3, qr/is unreadable/, $odd->{id});
refused(3, qr/no token "tok_none"/, 'tok_none');
refused(2, qr/bad ID "a b"/, 'a b');
refused(3, qr/has a token of that name/, $good->{id}, '--name', 'good');
refused(2, qr/bad --name/, $good->{id}, '--name', '');
refused(2, qr/bad --name/, $good->{id}, '--name', 'x' x 256);
refused(2, qr/bad --name/, $good->{id}, '--name', "\e[2J");
for my $in ('', '0d', '1', 'd', '53w', '2y', '1.5d', '-1d', '366d', '8761h',
    '99999999999999999999d', ' 1d', '1dd')
{
    refused(2, qr/bad --overlap/, $good->{id}, "--overlap=$in");
}
for my $in ('', '0d', '366d', '12h', 'soon') {
    refused(2, qr/bad --expires-in/, $good->{id}, "--expires-in=$in");
}
refused(2, qr/bad --wait/, $good->{id}, '--wait', '5');
refused(2, qr/bad --format/, $good->{id}, '--format', 'xml');
refused(2, qr/"token rotate" needs ID/);
refused(2, qr/"token rotate" does not take "x"/, $good->{id}, 'x');
refused(2, qr/is not for "token rotate"/, $good->{id}, '--env', 'testing');
refused(2, qr/needs a value/, $good->{id}, '--name');

if (-e '/dev/full') {
    local $st->{stdout} = '/dev/full';
    refused(3, qr/could not be shown: No space left on device: nothing was made/, $good->{id});
}

$st->run('user', 'create', 'Gone', '--purpose', 'p', '--owner', 'o');
my $orphan = $st->json('token', 'create', '--user', 'gone@service', '--name',
    'n', '--env', 'testing');
$st->run('user', 'delete', 'gone@service');
refused(3, qr/is deleted/, $orphan->{id});

# garbage on standard input, and a terminal without room, change nothing

{
    local $ENV{COLUMNS} = 3;
    ($code, $out, $err) = $st->input(join('', map { chr rand 256 } 1 .. 65536),
        'token', 'rotate', $good->{id});
    is($code, 0, 'garbage on standard input is not read');
    like($out, qr/^stk_svc_\w{38}\n\z/, 'and the answer is whole');
}

# two at once: one of them

$old = create('race', 'testing');
my @other = map { Stok::Command->new($redis) } 1 .. 8;
my @pids = map { $_->start('token', 'rotate', $old->{id}) } @other;
my @done;
for my $i (0 .. 7) {
    waitpid $pids[$i], 0;
    push @done, $i if $? == 0;
}
is(scalar(@done), 1, 'one of eight at once');
$out = Stok::Command::slurp("$other[$done[0]]{dir}/out");
is(digest({ id => $st->json('token', 'show', $old->{id})->{rotated_to} }),
    sha256_hex($out =~ s/\n//r), 'it is the one that was shown');

# Redis goes away half-way.  At the check nothing is shown.  At the change, who
# was shown a token is warned that it may not be valid; the old one is as it
# was, or all was done and the file holds the new one.

for my $case (
    # at      what happens     shown  file  done
    ['check', 'it is cut',       0,    0,    0],
    ['check', 'it is refused',   0,    0,    0],
    ['write', 'it is cut',       1,    1,    0],
    ['write', 'it is refused',   1,    0,    0],
    ['write', 'its answer is lost', 1, 1,    1],
) {
    my ($mode, $what, $shown, $file, $done) = @$case;
    my $name = "$what at the $mode";
    my $path = "$st->{dir}/away";
    $old = create($name, 'testing');
    my $before = Stok::Command::snapshot($redis);
    my ($proxy, $port) = faulty($mode, $what);

    ($code, $out, $err) = $st->run('token', 'rotate', $old->{id}, '--name',
        "after $name", '--out', $path, '--redis', "redis://127.0.0.1:$port");
    $proxy->stop('TERM');

    my $hint = $what eq 'it is refused'
        ? qr/: discard the token that was shown or written: it is not valid, unless "token show tok_\w{16}" finds it/
        : qr/: the token that was shown or written may be valid: if "token show tok_\w{16}" finds it, use it or revoke it/;

    is($code, 4, "$name: Redis is unavailable");
    like($err, $shown ? qr/^service-token: Redis [^\n]*$hint\n\z/
        : qr/^service-token: Redis (?![^\n]*$hint)[^\n]*\n\z/, "$name: one line");
    is($out, '', "$name: nothing shown");
    is(-e $path ? 1 : 0, $file, "$name: the file");
    is(Stok::Command::snapshot($redis) eq $before ? 0 : 1, $done,
        "$name: what was done");
    is(Stok::Command::broken($redis), '', "$name: nothing half-done");

    my $to = $redis->cli('HGET', $redis->key('token:' . digest($old)),
        'rotated_to') // '';
    is(sha256_hex(Stok::Command::slurp($path) =~ s/\n//r),
        digest({ id => $to }), "$name: the file holds it") if $done;
    unlink $path;
}

# of any other change whose answer is lost, nobody knows whether it was made

for my $case (
    ['Lost', 'user', 'create', 'Lost', '--purpose', 'p', '--owner', 'o'],
    ['token.revoke', 'token', 'revoke', create('lost', 'testing')->{id}],
    ['step', 'user', 'revoke-all', 'pipeline@service', '--yes'],
) {
    my ($mode, @verb) = @$case;

    for my $what ('it is refused', 'its answer is lost') {
        my ($proxy, $port) = faulty($mode, $what);
        ($code, $out, $err) = $st->run(@verb, '--redis',
            "redis://127.0.0.1:$port");
        $proxy->stop('TERM');

        my $hint = qr/: the change may have been made: look, or run it again$/m;
        is($code, 4, "@verb: $what");
        like($err, qr/^service-token: Redis [^\n]*\n\z/m, 'the last line');
        $what eq 'it is refused' ? unlike($err, $hint, 'nothing was done')
            : like($err, $hint, 'says what is not known');
    }
}

# killed at 100 moments: either all was made, and the token was shown, or the
# old one is as it was

$redis->cli('FLUSHALL');
$st->run('init');
$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');

my ($made, $not) = (0, 0);
my $took = 0;

for my $n (1 .. 101) {
    $old = create("kill $n", 'testing');
    my $before = Stok::Command::snapshot($redis);
    my $start = time;

    # shown to the half of them, written to a file for the others

    my $out = $n % 2 ? "$st->{dir}/out" : "$st->{dir}/kill";
    unlink "$st->{dir}/out", "$st->{dir}/kill";
    my $pid = $st->start('token', 'rotate', $old->{id},
        $n % 2 ? () : ('--out', $out));

    # the first one is let alone, and says how long it takes

    if ($n > 1) {
        sleep rand 2 * $took;
        kill 'KILL', $pid;
    }

    waitpid $pid, 0;
    $took = time - $start if $n == 1;

    # what it has sent is done

    wait_for('the connection is closed', sub {
        1 == grep { /\S/ } split /\n/, $redis->cli('CLIENT', 'LIST');
    });

    my $broken = Stok::Command::broken($redis);
    my $to = $redis->cli('HGET', $redis->key('token:' . digest($old)),
        'rotated_to');

    if (defined $to) {
        my $shown = Stok::Command::slurp($out) =~ s/\n\z//r;
        $broken .= ' not shown' if sha256_hex($shown) ne digest({ id => $to });
        $made++ if $n > 1;

    } else {
        $broken .= ' changed' if Stok::Command::snapshot($redis) ne $before;
        $not++;
    }

    is($broken, '', "after kill $n") if $broken || $n == 101;
}

cmp_ok($made, '>', 0, "some were made ($made)");
cmp_ok($not, '>', 0, "some were not ($not)");

# seals, of both

$redis->cli('FLUSHALL');
my $keys = "$st->{dir}/keys";
my (undef, $line) = $st->run('key', 'new', 'k1');
open my $fh, '>', $keys or die; print $fh "dataset $Stok::Redis::dataset\n", $line; close $fh;
chmod 0600, $keys;
$redis->{key} = { name => 'k1', secret => pack 'H*', $line =~ /(\w{64})/ };

my $sealed = Stok::Command->new($redis, '--key-file', $keys);
$sealed->run('init');
$sealed->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
$old = $sealed->json('token', 'create', '--user', $user, '--name', 'n',
    '--env', 'testing');
refused(3, qr/is sealed: give --key-file/, $old->{id});
$new = $sealed->json('token', 'rotate', $old->{id});
for my $t ([predecessor => $old], [successor => $new]) {
    my $digest = digest($t->[1]);
    my %t = @{ $redis->cli('HGETALL', $redis->key("token:$digest")) };
    is($t{seal}, Stok::Redis::seal($redis->{key}, 'token', $digest, \%t),
        "the seal of the $t->[0]");
}
set($new, expires_at => 0);
my $before = Stok::Command::snapshot($redis);
is(($sealed->run('token', 'rotate', $new->{id}))[0], 3, 'one that was edited');
is(Stok::Command::snapshot($redis), $before, 'no change');

finish;


sub create {
    my ($name, $env, @options) = @_;
    my ($code, $out, $err) = $st->run('token', 'create', '--user', $user,
        '--name', $name, '--env', $env, @options);
    die $err if $code;
    my $id = Stok::Command::made($err);
    return { id => $id, @{ $redis->cli('HGETALL',
        $redis->key('token:' . digest({ id => $id }))) } };
}

sub digest { $redis->cli('GET', $redis->key("id:$_[0]{id}")) }

sub set {
    my ($token, %field) = @_;
    $redis->cli('HSET', $redis->key('token:' . digest($token)), %field);
    $redis->cli('ZADD', $redis->key('expiry'), $field{expires_at},
        $token->{id}) if $field{expires_at};
}

# precedes Redis, until a script is called in a mode

sub faulty {
    my ($mode, $what) = @_;

    my $listen = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1',
        LocalPort => 0) or die "cannot listen: $!";

    my $proxy = Stok::Process->start(log => "$st->{dir}/proxy", code => sub {
        my $client = $listen->accept;
        my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $redis->port) or die;
        my $select = IO::Select->new($client, $server);
        my ($said, $hit) = ('', 0);

        while (1) {
            for my $sock ($select->can_read) {
                sysread $sock, my $buf, 65536 or return;

                if ($sock == $server) {
                    return if $hit;
                    syswrite $client, $buf;
                    next;
                }

                $said .= $buf;

                if (!$hit && $said =~ /\r\n\Q$mode\E\r\n/) {
                    $hit = 1;
                    return if $what eq 'it is cut';
                    if ($what eq 'it is refused') {
                        syswrite $client, "-OOM no memory\r\n";
                        ($hit, $mode) = (0, 'nothing');
                        next;
                    }
                }

                syswrite $server, $buf;
            }
        }
    });

    return ($proxy, $listen->sockport);
}

sub refused {
    my ($code, $says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($got, $out, $err) = $st->run('token', 'rotate', @args);

    is($got, $code, "rotate @args: refused");
    like($err, qr/^service-token: .*$says/, 'says why');
    is(() = $err =~ /\n/g, 1, 'in one line');
    is($out, '', 'with no output');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
