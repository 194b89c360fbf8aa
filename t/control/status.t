# status: each part says what the records say, whatever the indexes do; there is
# a warning for what needs somebody, and none for what does not.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $day = 86400;
my $user = 'pipeline@service';
my $redis = Stok::Redis->start(empty => 1,
    options => ['--appendonly', 'yes', '--appendfsync', 'everysec']);
my $st = Stok::Command->new($redis);
my ($code, $out, $err, $json);

is(($st->run('status'))[0], 3, 'no dataset');
$st->run('init');
is_deeply([attention()], [], 'an empty one: nothing to do');

# what ends next: by records, the index only says where to look

$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
my %id = map { $_ => token($_) } qw(far near revoked other);
end($id{near}, 6 * $day, 100 * $day);
end($id{revoked}, 5 * $day, 100 * $day);
$st->run('token', 'revoke', $id{revoked});
$redis->cli('ZADD', $redis->key('expiry'), time + 60, $_)
    for 'tok_0000000000000000', $id{far}, "odd\e[2J id";
$redis->cli('SET', $redis->key("id:$id{other}"),
    $redis->cli('GET', $redis->key("id:$id{far}")));

is_deeply([attention()], [], 'unused: nobody misses it');
is_deeply([map { $_->{id} } @{ $json->{ending}{next} }], [$id{far}, $id{near}],
    'each has a record of its own id that is valid');
is("@{ $json->{ending} }{qw(within_1d within_7d within_30d)}", '0 1 1',
    'counted by its record');
is($json->{dataset}{tokens}, 4, 'tokens') or diag explain $json;

used($id{near}, 3600);
is_deeply([attention()], ['ending'], 'in use, and ends soon');
like($json->{attention}[0]{text}, qr/^token $id{near} of $user is in use, ends in 6 days .*token rotate $id{near}$/,
    'says what to do');
end($id{near}, 6 * $day, 20 * $day);
is_deeply([attention()], [], 'a third of its life is left');
used($id{near}, 31 * $day);
end($id{near}, 6 * $day, 100 * $day);
is_deeply([attention()], [], 'not used for a month');

# a rotation: healthy, stuck, taken over

used($id{near}, 3600);
my $new = $st->json('token', 'rotate', $id{near})->{id};
end($id{near}, 6 * $day, 100 * $day);
is_deeply([attention()], [], 'a rotation that has just begun');
is("@{ $json->{rotations} }{qw(under_way stuck)}", '1 0', 'is under way');
is("@{ $json->{rotations}{list}[0] }{qw(old new)}", "$id{near} $new", 'named');
set($new, created_at => time - 2 * $day);
is_deeply([attention()], ['rotation-stuck'], 'stuck');
is($json->{rotations}{stuck}, 1, 'counted');
like($json->{attention}[0]{text}, qr/$new was never used$/, 'why');
end($id{near}, 60 * $day, 100 * $day);
is_deeply([attention()], [], 'there is time yet');
is($json->{rotations}{under_way}, 1, 'and is under way');
end($id{near}, 6 * $day, 100 * $day);
used($new, 60);
is_deeply([attention()], [], 'taken over');
$st->run('token', 'revoke', $new);
is_deeply([attention()], ['rotation-stuck'], 'the new one is revoked');
$st->run('token', 'revoke', $id{near});
is_deeply([attention()], [], 'over');
is($json->{rotations}{under_way}, 0, 'no rotation any more');

# stuck ones are seen however many rotations there are, each in the index from its
# beginning to its end, whatever ends it

my $rotating = sub { [sort @{ $redis->cli('ZRANGE', $redis->key('rotating'), 0, -1) }] };
is_deeply($rotating->(), [], 'no rotation, no entry');
my %old = map { $_ => token($_) } qw(one two three four);
$st->run('token', 'rotate', $old{$_}) for qw(one two three);
is_deeply($rotating->(), [sort @old{qw(one two three)}], 'each is in the index');
$st->run('token', 'revoke', $old{one});
is_deeply($rotating->(), [sort @old{qw(two three)}], 'not once it is revoked');
$st->run('token', 'restore', $old{one});
is_deeply($rotating->(), [sort @old{qw(one two three)}], 'but when it is back');
end($old{two}, 60 * $day, 100 * $day);
$st->run('token', 'extend', $old{two}, '--expires-in', '200d');
is($redis->cli('ZSCORE', $redis->key('rotating'), $old{two}),
    $redis->cli('HGET', record($old{two}), 'expires_at'), 'at its new end');
$st->run('export', "$st->{dir}/rotating.jsonl");
$redis->cli('DEL', $redis->key('rotating'));
$st->run('import', "$st->{dir}/rotating.jsonl");
is_deeply($rotating->(), [sort @old{qw(one two three)}], 'after an import');
$redis->cli('DEL', $redis->key('rotating'));
$st->run('fsck', '--fix');
is_deeply($rotating->(), [sort @old{qw(one two three)}], 'after fsck');
end($old{three}, -60, 100 * $day);
$redis->cli('ZADD', $redis->key('rotating'), time - 60, $old{three});
($code, $out) = $st->run('fsck');
unlike($out, qr{^rotating}m, 'what has ended may stay');
$st->run('token', 'rotate', $old{four});
is_deeply($rotating->(), [sort @old{qw(one two four)}], 'until the next rotation');

# beside 5 000 that end later, and 4 500 entries that lead nowhere

many('later', 5000, 20 * $day, 25 * $day);
set($redis->cli('HGET', record($old{one}), 'rotated_to'), created_at => time - 2 * $day);
end($old{one}, 6 * $day, 100 * $day);
$redis->cli('ZADD', $redis->key('rotating'), time + 6 * $day, $old{one});
used($old{one}, 3600);
is_deeply([attention()], ['rotation-stuck'], 'one that is stuck among 5 000');
is("@{ $json->{rotations} }{qw(stuck complete)}", '1 0', 'counted');
many('sooner', 4500, $day, 5 * $day);
is_deeply([attention()], ['rotation-stuck'], 'behind 4 500 others');
like($json->{attention}[0]{text}, qr/^more than 4000 tokens that were rotated end within 7 days/,
    'there is a warning');
$redis->cli('DEL', $redis->key('rotating'));
$st->run('fsck', '--fix');
is_deeply([attention()], ['rotation-stuck'], 'and without them it is named');
$st->run('user', 'revoke-all', $user);
is_deeply($rotating->(), [], 'not one after revoke-all');
is_deeply([attention()], [], 'over');

# approvals

$st->run('approval', 'set', 'required', '--trust', 'actor');
$st->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');
$st->run('user', 'set-role', $user, 'admin');
$redis->cli('ZADD', $redis->key('pending'), 1, 'nobody@service');
is_deeply([attention()], ['approval'], 'approvals');
is(join(', ', map { "$_->{what} $_->{user} $_->{role}" } @{ $json->{approvals} }),
    "user etl\@service member, role $user admin", 'of a user, and of a role');
$redis->cli('DEL', $redis->key('pending'));
($code, $out) = $st->run('fsck', '--fix');
like($out, qr/^pending +etl\@service .*: fixed$/m, 'fsck brings back a user');
$st->run('--actor', 'anna', 'user', 'approve', $_) for 'etl@service', $user;
is_deeply([attention()], [], 'given');
$st->run('approval', 'set', 'none');
is_deeply([attention()], ['approval'], 'of the setting itself');
$st->run('--actor', 'anna', 'approval', 'set', 'none');

# refusals of the last day

refusal(time - 2 * $day, 'REVOKED', 7);
refusal(time, $_, 3) for 'EXPIRED', 'EXPIRED', 'REVOKED';
is_deeply([attention()], [], 'refusals');
is_deeply($json->{refusals}{reasons}, { EXPIRED => 6, REVOKED => 3 }, 'by reason');
refusal(time, 'TAMPERED', 1);
is_deeply([attention()], ['tampered'], 'a wrong seal');
$redis->cli('DEL', $redis->key('refusals'));

# reviews

is_deeply($json->{reviews}, { monthly => undef, quarterly => undef }, 'none yet');
$st->run('--actor', 'anna', 'user', 'create', 'temp', '--purpose', 'p', '--owner', 'o');
my $found = @{ JSON::PP->new->utf8->decode(($st->run("review", "quarterly", "--json"))[1]) };
cmp_ok($found, '>', 0, 'a review finds some');
attention();
my $made = $json->{reviews}{quarterly};
cmp_ok(abs($made->{at} - time), '<', 60, 'when it was made');
is("$made->{found} $made->{by}", "$found " . getpwuid $<, 'what it found, and who');
is($json->{reviews}{monthly}, undef, 'no other one');
$st->run('review', 'monthly');
attention();
is($json->{reviews}{monthly}{found}, 0, 'a monthly one');
like(($st->run('audit'))[1], qr/ review .*quarterly: $found found/, 'and in the audit');

$redis->cli(qw(ACL SETUSER reader on >pw ~{st}:* -@all +@read +ping +select
    +time +acl|whoami));
($code, $out, $err) = $st->run('--redis',
    'redis://reader:pw@127.0.0.1:' . $redis->port, 'review', 'quarterly');
is($code, 1, 'who may only read has a review, too');
like($err, qr/^note: status will not know of this review: .*NOPERM/m, 'not noted');

# nodes

node('edge-1', 0.5, '');
node('edge-2', 8, ' 0.1.0');
is_deeply([attention()], [], 'nodes');
is_deeply([map { "$_->{node} $_->{lease_ms} " . ($_->{version} // '-') }
    sort { $a->{node} cmp $b->{node} } @{ $json->{nodes} }],
    ['edge-1 2000 -', 'edge-2 2000 0.1.0'], 'with lease and version');
node('edge-2', 60, '');
is_deeply([attention()], ['node'], 'one that is gone');
$redis->cli('HDEL', $redis->key('nodes'), 'edge-2');

# a dataset that was set back

my ($seq, $hash) = @{ $json->{dataset} }{qw(audit_seq audit_hash)};
is(($st->run('status', '--expect', "$seq:$hash"))[0], 0, 'as it was noted');
is(($st->run('status', '--expect', "$seq:" . '0' x 40))[0], 1, 'another entry');
($code, $out) = $st->run('status', '--expect', ($seq + 2) . ":$hash");
like("$code $out", qr/^1 .*^warning: the dataset was set back: its audit ends at $seq, and entry/ms,
    'an earlier end');
is(($st->run('status', '--expect', 'x'))[0], 2, 'a bad one');

# the screen, and metrics

used(token("more$_"), 60) for 1 .. 8;
($code, $out, $err) = $st->run('status');
is("$code$err", '0', 'as text');
cmp_ok(scalar(my @lines = split /\n/, $out), '<=', 24, 'one screen');
is(join("\n", grep { length > 80 } @lines), '', 'of 80 columns');
like($out, qr/^reviews     monthly \d{4}-\d\d-\d\d, 0 found; quarterly \d{4}-\d\d-\d\d, $found found$/m,
    'reviews');
like($out, qr/^redis +\d\S+, primary.*^  append-only on, fsync everysec, last write ok; save ok/ms,
    'Redis');

($code, my $metrics, $err) = $st->run('status', '--format', 'prometheus');
is("$code$err", '0', 'as metrics');
like($metrics, qr/^service_token_dataset_$_$/m, $_)
    for 'review_findings\{review="monthly"\} 0', 'tokens 21', 'tokens_ending\{within="7d"\} 0', 'attention 0',
        'redis_aof_enabled 1', 'rotations\{state="stuck"\} 0';
SKIP: {
    skip 'no promtool', 1 if system 'command -v promtool > /dev/null';
    open my $tool, '|-', 'promtool check metrics > /dev/null 2>&1' or die;
    print $tool $metrics;
    ok(close $tool, 'promtool has nothing to say');
}

is(($st->run('status', '--format', 'x'))[0], 2, 'another format');
is(($st->run('status', '--format', 'prometheus', '--json'))[0], 2, 'both');

# what the user of Redis may not ask is unknown, and no failure

$redis->cli(qw(ACL SETUSER ops on >pw ~{st}:* -@all +@read +@write +@scripting
    -@dangerous +ping +select +time));
my @ops = ('--redis', 'redis://ops:pw@127.0.0.1:' . $redis->port);
($code, $out, $err) = $st->run(@ops, 'status');
is("$code$err", '0', 'without INFO and CONFIG');
like($out, qr/^redis +version unknown, role unknown.*^  append-only unknown.*^  memory unknown/ms,
    'unknown');
($code, $metrics) = $st->run(@ops, 'status', '--format', 'prometheus');
unlike($metrics, qr/redis_aof_enabled|redis_evicted/, 'and no metric');

# it walks over nothing

$redis->cli('CONFIG', 'RESETSTAT');
$st->run('status');
is($redis->calls($_), 0, "no $_") for qw(scan zscan sscan keys eval);

$redis->down;
($code, $out, $err) = $st->run('status', '--format', 'prometheus');
is("$code$out", 4, 'no Redis');

finish;


# words of the lines of attention

sub attention {
    ($code, my $text, $err) = $st->run('status', '--json');
    $json = eval { JSON::PP->new->utf8->decode($text) } or diag $err;
    my @what = map { $_->{what} } @{ $json->{attention} };
    is($code, @what ? 1 : 0, 'the exit says so') if $code != (@what ? 1 : 0);
    return @what;
}

sub token {
    return $st->json('token', 'create', '--user', $user, '--name', shift,
        '--env', 'production')->{id};
}

sub record { $redis->key('token:' . $redis->cli('GET', $redis->key("id:$_[0]"))) }

sub set {
    my ($id, $field, $value) = @_;
    $redis->cli('HSET', record($id), $field, $value);
}

# entries of the index that lead nowhere

sub many {
    my ($name, $n, $from, $to) = @_;
    $redis->cli('ZADD', $redis->key('rotating'),
        map { int(time + $from + ($to - $from) * $_ / $n), "tok_$name$_" } 1 .. $n);
}

sub end {
    my ($id, $in, $life) = @_;
    set($id, expires_at => time + $in);
    set($id, created_at => time + $in - $life);
    $redis->cli('ZADD', $redis->key('expiry'), time + $in, $id);
}

sub used {
    my ($id, $ago) = @_;
    $redis->cli('ZADD', $redis->key('last_used'), time - $ago, $id);
}

sub refusal {
    my ($at, $reason, $count) = @_;
    $redis->cli('XADD', $redis->key('refusals'), "${at}000-*", 'at', $at, 'token',
        $id{near}, 'user', $user, 'reason', $reason, 'count', $count, 'addr',
        '192.0.2.7');
}

sub node {
    my ($name, $ago, $version) = @_;
    $redis->cli('HSET', $redis->key('nodes'), $name,
        int((time - $ago) * 1000) . " 2000$version");
}
