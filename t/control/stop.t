# Commands that stop a token or a user work whatever somebody who can write to
# Redis has done to the indexes and to the audit, and when Redis is full; and
# they stop the one that was named, no other.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis, '--actor', 'anna', '--key-file',
    key_file());
my ($user, $other) = ('etl@service', 'boss@service');
my ($code, $out, $err, %t, %record);

my @attacks = (
    ['nothing', sub { }],
    ['id: leads to another token', sub { set('id:tok_T', digest('V')) }],
    ['id: leads to one of the same user', sub { set('id:tok_T', digest('W')) }],
    ['id: is gone', sub { redis('DEL', 'id:tok_T') }],
    ['id: is a list', sub { other_type('id:tok_T') }],
    ['id: leads to nothing', sub { set('id:tok_T', '0' x 64) }],
    ['id: leads to a revoked copy', sub {
        redis('COPY', 'token:' . digest('T'), $redis->key('token:' . 'a' x 64));
        redis('HSET', 'token:' . 'a' x 64, 'status', 'revoked');
        set('id:tok_T', 'a' x 64);
    }],
    ['user-tokens: lacks it', sub { redis('SREM', "user-tokens:$user", 'tok_T') }],
    ['user-tokens: is gone', sub { redis('DEL', "user-tokens:$user") }],
    ['user-tokens: names a token of another', sub {
        redis('SADD', "user-tokens:$user", 'tok_V');
    }],
    (map { my $name = $_; ["$name is a list", sub { other_type($name) }] }
        "user-tokens:$user", 'users', 'tokens', 'expiry', 'last_used', 'audit',
        'audit-head', 'usage:tok_T', 'deleted:tok_T', 'flushed:x'),
    ['audit has the last id', sub {
        redis('DEL', 'audit');
        redis('XADD', 'audit', '18446744073709551615-18446744073709551615',
            'a', 'b');
    }],
    ['audit-head says nonsense', sub {
        redis('HSET', 'audit-head', 'seq', 'inf', 'hash', 'x', 'trimmed', 'x');
    }],
    ['audit-head is at the end', sub {
        redis('HSET', 'audit-head', 'seq', '9' x 30, 'hash', 'x');
    }],
    ['audit_max is 1', sub { redis('HSET', 'meta', 'audit_max', 1) }],
    ['Redis is full', sub { $redis->cli('CONFIG', 'SET', 'maxmemory', 1) }],
    ['Redis is full, the audit is a list', sub {
        other_type('audit');
        $redis->cli('CONFIG', 'SET', 'maxmemory', 1);
    }],
);

# what it does, to whom, and what is stopped then

my @verbs = (
    ['token revoke', 'tok_T', 'T'],
    ['incident token', 'tok_T', 'T'],
    ['user revoke-all', $user, 'T', 'W'],
    ['incident user', $user, 'T', 'W', $user],
    ['user disable', $user, $user],
    ['user delete', $user, $user],
    ['token delete', 'tok_T', 'gone'],
);

for my $attack (@attacks) {
    my ($name, $do) = @$attack;

    for my $verb (@verbs) {
        my ($what, $whom, @stopped) = @$verb;

        dataset();
        $st->run('token', 'revoke', 'tok_T') if $what eq 'token delete';
        $do->();

        ($code, $out, $err) = $st->run(split(/ /, $what), $whom,
            $what eq 'token delete' ? '--force' : ());
        $redis->cli('CONFIG', 'SET', 'maxmemory', 0);

        # an incident shows much, and says what it could not show

        ok($code == 0 || $code == 4 && $what =~ /^incident/
            && $err =~ /revoked; not all could be shown/, "$name: $what")
            or diag("$code $err");
        is(join(' ', grep { !stopped($_) } @stopped), '', "$name: stopped");
        is(record('V'), $record{V}, "$name: another one is as it was");
    }
}

# what was put aside is named, has an entry, and is still there

for my $name ('audit', 'audit-head', "user-tokens:$user") {
    dataset();
    other_type($name);
    my @verb = $name =~ /^user/ ? ('token', 'delete', 'tok_R', '--force')
        : ('token', 'revoke', 'tok_T');
    ($code, $out, $err) = $st->run(@verb);
    is($code, 0, "$name is a list");
    like($err, qr/^note: \Q$name\E could not be used: it is now (aside:\d+-1:\Q$name\E)$/m,
        'told');
    my ($aside) = $err =~ /it is now (\S+)/;
    is($redis->cli('TYPE', $redis->key($aside // '-')), 'list', 'put aside');
    my ($entry) = grep { $_->{action} eq 'aside' } @{ $st->json('audit') };
    is("$entry->{before} $entry->{after}", "$name $aside", 'in the audit');
    like(($st->run('fsck'))[1], qr/^aside +-  \Q$aside\E could not be used/m,
        'fsck finds it');
}

dataset();
redis('DEL', 'audit');
redis('XADD', 'audit', '18446744073709551615-18446744073709551615', 'a', 'b');
like(($st->run('token', 'revoke', 'tok_T'))[2],
    qr/^note: audit could not be used: it is now aside:/m,
    'an audit that takes no more');
is(join(' ', map { $_->{action} } @{ $st->json('audit') }),
    'token.revoke aside', 'a new one has the entry');

# once more: nothing changes, and there is no new entry

for my $verb (['incident', 'token', 'tok_T'], ['incident', 'user', $user],
    ['user', 'revoke-all', $user], ['user', 'set-role', $user, 'member'],
    ['user', 'describe', $user, '--purpose', 'tests'],
    ['token', 'revoke', 'tok_T'], ['user', 'disable', $user],
    ['user', 'delete', $user], ['user', 'enable', $user],
    ['user', 'approve', $user], ['token', 'restore', 'tok_T'])
{
    dataset();
    $st->run(@$verb);
    my $before = Stok::Command::snapshot($redis);
    is(($st->run(@$verb))[0], 0, "@$verb once more");
    ok(Stok::Command::snapshot($redis) eq $before, 'nothing is written');
}

# a text is a text

dataset();
$st->run('user', 'describe', $user, '--purpose', '@now');
is($redis->cli('HGET', $redis->key("user:$user"), 'purpose'), '@now',
    '@now is not a date');

# what does not stop goes where the index leads only if that is the one

for my $verb (['token', 'restore', 'tok_R'], ['token', 'rotate', 'tok_T'],
    ['token', 'show', 'tok_T'], ['token', 'rotation', 'tok_T'])
{
    my $id = $verb->[2];

    dataset();
    set("id:$id", digest('V'));
    my $before = Stok::Command::snapshot($redis);
    ($code, $out, $err) = $st->run(@$verb);
    is("$code $out", '3 ', "@$verb: id: leads to another");
    like($err, qr/no token "$id"/, 'said');
    ok(Stok::Command::snapshot($redis) eq $before, 'nothing is changed');
}

# more tokens of a user than a step takes, none of which is in an index

dataset();
$redis->token(id => "tok_many$_", user => $user, name => "n$_") for 1 .. 350;
is(($st->run('user', 'revoke-all', $user))[2], "revoked 352 tokens of $user\n",
    'all of 352');
is(scalar(grep { $redis->cli('HGET', $_, 'status') ne 'revoked'
    && $redis->cli('HGET', $_, 'user') eq $user }
    @{ $redis->cli('KEYS', $redis->key('token:*')) }), 0, 'none is active');

finish;


# tokens T and W of one user, R, which is revoked, V of an admin

sub dataset {
    $redis->cli('FLUSHALL');
    delete $redis->{key};
    $st->run('init');
    $redis->{key} = { name => 'k1', secret => "\1" x 32 };

    $redis->listed_user($user);
    $redis->listed_user($other, role => 'admin');

    for (['T', $user], ['W', $user], ['R', $user, 'revoked'], ['V', $other]) {
        my ($name, $of, $status) = @$_;

        $t{$name} = $redis->token(id => "tok_$name", user => $of,
            name => $name, expires_at => time + 86400,
            status => $status // 'active');
        redis('SADD', "user-tokens:$of", "tok_$name");
        redis($_->[0], $_->[1], time, "tok_$name")
            for ['ZADD', 'tokens'], ['ZADD', 'expiry'], ['ZADD', 'last_used'];
    }

    redis('HSET', 'usage:tok_T', 'uses', 1);
    $record{V} = record('V');
}

sub key_file {
    our $dir = File::Temp->newdir;
    open my $fh, '>', "$dir/keys" or die;
    print $fh "dataset $Stok::Redis::dataset\nk1 ", '01' x 32, "\n";
    close $fh;
    chmod 0600, "$dir/keys";
    return "$dir/keys";
}

sub redis { my ($command, $key, @args) = @_;
    $redis->cli($command, $redis->key($key), @args) }
sub set { redis('SET', @_) }
sub other_type { redis('DEL', $_[0]); redis('RPUSH', $_[0], 'x') }
sub digest { $redis->digest($t{ $_[0] }) }

sub record {
    my %record = @{ redis('HGETALL', 'token:' . digest($_[0])) };
    return join ' ', map { "$_=$record{$_}" } sort keys %record;
}

# a sealed status that the edge refuses

sub stopped {
    my $who = shift;

    return !redis('EXISTS', 'token:' . digest('T')) if $who eq 'gone';

    if ($who =~ /@/) {
        my %u = @{ redis('HGETALL', "user:$who") };
        return $u{status} ne 'active' && $u{seal} eq Stok::Redis::seal(
            $redis->{key}, 'user', $who, \%u);
    }

    my %t = @{ redis('HGETALL', 'token:' . digest($who)) };
    return $t{status} eq 'revoked' && $t{revoked_at}
        && $t{seal} eq Stok::Redis::seal($redis->{key}, 'token', digest($who),
            \%t);
}
