# Approval: two people, told apart by what the dataset trusts; roles that are
# raised, humans above the lowest role; the verb that changes it.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

plan(skip_all => 'only root becomes another user by sudo') if $<;

my $redis = Stok::Redis->start(empty => 1);
my $dir = File::Temp->newdir;
my $st = Stok::Command->new($redis);
my ($code, $out, $err);
my @who = ('--purpose', 'p', '--owner', 'o');

open my $fh, '>', "$dir/keys" or die;
print $fh "dataset $Stok::Redis::dataset\nk1 ", '01' x 32, "\n";
close $fh;
chmod 0600, "$dir/keys";
my @key = ('--key-file', "$dir/keys");

# a user is approved by another one: os, --actor, what is trusted, whether

for my $case (
    ['anna', 'x', 'os', 3],         # another --actor is the same person
    ['bert', 'anna', 'os', 0],
    ['bert', 'x', 'actor', 0],
    ['bert', 'anna', 'actor', 3],
    ['bert', 'anna', 'os actor', 3],
    ['anna', 'x', 'os actor', 3],
    ['bert', 'x', 'os actor', 0],
    ['bert', 'x', 'redis', 3],
    ['bert', 'x', '', 3],
    ['bert', 'x', 'nonsense', 3],
) {
    my ($os, $actor, $trust, $want) = @$case;

    dataset($trust);
    by('anna', '--actor', 'anna', 'user', 'create', 'etl', @who);
    is(user('etl@service')->{status}, 'pending', "trust '$trust': pending");
    is(by($os, '--actor', $actor, 'user', 'approve', 'etl@service'), $want,
        "$os as $actor: approve");
    like($err, qr/was created by anna: another admin has to approve it/, 'why')
        if $want;
    is(user('etl@service')->{status}, $want ? 'pending' : 'active', 'and so it is');
}

my $last = last_entry();
dataset('os');
by('anna', 'user', 'create', 'etl', @who);
by('bert', 'user', 'approve', 'etl@service');
is("@{ last_entry() }{qw(action actor os sudo redis before)}",
    'user.approve ' . join(' ', (scalar getpwuid $<) x 2)
        . ' bert default pending, created_by ' . getpwuid($<),
    'who approved, by all names');
is(user('etl@service')->{created_by}, scalar(getpwuid $<),
    'created_by is the actor');

# a request that is lost says nobody is another one

dataset('os');
by('anna', 'user', 'create', 'etl', @who);
$redis->cli('DEL', $redis->key('request:etl@service'));
is(by('bert', 'user', 'approve', 'etl@service'), 3, 'a request that is lost');

# people: the lowest role needs nobody

dataset('os');
by('anna', 'user', 'create', 'eva@example.org', '--human');
is(user('eva@example.org')->{status}, 'active', 'a person of the lowest role');
by('anna', 'user', 'create', 'max@example.org', '--human', '--role', 'manager');
is(user('max@example.org')->{status}, 'pending', 'a person above it');

# a role is raised after an approval

dataset('os');
by('anna', @key, 'user', 'create', 'etl', @who);
by('bert', @key, 'user', 'approve', 'etl@service');
is(by('anna', @key, 'user', 'set-role', 'etl@service', 'admin'), 0, 'raise');
like($err, qr/^note: the role was requested: another admin has to run .*user approve etl\@service$/m,
    'it is asked for');
is(user('etl@service')->{role}, 'member', 'and not there');
my $before = Stok::Command::snapshot($redis);
is(by('anna', @key, 'user', 'set-role', 'etl@service', 'admin'), 0, 'again');
ok(Stok::Command::snapshot($redis) eq $before, 'writes nothing');
is(by('anna', @key, 'user', 'approve', 'etl@service'), 3, 'not by who asked');
like($err, qr/was raised by/, 'why');
is(by('bert', @key, 'user', 'approve', 'etl@service'), 0, 'by another');
my $etl = user('etl@service');
$redis->{key} = { name => 'k1', secret => "\1" x 32 };
is("$etl->{role} $etl->{seal}", 'admin ' . Stok::Redis::seal($redis->{key},
    'user', 'etl@service', $etl), 'with its seal');
is(by('bert', @key, 'user', 'approve', 'etl@service'), 0, 'again');
like($err, qr/is active already, and no role is asked for/, 'changes nothing');
is(by('anna', @key, 'user', 'set-role', 'etl@service', 'member'), 0, 'a lower one');
is(user('etl@service')->{role}, 'member', 'needs nobody');

by('anna', @key, 'user', 'set-role', 'etl@service', 'admin');
$redis->cli('HSET', $redis->key('request:etl@service'), 'from', 'manager');
is(by('bert', @key, 'user', 'approve', 'etl@service'), 3,
    'a role that was asked for from another one');

by('anna', @key, 'user', 'create', 'new', @who);
is(by('bert', @key, 'user', 'set-role', 'new@service', 'admin'), 3,
    'a pending user is not raised');

# the verb

dataset();
is(by('anna', 'approval', 'show'), 0, 'approval show');
is($out, "approval none, people are told apart by: os\n", 'shows');
is(by('anna', 'approval', 'set', 'required', '--trust', 'redis,os,os'), 0, 'is set');
is($out, "approval required, people are told apart by: os redis\n", 'and shown');
is_deeply(last_entry()->{action}, 'approval.set', 'with an entry');
$before = Stok::Command::snapshot($redis);
by('anna', 'approval', 'set', 'required');
ok(Stok::Command::snapshot($redis) eq $before, 'the same: nothing is written');

for my $word (['none'], ['required', '--trust', 'actor']) {
    dataset('os');
    is(by('anna', 'approval', 'set', @$word), 0, "@$word: asked for");
    like($err, qr/nothing was changed yet: .*another admin/, 'says so');
    like($out, qr/^approval required, .*: os$/, 'it is as it was');
    by('anna', 'approval', 'set', @$word);
    like($out, qr/^approval required, .*: os$/, 'by the same one again, too');
    is(by('bert', 'approval', 'set', @$word), 0, 'by another');
    unlike($out, qr/^approval required, .*: os$/, 'it is changed');
}

for my $bad (['perhaps'], ['--trust', 'os'], ['none', 'none'],
    ['none', '--trust', ''], ['none', '--trust', 'os,x'], ['none', '--trust', 'o'])
{
    is(by('anna', 'approval', 'set', @$bad), 2, "approval set @$bad");
}

is(by('anna', 'init', '--approval', 'none'), 0, 'init of what is there');
like($err, qr/see "service-token approval show" and "approval set"$/m, 'says what changes it');

# who waits is listed

dataset('os');
by('anna', '--actor', 'anna', 'user', 'create', $_, @who) for 'etl', 'bi';
by('bert', 'user', 'approve', 'bi@service');
by('anna', '--actor', 'anna', 'user', 'set-role', 'bi@service', 'admin');
for my $index (1, 0) {
    my %found = pending();
    is_deeply([sort keys %found], ['bi@service', 'etl@service'], 'review: both');
    like($found{'etl@service'}, qr/^user, member asked for by anna, 20/, 'a user');
    like($found{'bi@service'}, qr/^role admin asked for by anna, 20/, 'a role');
    $redis->cli('DEL', $redis->key('pending'));
}
by('bert', 'user', 'approve', $_) for 'etl@service', 'bi@service';
is_deeply({ pending() }, {}, 'and nobody after that');

# every entry of the audit names who acted in all ways

$redis->cli('ACL', 'SETUSER', 'ops', 'on', '>pw', '~*', '&*', '+@all');
dataset();
my @ops = ('--redis', 'redis://ops:pw@127.0.0.1:' . $redis->port, '--actor', "o'b");
by('carl', @ops, 'user', 'create', $_, @who) for 'etl', 'bi';
my %id = map { by('carl', @ops, 'token', 'create', '--user', 'etl@service', '--name',
    $_, '--env', 'testing', '--json'); ($_, $out =~ /"id": "(tok_\w+)"/) } 'a' .. 'c';
by('carl', @ops, @$_) for ['user', 'set-role', 'etl@service', 'admin'],
    ['user', 'describe', 'etl@service', '--owner', 'x'],
    ['token', 'rotate', $id{a}], ['token', 'revoke', $id{a}],
    ['token', 'restore', $id{a}], ['incident', 'token', $id{b}],
    ['token', 'delete', $id{b}, '--force'], ['user', 'revoke-all', 'etl@service'],
    ['incident', 'user', 'bi@service'], ['user', 'enable', 'bi@service'],
    ['user', 'delete', 'bi@service'], ['approval', 'set', 'required'],
    ['approval', 'set', 'none'], ['user', 'create', 'sync', @who],
    ['user', 'set-role', 'etl@service', 'member'],
    ['user', 'set-role', 'etl@service', 'manager'], ['export', "$dir/dump"];
$redis->cli('DEL', map { @{ $redis->cli('KEYS', $redis->key($_)) } } 'user:*',
    'token:*', 'tokens', 'users', 'id:*', 'expiry', 'user-tokens:*');
by('carl', @ops, 'import', '--restore-access', "$dir/dump");
$redis->cli('DEL', $redis->key('expiry'));
by('carl', @ops, 'fsck', '--fix');
my (%who, %action);
for my $entry (@{ $redis->cli('XRANGE', $redis->key('audit'), '-', '+') }) {
    my %entry = @{ $entry->[1] };
    next if $entry{action} eq 'init';
    $action{ $entry{action} }++;
    push @{ $who{ join ' ', map { $_ // '' } @entry{qw(actor os sudo redis)} } },
        $entry{action};
}
is_deeply([keys %who], ["o'b " . getpwuid($<) . ' carl ops'], 'by all names')
    or diag explain \%who;
cmp_ok(keys %action, '>=', 16, 'of every kind') or diag "@{[sort keys %action]}";

# a name cannot add a line

by("carl\nroot", 'user', 'create', 'line', @who);
is("@{ last_entry() }{qw(os sudo redis)}", getpwuid($<) . ' carl?root default',
    'one line');
is(by('anna', 'audit', 'verify'), 0, 'the chain is whole');

finish;


sub dataset {
    my $trust = shift;
    delete $redis->{key};
    $redis->cli('FLUSHALL');
    $st->run('init', defined $trust ? ('--approval', 'required') : ());
    $redis->cli('HSET', $redis->key('meta'), 'trust', $trust) if defined $trust;
    $redis->cli('HSET', $redis->key('meta'), 'dataset', $Stok::Redis::dataset);
}

sub by {
    my ($os, @args) = @_;
    local $st->{sudo} = $os;
    ($code, $out, $err) = $st->run(@args);
    return $code;
}

sub user { return { @{ $redis->cli('HGETALL', $redis->key("user:$_[0]")) } } }

sub pending {
    by('anna', 'review', '--json');
    return map { ($_->{user}, $_->{seen}) } grep { $_->{rule} eq 'pending' }
        @{ JSON::PP->new->utf8->decode($out) };
}

sub last_entry {
    return { @{ $redis->cli('XREVRANGE', $redis->key('audit'), '+', '-',
        'COUNT', 1)->[0][1] } };
}
