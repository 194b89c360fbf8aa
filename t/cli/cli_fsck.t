# fsck: each kind of damage is found, and fixed if that can be done from the
# records; nothing is found where nothing is wrong.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis, '--actor', 'anna');
my %t;
my $user = 'pipeline@service';

# a dataset with everything in it: nothing is found

dataset();
my ($code, $out, $err) = $st->run('fsck');
is("$code $out$err", "0 5 tokens and 2 users: 0 found, 0 fixed\n", 'clean');
is_deeply($st->json('fsck'), { users => 2, tokens => 5, found => 0,
    fixed => 0, notes => [], findings => [] }, 'as JSON');
my $before = Stok::Command::snapshot($redis);
is(($st->run('fsck', '--fix'))[0], 0, '--fix of a clean one');
is(Stok::Command::snapshot($redis), $before, 'changes nothing');

# so many that members of user-tokens are asked for in pieces; and a name of
# two users

many(600);
$redis->listed_token(id => 'tok_plain', user => 'eva@example.org', name => 'plain');
($code, $out) = $st->run('fsck');
is("$code $out", "0 606 tokens and 2 users: 0 found, 0 fixed\n", 'of many tokens');

# fixed: damage, the word, the message

for my $case (
    ['id: is lost', sub { del("id:$t{plain}") }, 'id', qr/id:\S+ is missing/],
    ['id: leads nowhere', sub { set("id:$t{plain}", 'f' x 64) }, 'id',
        qr/leads elsewhere/],
    ['id: leads to another', sub { set("id:$t{plain}", digest('other')) },
        'id', qr/leads elsewhere/],
    ['id: of no token', sub { set('id:tok_gone', 'f' x 64) }, 'id',
        qr/has tok_gone, which has no record/],
    ['user-tokens: lacks one', sub { r('SREM', "user-tokens:$user", $t{plain}) },
        'user-tokens', qr/user-tokens:$user lacks plain/],
    ['user-tokens: is lost', sub { del("user-tokens:$user") }, 'user-tokens',
        qr/lacks/],
    ['user-tokens: has a stranger', sub { r('SADD', "user-tokens:$user", 'tok_x') },
        'user-tokens', qr/has tok_x, which has no record/],
    ['user-tokens: has 600 strangers', sub { r('SADD', "user-tokens:$user",
        map { "tok_$_" } 1 .. 600) }, 'user-tokens', qr/has tok_7, which/],
    ['user-tokens: has another\'s', sub { r('SADD', 'user-tokens:eva@example.org',
        $t{plain}) }, 'user-tokens', qr/a token of $user/],
    ['user-tokens: of nobody', sub { r('SADD', 'user-tokens:x@service', 'tok_x') },
        'user-tokens', qr/has tok_x/],
    ['tokens lacks one', sub { r('ZREM', 'tokens', $t{plain}) }, 'tokens',
        qr/tokens lacks plain/],
    ['tokens at another date', sub { r('ZADD', 'tokens', 5, $t{plain}) },
        'tokens', qr/tokens has plain at 5, its record says \d+/],
    ['tokens has a stranger', sub { r('ZADD', 'tokens', 5, 'tok_x') }, 'tokens',
        qr/tokens has tok_x, which has no record/],
    ['tokens is lost', sub { del('tokens') }, 'tokens', qr/lacks/],
    ['expiry lacks one', sub { r('ZREM', 'expiry', $t{plain}) }, 'expiry',
        qr/expiry lacks plain/],
    ['expiry at another date', sub { r('ZADD', 'expiry', 5, $t{plain}) },
        'expiry', qr/expiry has plain at 5/],
    ['expiry has one that never expires', sub { r('ZADD', 'expiry', 5, $t{never}) },
        'expiry', qr/which never expires/],
    ['expiry has a stranger', sub { r('ZADD', 'expiry', 5, 'tok_x') }, 'expiry',
        qr/has tok_x/],
    ['rotating lacks one', sub { r('ZREM', 'rotating', $t{old}) }, 'rotating',
        qr/rotating lacks old/],
    ['rotating at another date', sub { r('ZADD', 'rotating', 5, $t{old}) },
        'rotating', qr/rotating has old at 5, its record says \d+/],
    ['rotating has one that is not', sub { r('ZADD', 'rotating', 5, $t{plain}) },
        'rotating', qr/rotating has plain, which is in no rotation/],
    ['rotating has a stranger', sub { r('ZADD', 'rotating', 5, 'tok_x') },
        'rotating', qr/has tok_x/],
    ['users lacks one', sub { r('ZREM', 'users', $user) }, 'users',
        qr/users lacks $user/],
    ['users at another date', sub { r('ZADD', 'users', 5, $user) }, 'users',
        qr/at 5/],
    ['users has a stranger', sub { r('ZADD', 'users', 5, 'x@service') }, 'users',
        qr/has x\@service, which has no record/],
    ['last_used of no token', sub { r('ZADD', 'last_used', 5, 'tok_x') },
        'last_used', qr/has tok_x/],
    ['usage of no token', sub { r('HSET', 'usage:tok_x', 'uses', 1) }, 'usage',
        qr/has tok_x/],
    ['a successor that does not know', sub { field('next', 'rotated_from') },
        'link', qr/rotated_to is next, whose rotated_from is missing/],
    ['a predecessor that does not know', sub { field('old', 'rotated_to') },
        'link', qr/rotated_from is old, whose rotated_to is missing/],
    ['a token that was lost', sub { $redis->cli('DEL', record('plain')) },
        'id', qr/has plain, which has no record/],
    ['everything that can be made again', sub { del('tokens', 'expiry', 'users',
        'rotating', "user-tokens:$user", map { "id:$_" } values %t) }, 'tokens', qr/lacks/],
) {
    my ($name, $damage, $word, $said) = @$case;

    dataset();
    my $intact = keys_of();
    $damage->();
    my $damaged = Stok::Command::snapshot($redis);

    ($code, $out) = $st->run('fsck');
    is($code, 1, "$name: found");
    like(named($out), qr/^$word +\S+  .*$said.*$/m, 'says so');
    is(Stok::Command::snapshot($redis), $damaged, 'and changes nothing');

    my $entries = $redis->cli('XLEN', $redis->key('audit'));
    my $json = JSON::PP->new->decode(($st->run('fsck', '--fix', '--json'))[1]);
    is($json->{fixed}, $json->{found}, 'all is fixed');
    is($redis->cli('XLEN', $redis->key('audit')) - $entries, $json->{fixed},
        'each with an entry in the audit');
    is(($st->run('fsck'))[0], 0, 'clean afterwards');
    is(keys_of(), $intact, 'and as it was') if $name ne 'a token that was lost';

    my $fixed = Stok::Command::snapshot($redis);
    is(($st->run('fsck', '--fix'))[0], 0, 'again');
    is(Stok::Command::snapshot($redis), $fixed, 'changes nothing');
}

my %last = @{ $redis->cli('XREVRANGE', $redis->key('audit'), '+', '-', 'COUNT',
    1)->[0][1] };
is("@last{qw(actor action)}", 'anna fsck.fix', 'who fixed it');
like($last{after}, qr/^\S+: .* lacks /, 'and what');

# a link can be fixed only when the id of both is: one run does both, in
# whatever order it meets them

dataset();
for my $n (1 .. 20) {
    $redis->listed_token(id => "tok_old$n", user => $user, name => "old $n",
        rotated_to => "tok_new$n");
    $redis->listed_token(id => "tok_new$n", user => $user, name => "new $n");
    del("id:tok_old$n", "id:tok_new$n");
}
my $json = JSON::PP->new->decode(($st->run('fsck', '--fix', '--json'))[1]);
is("@$json{qw(found fixed)}", '60 60', '20 pairs without ids and half a link');
is(($st->run('fsck'))[0], 0, 'clean after one run');

# not fixed: damage, the word, the message

for my $case (
    ['id: of another type', sub { del("id:$t{plain}"); r('SADD', "id:$t{plain}", 1) },
        'type', qr/id:plain is a set, not a string/],
    ['user-tokens: of another type', sub { set("user-tokens:$user", 1) }, 'type',
        qr/user-tokens:$user is a string, not a set/],
    ['usage: of another type', sub { set("usage:$t{plain}", 1) }, 'type',
        qr/usage:plain is a \w+, not a hash/],
    ['a token of another type', sub { $redis->cli('SET', record('plain'), 1) },
        'type', qr/token:\w{8}\.\.\. is a string, not a hash/],
    ['a user of another type', sub { set("user:$user", 1) }, 'type',
        qr/user:$user is a \w+, not a hash/],
    (map { my $index = $_; ["$index of another type", sub { set($index, 1) },
        'type', qr/$index is a string, not a \w+/] }
        'users', 'tokens', 'expiry', 'last_used', 'rotating', 'audit',
        'audit-head'),
    ['a token that cannot be read', sub { field('plain', 'status') },
        'unreadable', qr/token:\w{8}\.\.\. cannot be used: no field status/],
    ['an unknown field', sub { $redis->cli('HSET', record('plain'), 'odd', 1) },
        'unreadable', qr/unknown field/],
    ['a user that cannot be read', sub { r('HDEL', "user:$user", 'role') },
        'unreadable', qr/no field role/],
    ['a token without its user', sub { del("user:$user") }, 'no-user',
        qr/its user $user has no record/],
    ['two tokens of one name', sub { field('never', 'name', 'plain') },
        'same-name', qr/(?:plain|never), of the same user: rotate or delete/],
    ['the same among 600 tokens', sub { many(600); field('never', 'name', 'many 7') },
        'same-name', qr/of the same user: rotate or delete/],
    ['two records of one id', sub { $redis->cli('COPY', record('plain'),
        $redis->key('token:' . 'f' x 64)) }, 'id', qr/another record of this id/],
    ['a link that another holds', sub { field('next', 'rotated_from', $t{other}) },
        'link', qr/whose rotated_from is not this one/],
    ['a link to itself', sub { field('plain', 'rotated_to', $t{plain}) }, 'link',
        qr/which it cannot be/],
    ['a name that is not a digest', sub { r('HSET', 'token:zz', 'id', 'tok_zz') },
        'name', qr/token:zz\.\.\. is not a name/],
    ['an entry of the audit', sub { $redis->cli('XADD', $redis->key('audit'), '*',
        'action', 'x') }, 'audit', qr/not of the chain/],
    ['the audit\'s head', sub { del('audit-head') }, 'audit', qr/head is gone/],
) {
    my ($name, $damage, $word, $said) = @$case;

    dataset();
    $damage->();
    my $records = records();

    for my $fix ([], ['--fix']) {
        ($code, $out, $err) = $st->run('fsck', @$fix);
        is($code, 1, "$name: found @$fix");
        like($err, @$fix ? qr/\A\d+ tokens? and \d+ users?: [^\n]* fixed\n\z/ : qr/\A\z/,
            'what was fixed is said, and nothing else');
        like(named($out), qr/^$word +\S+  .*$said.*$/m, 'says so');
        unlike($out, qr/[0-9a-f]{11}/, 'and no digest');
    }

    like($out, qr/^$word .*: not fixed$/m, 'and that it is not fixed');
    is(records(), $records, 'records stay as they are');
}

# while a record cannot be read, nothing is taken from an index

dataset();
field('plain', 'status');
r('ZADD', 'tokens', 5, 'tok_x');
r('ZREM', 'expiry', $t{other});
$st->run('fsck', '--fix');
is($redis->cli('ZSCORE', $redis->key('tokens'), 'tok_x'), 5, 'it stays');
isnt($redis->cli('ZSCORE', $redis->key('expiry'), $t{other}), undef,
    'what is lacking is added');

# a record with a wrong seal: nothing is fixed from it

$redis->cli('FLUSHALL');
my $keys = "$st->{dir}/keys";
open my $fh, '>', $keys or die;
print $fh "dataset $Stok::Redis::dataset\n", ($st->run('key', 'new', 'k1'))[1];
close $fh;
chmod 0600, $keys;
my $with = Stok::Command->new($redis, '--key-file', $keys);
dataset($with);
is(($with->run('fsck'))[0], 0, 'sealed: clean');
$redis->cli('HSET', record('plain'), 'name', 'raised');
del("id:$t{plain}");
($code, $out) = $with->run('fsck', '--fix');
is($code, 1, 'a wrong seal');
like($out, qr/its seal is wrong: not fixed$/m, 'says so');
is($redis->cli('EXISTS', $redis->key("id:$t{plain}")), 0, 'nothing is made of it');

# another prefix that looks like a pattern; no dataset; no Redis

my $odd = Stok::Command->new($redis, '--prefix', '*[t]?{x}:');
is(($odd->run('fsck'))[0], 3, 'no dataset');
$odd->run('init');
$odd->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
is(($odd->run('fsck'))[1], "0 tokens and 1 user: 0 found, 0 fixed\n",
    'a prefix with characters of a pattern');
$redis->cli('ZREM', '*[t]?{x}:users', $user);
is(($odd->run('fsck', '--fix'))[0], 1, 'it is seen');
is(($odd->run('fsck'))[0], 0, 'and fixed');
$redis->down;
is(($st->run('fsck'))[0], 4, 'no Redis');

finish;


sub dataset {
    my $by = shift // $st;

    $redis->cli('FLUSHALL');
    $by->run('init');
    $by->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
    $by->run('user', 'create', 'eva@example.org', '--human');

    %t = map { $_->[0] => $by->json('token', 'create', '--user', $_->[1],
        '--name', $_->[0], '--env', 'testing', @{$_}[2 .. $#$_])->{id} }
        ['plain', $user], ['other', 'eva@example.org'], ['old', $user],
        ['never', $user, '--expires-in', 'never'];
    $t{next} = $by->json('token', 'rotate', $t{old})->{id};
    $redis->used($t{plain}, last_used => 1_700_000_000, uses => 12);
}

# more tokens of the user

sub many {
    $redis->listed_token(id => "tok_many$_", user => $user, name => "many $_",
        expires_at => 2_000_000_000) for 1 .. shift;
}

sub r { my ($command, $name, @args) = @_; $redis->cli($command, $redis->key($name), @args) }
sub del { r('DEL', $_) for @_ }
sub set { $redis->cli('SET', $redis->key($_[0]), $_[1]) }
sub digest { $redis->cli('GET', $redis->key("id:$t{$_[0]}")) }
sub record { $redis->key('token:' . digest(shift)) }

# tokens by their names

sub named {
    my $text = shift;
    $text =~ s/$t{$_}/$_/g for keys %t;
    return $text;
}

# a field of a token's record: set, or taken away

sub field {
    my ($name, $field, $value) = @_;
    defined $value ? $redis->cli('HSET', record($name), $field, $value)
        : $redis->cli('HDEL', record($name), $field);
}

# all but the audit

sub keys_of {
    return join "\n", grep { !/^\S*:audit/ } map { scores($_) }
        split /\n/, Stok::Command::snapshot($redis);
}

# a sorted set by what is in it: how it is laid out may change

sub scores {
    my ($key) = split / /, my $line = shift;
    return $redis->cli('TYPE', $key) ne 'zset' ? $line
        : "$key @{ $redis->cli('ZRANGE', $key, 0, -1, 'WITHSCORES') }";
}

sub records {
    return join "\n", grep { /^\S*:(?:token|user):/ }
        split /\n/, Stok::Command::snapshot($redis);
}
