# export and import: what goes out comes back, and what is wrong changes
# nothing.

use strict;
use warnings;
use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start;
my $st = Stok::Command->new($redis);
my $dir = File::Temp->newdir('stok-export-XXXXXX', TMPDIR => 1);
my $n = 0;

# a dataset with everything in it

$st->run('user', 'create', $_, '--purpose', "for $_", '--owner', "\x{c3}\x{bc}")
    for 'Pipeline Automation', 'Catalog Sync';
$st->run('user', 'create', 'eva@example.org', '--human');
my ($user, $other) = map { "$_\@service" } 'pipeline_automation', 'catalog_sync';

my %t = map { $_->[0] => create(@$_) } ['plain', $user], ['other', $other],
    ['scim', $user, '--scim-only'], ['never', $user, '--expires-in', 'never'],
    ['personal', 'eva@example.org'], ['revoked', $user], ['gone', $user];
$st->run('token', 'revoke', $t{$_}{id}) for 'revoked', 'gone';
$st->run('token', 'delete', $t{gone}{id}, '--force');
$redis->cli('ZADD', $redis->key('last_used'), 1_700_000_000, $t{plain}{id});
$redis->cli('HSET', $redis->key("usage:$t{plain}{id}"), 'uses', 12,
    'last_location', '/a "b"', 'last_addr', '::1');

# export

my $file = "$dir/one";
my ($code, $out, $err) = $st->run('export', $file);
is("$code $out$err", "0 3 users, 6 tokens\n", 'export');
is(sprintf('%o', (stat $file)[2] & 07777), '600', 'for its owner only');
my @line = lines($file);
is(scalar @line, 11, 'meta, users, tokens, end');
my %first = map { my ($kind) = keys %$_; ($kind => $_->{$kind}) }
    map { JSON::PP->new->utf8->decode($_) } reverse @line;
is("@{ $first{meta} }{qw(schema brand approval)}", '2 stk none', 'meta');
is_deeply($first{end}, { users => 3, tokens => 6 }, 'end');
my ($plain) = map { $_->{token} // () } map { JSON::PP->new->utf8->decode($_) }
    grep { /$t{plain}{id}/ } @line;
is($plain->{digest}, $redis->digest($t{plain}{token}), 'its digest');
is_deeply($plain->{usage}, { uses => '12', last_location => '/a "b"',
    last_addr => '::1' }, 'its usage');
is("@$plain{qw(last_used expires_at)}",
    "1700000000 $t{plain}{expires_at}", 'its dates are numbers');

($code, $out, $err) = $st->run('export', $file);
is($code, 3, 'a file that is there');
like($err, qr/cannot make "\Q$file\E": File exists/, 'is not overwritten');
is(join('', lines($file)), join('', @line), 'it is as it was');
is(($st->run('export', "$dir/no/such"))[0], 3, 'no folder');
is(join('', sort split /^/, ($st->run('export', '-'))[1]) =~ s/exported_at":\d+//r,
    join('', sort @line) =~ s/exported_at":\d+//r, 'to standard output');

if (-e '/dev/full') {
    local $st->{stdout} = '/dev/full';
    is(($st->run('export', '-'))[0], 3, 'a full disk');
}

# import: into an empty Redis, from a file and from standard input

my $before = dataset($redis);

for my $from ($file, '-') {
    my $empty = Stok::Redis->start(empty => 1);
    my $to = Stok::Command->new($empty);

    ($code, $out, $err) = $to->run('import', '--dry-run', $file);
    is("$code $out$err", "0 9 new, 0 the same, 0 overwritten: nothing was changed\n",
        '--dry-run');
    is(@{ $empty->cli('KEYS', '*') }, 0, 'nothing is there');

    ($code, $out, $err) = $to->input($from eq '-' ? join('', @line) : '',
        'import', $from);
    is("$code $out$err", "0 9 new, 0 the same, 0 overwritten\n", "import $from");
    is(dataset($empty), $before, 'all of it came back');
    is(Stok::Command::broken($empty), '', 'and it is in order');
    is($empty->cli('HGET', $empty->key('meta'), 'brand'), 'stk', 'its marker');

    my $entries = audit($empty);
    my $sum = sha256_hex(join '', @line);
    like($entries, qr/action import token  user  before  after 9 new, 0 overwritten file $sum /,
        'one entry, with the file\'s digest');
    unlike($entries, qr/\.import/, 'and no other');
    ($code, $out, $err) = $to->run('import', $file);
    is("$code $out$err", "0 0 new, 9 the same, 0 overwritten\n", 'again');
    is(dataset($empty), $before, 'changes nothing');
    is(audit($empty), $entries, 'and leaves no entry');
    is_deeply($to->json('import', $file), { users => 3, tokens => 6, new => 0,
        same => 9, overwritten => 0, kept => 0,
        dry_run => JSON::PP::false() }, '--json');
}

# over the dataset that it came from

($code, $out, $err) = $st->run('import', $file);
is("$code $out$err", "0 0 new, 9 the same, 0 overwritten\n", 'nothing differs');

# what was revoked since does not become active again

$st->run('token', 'revoke', $t{plain}{id});
refused(qr/line \d+: the record here allows less \(it was revoked or disabled/, $file);
($code, $out, $err) = $st->run('import', '--overwrite', $file);
is("$code $out", '0 ', '--overwrite');
like($err, qr/^0 new, 8 the same, 0 overwritten\n\z/m, 'says what it did');
like($err, qr/^line \d+: it stays as it is here$/m, 'says which');
like($err, qr/^1 were revoked, deleted, disabled, .* here: they stay so without/m,
    'and how many');
is(status('plain'), 'revoked', 'it is revoked');

# nor what was revoked and deleted

$st->run('token', 'delete', $t{plain}{id}, '--force');
refused(qr/line \d+: it was revoked and deleted here/, $file);
($code, $out, $err) = $st->run('import', '--overwrite', $file);
is($code, 0, '--overwrite');
is($redis->cli('EXISTS', $redis->key("id:$t{plain}{id}")), 0, 'it stays away');

# nor a user that was disabled

$st->run('user', 'disable', $other);
refused(qr/line \d+: the record here allows less \(it was revoked or disabled/, $file);
$st->run('import', '--overwrite', $file);
is($redis->cli('HGET', $redis->key("user:$other"), 'status'), 'disabled', 'it stays so');
$st->run('user', 'enable', $other);

# a restored token is not such a case

$st->run('token', 'revoke', $t{other}{id});
$st->run('token', 'restore', $t{other}{id});
my @less = grep { !/$t{plain}{id}/ } @line;
$less[-1] =~ s/"tokens":6/"tokens":5/;
my $less = put(@less);
is(($st->run('import', '--overwrite', $less))[2],
    "0 new, 7 the same, 1 overwritten\n", 'restored');

# what differs

$st->run('user', 'set-role', $user, 'admin');
refused(qr/line \d+: the record that is there differs: --overwrite/, $less);
($code, $out, $err) = $st->run('import', '--overwrite', $less);
is("$code $out$err", "0 0 new, 7 the same, 1 overwritten\n", '--overwrite');
is($redis->cli('HGET', $redis->key("user:$user"), 'role'), 'member', 'it does');
is(Stok::Command::broken($redis), '', 'and all is in order');
like(audit(), qr/action import token  user  before  after 0 new, 1 overwritten file [0-9a-f]{64} /,
    'one entry for all');
like(audit(), qr/action user\.import token  user \Q$user\E before admin active after member active/,
    'in the audit');

# names of others, ids of others

my ($moved) = grep { /$t{other}{id}/ } @less;
for my $case (
    ['the id of another digest', sub { s/"digest":"..../"digest":"0000/ },
        qr/another record has its id or its digest/],
    ['the digest of another id', sub { s/$t{other}{id}/tok_0000000000000000/ },
        qr/another record has its id or its digest/],
    ['no such user', sub { s/"digest":"..../"digest":"0000/;
        s/$t{other}{id}/tok_0000000000000000/; s/catalog_sync/nobody/ },
        qr/its user is neither in the file, before it, nor here/],
) {
    my ($name, $change, $why) = @$case;
    local $_ = $moved;
    $change->();
    refused(qr/line 2: $why/, put($line[0], $_, qq({"end":{"users":0,"tokens":1}}\n)));
}

{
    local $_ = $moved;
    s/"digest":"..../"digest":"0000/; s/catalog_sync/pipeline_automation/;
    s/$t{other}{id}/tok_0000000000000000/; s/"name":"other"/"name":"never"/;
    refused(qr/line 2: its user has a token of this name already: "$t{never}{id}", which is here/,
        put($line[0], $_, qq({"end":{"users":0,"tokens":1}}\n)));
}

# files that are wrong: the line and why, and nothing is changed

my ($u) = grep { /"user":\{/ } @line;
my $end = qq({"end":{"users":1,"tokens":0}}\n);
my $tok = $moved =~ s/"tok_\w+"/"tok_x"/r =~ s/"digest":"..../"digest":"1111/r
    =~ s/"user":"[^"]+"/"user":"$user"/r =~ s/"name":"other"/"name":"x"/r;
my $token_end = qq({"end":{"users":0,"tokens":1}}\n);

for my $case (
    ['empty', qr/line 1: the file ends too early/],
    ['garbage', qr/line 1: it is not JSON/, "\x7fELF\0\1\2\n"],
    ['no meta', qr/line 1: it is not an export/, $u, $end],
    ['two metas', qr/line 2: meta is the first line/, $line[0], $line[0]],
    ['another schema', qr/line 1: it is of another schema/,
        $line[0] =~ s/"schema":"\d"/"schema":"1"/r],
    ['cut', qr/line 11: the file ends too early/, @line[0 .. 9]],
    ['cut in a line', qr/line 10: it is not JSON/, @line[0 .. 8],
        substr($line[9], 0, 40)],
    ['a line is missing', qr/line 10: it does not count/,
        @line[0 .. 8, 10]],
    ['behind the end', qr/line 4: it comes after the end/, $line[0], $u,
        $end, $u],
    ['an empty line', qr/line 2: it is not JSON/, $line[0], "\n", $u, $end],
    ['NUL bytes', qr/line 2: it is not JSON/, $line[0], $u =~ s/for/f\0r/r, $end],
    ['10 MB', qr/line 2: it is longer than/, $line[0],
        $u =~ s/for/'x' x 10_000_000/er, $end],
    ['deep', qr/line 2: it is not JSON/, $line[0], '[' x 100_000, $end],
    ['not UTF-8', qr/line 2: it is not JSON/, $line[0], $u =~ s/for/\xff/r, $end],
    ['a number', qr/line 2: it is not JSON/, $line[0], "5\n", $end],
    ['a list', qr/line 2: it is not one user/, $line[0], "[]\n", $end],
    ['another kind', qr/line 2: it is not one user/, $line[0], "{\"x\":{}}\n"],
    ['two kinds', qr/line 2: it is not one user/, $line[0], "{\"user\":{},\"token\":{}}\n"],
    ['a key twice', qr/line 2: it is not JSON/, $line[0],
        $u =~ s/"status"/"role":"admin","status"/r, $end],
    ['a user twice', qr/line 3: a user of this id is there already/, $line[0],
        $u, $u, $end],
    ['no id', qr/line 2: the user has no valid id/, $line[0],
        $u =~ s/"id":"[^"]+",//r, $end],
    ['a bad id', qr/line 2: the user has no valid id/, $line[0],
        $u =~ s/"id":"/"id":" /r, $end],
    ['no role', qr/line 2: the user cannot be read: no field role/, $line[0],
        $u =~ s/"role":"\w+",//r, $end],
    ['an unknown field', qr/line 2: the user cannot be read: unknown field/,
        $line[0], $u =~ s/"role"/"odd":"1","role"/r, $end],
    ['a field is a number', qr/line 2: a field is not text/, $line[0],
        $u =~ s/"role":"\w+"/"role":5/r, $end],
    ['a field is a list', qr/line 2: a field is not text/, $line[0],
        $u =~ s/"role":"\w+"/"role":["admin"]/r, $end],
    ['a date is text', qr/line 2: a date is not a number/, $line[0],
        $u =~ s/"created_at":\d+/"created_at":"today"/r, $end],
    ['a date is negative', qr/line 2: .*created_at is not valid/, $line[0],
        $u =~ s/"created_at":\d+/"created_at":-5/r, $end],
    ['a bad status', qr/line 2: .*status is not valid/, $line[0],
        $u =~ s/"active"/"super"/r, $end],
    ['a bad digest', qr/line 2: the token's digest/, $line[0],
        $tok =~ s/"1111/"111g/r, $token_end],
    ['a digest in capitals', qr/line 2: the token's digest/, $line[0],
        $tok =~ s/"1111/"111A/r, $token_end],
    ['a token twice', qr/line 3: a token of this id/, $line[0], $tok, $tok],
    ['a digest twice', qr/line 3: a token of this digest/, $line[0], $tok,
        $tok =~ s/tok_x/tok_y/r],
    ['a name twice', qr/line 3: a token of this name and user/, $line[0], $tok,
        $tok =~ s/tok_x/tok_y/r =~ s/"1111/"2222/r],
    ['last_used is text', qr/line 2: last_used is not a date/, $line[0],
        $tok =~ s/\}\}/,"last_used":"now"}}/r, $token_end],
    ['usage is text', qr/line 2: usage is not an object/, $line[0],
        $tok =~ s/\}\}/,"usage":"x"}}/r, $token_end],
    ['usage of numbers', qr/line 2: usage has a field/, $line[0],
        $tok =~ s/\}\}/,"usage":{"uses":5}}}/r, $token_end],
    ['good, then bad', qr/line 11: the file ends/, @line[0 .. 9]],
) {
    my ($name, $why, @content) = @$case;
    refused($why, put(@content), $name);
}

refused(qr/cannot read "\S+none": No such file/, "$dir/none");
refused(qr/cannot read|line 1: /, "$dir");
is(($st->run('import'))[0], 2, 'no file');

# a key of the dataset that is of another type

my $wrong = put($line[0], $tok, $token_end);
my $with_usage = put($line[0], $tok =~ s/\}\}/,"usage":{"uses":"5"}}}/r, $token_end);
$redis->cli('SET', $redis->key('usage:tok_x'), 'x');
refused(qr/line 2: a key of the dataset has the wrong type/, $with_usage);
$redis->cli('DEL', $redis->key('usage:tok_x'));
for my $case (['token:' . ($tok =~ /"digest":"(\w+)"/)[0], 'SET'],
    ['id:tok_x', 'LPUSH'])
{
    $redis->cli($case->[1], $redis->key($case->[0]), 'x');
    refused(qr/line 2: a key of the dataset has the wrong type/, $wrong);
    $redis->cli('DEL', $redis->key($case->[0]));
}
for my $name ('user-tokens:' . $user, 'expiry') {
    $redis->cli('RENAME', $redis->key($name), 'aside');
    $redis->cli('SET', $redis->key($name), 'x');
    refused(qr/(?:line 2: )?a key of the dataset has the wrong type/, $wrong, $name);
    $redis->cli('RENAME', 'aside', $redis->key($name));
}

# export names what it leaves out, and the rest can be read back

my $digest = $redis->cli('GET', $redis->key("id:$t{other}{id}"));
$redis->cli('HSET', $redis->key("token:$digest"), 'user', 'nobody@service');
$redis->cli('HSET', $redis->key("user:eva\@example.org"), 'odd', 1);
($code, $out, $err) = $st->run('export', "$dir/two");
is($code, 1, 'something was left out');
like($err, qr/token "$t{other}{id}" is left out: its user is not there/, 'an orphan');
like($err, qr/user "eva\@example.org" is left out: unknown field/, 'unreadable');
my $empty = Stok::Redis->start(empty => 1);
($code) = Stok::Command->new($empty)->run('import', "$dir/two");
is($code, 0, 'it can be imported');
is(Stok::Command::broken($empty), '', 'and is in order');

# seals are checked if there are keys, and come back as they were

$empty->cli('FLUSHALL');
my ($key, $strange) = map { my $name = "$dir/$_"; open my $fh, '>', $name or die;
    print $fh "dataset $Stok::Redis::dataset\n", ($st->run('key', 'new', $_))[1]; close $fh; chmod 0600, $name; $name }
    'k1', 'k2';
my @with = ('--key-file', $key);
$redis->cli('FLUSHALL');
$st->run(@with, 'init');
$st->run(@with, 'user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');
$st->run(@with, 'token', 'create', '--user', 'pipeline@service', '--name', 'x',
    '--env', 'testing');
$st->run(@with, 'export', "$dir/sealed");
my $to = Stok::Command->new($empty);
is(($to->run('--key-file', $strange, 'import', "$dir/sealed"))[2],
    "service-token: line 2: the user has no valid seal by a key of the key file\n",
    'another key');
is(@{ $empty->cli('KEYS', '*') }, 0, 'nothing was made');
is(($to->run(@with, 'import', "$dir/sealed"))[0], 0, 'its key');
is(dataset($empty), dataset($redis), 'with its seals');
my $forged = put(map { s/"role":"member"/"role":"admin"/r } lines("$dir/sealed"));
is(($to->run(@with, 'import', '--overwrite', $forged))[0], 3, 'a raised role');
is(($to->run('import', "$dir/sealed"))[0], 3, 'without a key file: not here');
$empty->cli('FLUSHALL');
like(($to->run('import', "$dir/sealed"))[2], qr/seals were not checked/,
    'without a key file: told');

# broken off at any time, it can be run again

my @many = ($line[0], $u, map { $tok =~ s/tok_x/tok_$_/r =~ s/"x"/"x$_"/r
    =~ s/"user":"[^"]+"/'"user":' . ($u =~ m{"id":("[^"]+")})[0]/er
    =~ s/"1111/sprintf '"%04x', $_/er } 1 .. 2000);
my $many = put(@many, qq({"end":{"users":1,"tokens":2000}}\n));

for my $round (1 .. 6) {
    $empty->cli('FLUSHALL');
    my $pid = $to->start('import', $many);
    wait_for('it writes', sub { $empty->cli('DBSIZE') > 250 * $round });
    kill 'KILL', $pid;
    waitpid $pid, 0;
    wait_for('what it has sent is done', sub {
        1 == grep { /\S/ } split /\n/, $empty->cli('CLIENT', 'LIST');
    });
    is_deeply($empty->cli('HKEYS', $empty->key('meta')), ['importing'],
        'no marker yet') if $? & 127;
    is(counts(), 1, 'each record is whole');
    is(($to->run('import', $many))[0], 0, 'again');
    is($empty->cli('ZCARD', $empty->key('tokens')), 2000, 'all of them');
}

$redis->down;
is(($st->run('import', $file))[0], 4, 'no Redis');
is(($st->run('export', "$dir/three"))[0], 4, 'nor for export');
ok(!-e "$dir/three", 'which leaves no file');

finish;


sub create {
    my ($name, $owner, @more) = @_;
    return $st->json('token', 'create', '--user', $owner, '--name', $name,
        '--env', 'testing', @more);
}

sub lines { open my $fh, '<', shift or die; my @all = <$fh>; @all }

sub put {
    my $name = "$dir/in" . ++$n;
    open my $fh, '>', $name or die;
    print $fh @_;
    close $fh;
    return $name;
}

# everything but the marker and the audit

sub dataset {
    my $from = shift;
    my %dump;

    for my $key (@{ $from->cli('KEYS', '*') }) {
        my $type = $from->cli('TYPE', $key);
        next if $key =~ /:(?:meta|audit|audit-head|deleted:.*)$/;
        my $value = $type eq 'string' ? [$from->cli('GET', $key)]
            : $type eq 'set' ? $from->cli('SMEMBERS', $key)
            : $type eq 'zset' ? $from->cli('ZRANGE', $key, 0, -1, 'WITHSCORES')
            : $from->cli('HGETALL', $key);
        my @pairs = $type eq 'hash'
            ? do { my %h = @$value; map { "$_=$h{$_}" } sort keys %h }
            : $type eq 'set' ? sort @$value : @$value;
        $dump{$key} = join '|', @pairs;
    }

    return join "\n", map { "$_: $dump{$_}" } sort keys %dump;
}

# as many records as entries in each index

sub counts {
    my %count = (map({ $_ => $empty->cli('ZCARD', $empty->key($_)) }
        'tokens', 'expiry'),
        map { $_ => scalar @{ $empty->cli('KEYS', $empty->key("$_:*")) } }
        'token', 'id');
    $count{user} = $empty->cli('SCARD', (map { $empty->key("user-tokens:$_") }
        $u =~ /"id":"([^"]+)"/)[0]);
    my %different = map { $_ => 1 } values %count;
    return scalar keys %different;
}

sub status {
    my $digest = $redis->cli('GET', $redis->key("id:$t{$_[0]}{id}"));
    return $redis->cli('HGET', $redis->key("token:$digest"), 'status');
}

sub audit {
    my $from = shift // $redis;
    return join "\n", map { join ' ', @{ $_->[1] } }
        @{ $from->cli('XRANGE', $from->key('audit'), '-', '+') };
}

sub refused {
    my ($why, $file, $name) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($code, $out, $err) = $st->run('import', $file);

    is("$code $out", '3 ', ($name // $why) . ': refused');
    like($err, qr/^service-token: $why.*\n\z/, 'says why, in one line');
    ok(Stok::Command::snapshot($redis) eq $before, 'and no change');
}
