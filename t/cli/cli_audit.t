# audit: who, when, what, before and after; filters, since, follow; and what
# audit verify finds in a chain that somebody touched.

use strict;
use warnings;
use lib 't/lib';
use Digest::SHA qw(sha1_hex);
use JSON::PP ();
use POSIX qw(strftime);
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis, '--actor', 'anna');
my $bert = Stok::Command->new($redis, '--actor', 'bert');
my $user = 'pipeline@service';
my @result;

is(code('audit'), 3, 'no dataset');
$st->run('init');
is(code('audit', 'verify'), 0, 'a new chain is whole');
$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
$st->run('user', 'create', 'Other', '--purpose', 'p', '--owner', 'o');
my $id = $st->json('token', 'create', '--user', $user, '--name', 'n', '--env',
    'testing')->{id};
$bert->run('token', 'revoke', $id);
$bert->run('user', 'set-role', $user, 'admin');

# as text, as JSON

my $os = getpwuid $<;
is(code('audit'), 0, 'audit');
my @line = split /\n/, out();
is(scalar @line, 6, 'one line an entry');
like($line[4], qr/^20\d\d-\d\d-\d\dT[\d:]+Z  bert  token\.revoke  $id  \Q$user\E  active -> revoked  os=\Q$os\E$/,
    'when, who, what, of whom, before and after, and who else that is');

my $all = $st->json('audit');
is(join(' ', map { $_->{action} } @$all), 'init user.create user.create '
    . 'token.create token.revoke user.set-role', 'all of them, oldest first');
is("@{ $all->[5] }{qw(actor user user_name before after seq)}",
    "bert $user Pipeline member admin 6", 'fields as in Redis');
cmp_ok(abs($all->[5]{at} - time), '<', 60, 'a date is a number');
my ($name) = getpwuid $<;
Stok::Command->new($redis)->run('user', 'disable', 'other@service');
is($st->json('audit')->[-1]{actor}, $name, "else the system's user");

# filters

is(scalar @{ $st->json('audit', '--token', $id) }, 2, '--token');
is(scalar @{ $st->json('audit', '--user', $user) }, 4, '--user');
is(scalar @{ $st->json('audit', '--user', 'other@service') }, 2, 'another');
refused(3, qr/no token "tok_none"/, '--token', 'tok_none');
refused(3, qr/no user "nobody"/, '--user', 'nobody');
refused(2, qr/bad --token "a b"/, '--token', 'a b');
refused(2, qr/not both/, '--token', $id, '--user', $user);
is(code('audit', '--token', $id, '--since', '2100-01-01'), 0,
    'nothing since, but there is such a token');

# a token that was deleted is still told

$st->run('token', 'delete', $id, '--force');
is($st->json('audit', '--token', $id)->[-1]{action}, 'token.delete',
    'a deleted token');

# since: entries of yesterday and of an hour ago, then those of today

my $old = Stok::Redis->start;
my $age = Stok::Command->new($old);
for my $ago (86400 * 8, 86400 + 60, 3600 + 60, 60) {
    $old->cli('XADD', $old->key('audit'), (time - $ago) . '000-0', 'at',
        time - $ago, 'action', 'x', 'actor', "a\e[31m");
}

for my $case (['9d', 4], ['7d', 3], ['2w', 4], ['24h', 2], ['90m', 2],
    ['1h', 1], ['90s', 1], ['30s', 0], ['2100-01-01', 0], ['1970-01-01', 4],
    [iso(86400 + 120), 3], [iso(120), 1], [iso(3600 + 120, '%FT%H:%MZ'), 2],
    [iso(3600 + 120, '%FT%T'), 2], [iso(60 - 7200, '%FT%T+02:00'), 1],
    [iso(3600 * 3 + 120, '%FT%T-02:00'), 2])
{
    my ($since, $n) = @$case;
    my $found = $age->json('audit', '--since', $since);
    is(scalar @$found, $n, "since $since");
}

for my $since ('', 'x', '7', '7 d', '-7d', '7dd', '2026', '2026-13-01',
    '2026-02-30', '2026-01-01x', '2026-01-01T25:00:00Z', '99999999999d',
    '2026-01-01T10:00:00+99:00', '2026-1-2', '2026-01- 2', '2026-02-29',
    '2026-01-01T1:2', '2026-01-01T10:00:60', '2026-01-01T10',
    '2026-01-01T10:00+ 1:30', '2026-01-01T10:00+-0:30', '2026-01-01T10:00+1:30')
{
    refused(2, qr/bad --since/, "--since=$since");
}

unlike(($age->run('audit'))[1], qr/\e/, 'an entry does not steer a terminal');

# refusals, as an edge adds them; the token was deleted, long ago

my $refusals = join '', map { Stok::Command::slurp("scripts/$_.lua") }
    'common', 'nginx/touch';
my @refuse = ('EVAL', $refusals, 1, $redis->key('meta'), $redis->key(''),
    'nginx', 'node:0', 1, 'secret', 'member manager admin');
$redis->cli('DEL', $redis->key("deleted:$id"));
is_deeply($redis->cli(@refuse, $id, 0, 0, 0, '', '', '', 7, time, '192.0.2.1',
    'REVOKED', 'tok_unknown', 0, 0, 0, '', '', '', 3, time, '192.0.2.2',
    'ROLE'), ['OK', 2, 0], 'two at once');
my $last = $st->json('audit')->[-2];
is("@{ $last }{qw(actor action token after count addr)}",
    "nginx token.refuse $id REVOKED 7 192.0.2.1", 'a refusal');
is($last->{user}, undef, 'of no user');
is(code('audit', '--token', $id), 0, 'as text');
like(out(), qr/nginx  token\.refuse  $id  .* -> REVOKED  count=7  addr=192\.0\.2\.1$/m,
    'with what it adds');
is(code('audit', 'verify'), 0, 'not in the chain');
like(out(), qr/^8 entries, 1 to 8; 0 older.*\nthe chain is whole; the last entry, .*:\n8:[0-9a-f]{40}$/,
    'whole');

# an edge says more than a refusal has, and does not pass for somebody else

$redis->cli('XADD', $redis->key('refusals'), '*', 'at', time, 'actor', 'root',
    'action', 'token.restore', 'token', $id, 'before', 'revoked', 'after',
    'active', 'reason', "\e[1mx", 'count', 1, 'note', 'n', 'seq', 9);
is(code('audit', '--token', $id), 0, 'one that lies');
like(out(), qr/nginx  token\.refuse  $id  - -> \?\[1mx  count=1$/m,
    'is a refusal like others');
unlike(out(), qr/token\.restore|note=/, 'and nothing else');

# by time: between the changes before and behind them

$bert->run('user', 'enable', 'other@service');
$redis->cli(@refuse[0 .. 6], 2, @refuse[8, 9], 'tok_between', 0, 0, 0, '', '',
    '', 1, time, '192.0.2.3', 'EXPIRED');
$bert->run('user', 'disable', 'other@service');
is(join(' ', map { $_->{action} } @{ $st->json('audit') }[-4 .. -1]),
    'token.refuse user.enable token.refuse user.disable', 'by time');
is(join(' ', map { $_->{action} } @{ $st->json('audit', '--since', '1d') }),
    join(' ', map { $_->{action} } @{ $st->json('audit') }), 'since, too');

# more than one batch of each

$redis->cli('EVAL', q{for i = 1, 2500 do redis.call('XADD', KEYS[1], '*', 'at',
    i, 'token', 'tok_many', 'reason', 'ROLE', 'count', 1) end}, 1,
    $redis->key('refusals'));
my $many = $st->json('audit', '--token', 'tok_many');
is(scalar(@$many), 2500, 'many');
is(join(' ', map { $_->{at} } @$many), join(' ', 1 .. 2500), 'each once');
$redis->cli('DEL', $redis->key('refusals'));

# the hash, by another implementation

my @entries = @{ $redis->cli('XRANGE', $redis->key('audit'), '-', '+') };
my $prev = '';
my $bad = 0;
for my $entry (@entries) {
    my %e = @{ $entry->[1] };
    $bad++ if $e{prev} ne $prev || $e{hash} ne hash_of(@{ $entry->[1] });
    $prev = $e{hash};
}
is($bad, 0, 'as docs/audit.md says');

# what somebody might do to it

verify('an entry that is changed', 'changed', 4, sub {
    my ($e) = map { $_->[1] } grep { seq($_) == 4 } @_;
    set($e, actor => 'nobody');
    @_;
});
verify('changed, with its hash', 'changed', 4, sub {
    my ($e) = map { $_->[1] } grep { seq($_) == 4 } @_;
    set($e, actor => 'nobody');
    set($e, hash => hash_of(@$e));
    @_;
});
verify('the last one, with its hash', 'changed', 10, sub {
    set($_[-1][1], actor => 'nobody');
    set($_[-1][1], hash => hash_of(@{ $_[-1][1] }));
    @_;
});
verify('a field that is added', 'changed', 4, sub {
    push @{ $_[3][1] }, 'note', 'x';
    @_;
});
verify('one that is missing', 'missing', 5, sub { grep { seq($_) != 5 } @_ });
verify('the newest is missing', 'missing', 10, sub { @_[0 .. $#_ - 1] });
verify('the oldest is missing', 'missing', 1, sub { @_[1 .. $#_] });
verify('all are missing', 'missing', 1, sub { () });
verify('two that changed places', 'reordered', 5, sub {
    @_[4, 5] = ([$_[4][0], $_[5][1]], [$_[5][0], $_[4][1]]);
    @_;
});
verify('one that was copied', 'reordered', 10, sub {
    (@_, ['9999999999999-0', $_[-1][1]]);
});
verify('one that was put in', 'foreign', 0, sub {
    (@_, ['9999999999999-0', ['at', time, 'actor', 'x', 'action', 'y']]);
});
restore(@entries);
is(code('audit', 'verify'), 0, 'whole again');
my $head = $redis->cli('DUMP', $redis->key('audit-head'));
$redis->cli('DEL', $redis->key('audit-head'));
is(code('audit', 'verify'), 1, 'the head is missing');
$st->run('user', 'enable', 'other@service');
is($st->json('audit')->[-1]{seq}, 11, 'the chain goes on without it');

# follow: what is new; until it is interrupted, or Redis is gone

my $tail = Stok::Command->new($redis);
my $pid = $tail->start('audit', '--follow', '--json', '--user', $user);
wait_for('it waits', sub { $redis->cli('CLIENT', 'LIST') =~ /cmd=xread/ });
$bert->run('user', 'disable', 'other@service');
$bert->run('user', 'disable', $user);
wait_for('an entry', sub { followed() =~ /\n/ });
my $new = JSON::PP->new->decode(followed());
is("@{ $new }{qw(actor action user)}", "bert user.disable $user",
    'a new entry, one line of JSON');
$redis->cli('XADD', $redis->key('refusals'), '*', 'at', time, 'token', 't',
    'user', $_, 'reason', 'ROLE', 'count', 3, 'addr', '') for 'other', $user;
wait_for('a refusal', sub { followed() =~ /\n.*\n/ });
$new = JSON::PP->new->decode((split /\n/, followed())[1]);
is("@{ $new }{qw(actor action user after count)}",
    "nginx token.refuse $user ROLE 3", 'a refusal, too');
kill 'INT', $pid;
waitpid $pid, 0;
is($?, 0, 'interrupted: done');

$pid = $tail->start('audit', '--follow', '--since', '1h');
wait_for('old ones first', sub { followed() =~ /init\b.*user\.disable.*refuse.*refuse/s });
$redis->down;
waitpid $pid, 0;
is($? >> 8, 4, 'Redis is gone: 4');
like(Stok::Command::slurp("$tail->{dir}/err"),
    qr/^service-token: Redis at \S+ went away[^\n]*\n\z/, 'in one line');

finish;


sub code { @result = $st->run(@_); $result[0] }
sub out { $result[1] }
sub followed { Stok::Command::slurp("$tail->{dir}/out") }
sub seq { my %e = @{ $_[0][1] }; $e{seq} }

sub iso {
    my ($ago, $format) = @_;
    return strftime($format // '%FT%TZ', gmtime(time - $ago));
}

sub refused {
    my ($code, $says, @args) = @_;

    my ($got, $out, $err) = $st->run('audit', @args);
    is($got, $code, "@args: refused");
    like($err, qr/^service-token: .*$says[^\n]*\n\z/, 'in one line');
    is($out, '', 'with no output');
}

# all fields but the hash, in their order

sub hash_of {
    my @text;

    while (my ($name, $value) = splice @_, 0, 2) {
        push @text, $name, $value if $name ne 'hash';
    }

    return sha1_hex(join '', "stok-audit-1\n",
        map { length($_) . ":$_\n" } @text);
}

sub set {
    my ($fields, $name, $value) = @_;

    for (my $i = 0; $i < @$fields; $i += 2) {
        $fields->[$i + 1] = $value if $fields->[$i] eq $name;
    }
}

# writes the audit as somebody left it, and sees what is found

sub verify {
    my ($what, $finding, $seq, $change) = @_;

    restore($change->(map { [$_->[0], [@{ $_->[1] }]] } @entries));

    my ($code, $out) = $st->run('audit', 'verify', '--json');
    my $found = JSON::PP->new->decode($out)->{findings};

    is($code, 1, $what);
    ok((grep { $_->{finding} eq $finding && $_->{seq} == $seq } @$found),
        "found: $finding $seq") or diag($out);
}

sub restore {
    $redis->cli('DEL', $redis->key('audit'));
    $redis->cli('XADD', $redis->key('audit'), $_->[0], @{ $_->[1] }) for @_;
}
