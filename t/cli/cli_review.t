# review: each rule finds what it should and passes over what it should not;
# periods, --fail-on, text, JSON, and the progress bar.

use strict;
use warnings;
use lib 't/lib';
use JSON::PP ();
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(options => ['--appendonly', 'yes']);
my $st = Stok::Command->new($redis);
my $now = time;
my $day = 86400;

is_deeply(findings(), [], 'nothing is found in nothing');
is(join(' ', map { $_ // '' } ($st->run('review'))[0, 1]),
    "0 0 findings in 0 tokens and 0 users\n", 'and the exit is 0, without a table');

my $user = $redis->listed_user('alation_sync@service');
my $human = $redis->listed_user('eva@example.org', kind => 'human',
    purpose => '', owner => '');
my $gone = $redis->listed_user('gone_sync@service', status => 'deleted',
    purpose => '', role => 'admin', created_at => $now - 400 * $day);

# what is in order: no rule finds anything

token(expires_at => $now + 300 * $day);
token(expires_at => $now + 300 * $day, created_at => $now - 200 * $day, used =>
    { last_used => $now - 89 * $day, uses => 3, refused => 2,
      first_used => $now - 150 * $day, refused_at => $now - 40 * $day,
      addrs => '10.1.0.1 10.1.7.2', locations => '/api/ /production/' });
token(expires_at => $now + 31 * $day + 1000);
token(expires_at => $now + 365 * $day);
token(env => 'testing', expires_at => $now + 30 * $day);
token(expires_at => $now + 93 * $day, created_at => $now - 85 * $day);
token(expires_at => $now + 60 * $day, created_at => $now - 59 * $day);
token(expires_at => $now + 10 * $day, rotated_to => 'tok_next');
token(expires_at => $now + 20 * $day, rotated_to => 'tok_next',
    created_at => $now - 30 * $day, used => { last_used => $now });
token(expires_at => $now + 32 * $day, rotated_to => 'tok_next',
    created_at => $now - 300 * $day, used => { last_used => $now });
token(expires_at => $now + 5 * $day, rotated_to => 'tok_next',
    created_at => $now - 300 * $day, used => { last_used => $now - 32 * $day });
my $next = token(used => { last_used => $now });
token(expires_at => $now + 5 * $day, rotated_to => $next,
    created_at => $now - 300 * $day, used => { last_used => $now });
token(env => 'testing', rotated_to => 'tok_next', created_at => $now - 9 * $day,
    expires_at => $now + 200 * $day);
token(status => 'revoked', revoked_at => $now, expires_at => 0, name => 'test',
    created_at => $now - 300 * $day);
token(expires_at => $now - $day, created_at => $now - 300 * $day, name => 'x');
token(user => $human, type => 'personal', env => 'development',
    expires_at => $now + 90 * $day, used => { last_used => $now,
        locations => '/api/', addrs => '10.1.0.1' });
token(name => "t\xc3\xa4glicher-abgleich");
is_deeply(findings(), [], 'what is in order is not found');

# rule by rule: a token, and what is found of it

for my $case (
    ['unused', 'medium', qr/^last used 90 days ago$/, 'token revoke ID',
        created_at => $now - 200 * $day, used => { last_used => $now - 90 * $day }],
    ['unused', 'medium', qr/^never used, 90 days old$/, 'token revoke ID',
        created_at => $now - 90 * $day],
    ['unexpected-use', 'medium', qr/^from 8 addresses/, 'token show ID',
        used => { last_used => $now, addrs => join ' ', map { "10.1.0.$_" } 1 .. 8 }],
    ['unexpected-use', 'medium', qr/^lay 95 days before first use/, 'token show ID',
        created_at => $now - 100 * $day,
        used => { last_used => $now, first_used => $now - 5 * $day }],
    ['failed-attempts', 'medium', qr/^7 refused, last 20\d\d-\d\d-\d\d$/,
        'audit --token ID', used => { refused => 7, refused_at => $now - 30 * $day }],
    ['failed-attempts', 'high', qr/^1 refused$/, 'incident token ID',
        status => 'revoked', used => { refused => 1 }],
    ['failed-attempts', 'medium', qr/^1 refused/, NEW('production'),
        expires_at => $now - $day, created_at => $now - 9 * $day,
        used => { refused => 1, refused_at => $now }],
    ['failed-attempts', 'medium', qr/^1 refused/, 'token rotation ID',
        expires_at => $now - $day, created_at => $now - 9 * $day,
        rotated_to => 'tok_next',
        used => { refused => 1, refused_at => $now }],
    ['failed-attempts', 'high', qr/^1 refused/, 'token rotation ID',
        status => 'revoked', rotated_to => 'tok_next',
        used => { refused => 1, refused_at => $now }],
    (map { ['failed-attempts', $_->[1], qr/^1 refused: $_->[0], last 20/, $_->[2],
        used => { refused => 1, refused_at => $now,
            refused_reason => $_->[0] }] }
        ['TAMPERED', 'high', 'incident token ID'],
        ['ORPHANED', 'medium', 'token revoke ID'],
        ['USER_DISABLED', 'medium', 'user show USER'],
        ['ROLE', 'medium', 'token show ID'],
        ['SCOPE', 'medium', 'token show ID'],
        ['NETWORK', 'medium', 'token show ID'],
        ['EXPIRED', 'medium', 'audit --token ID']),
    ['token-name', 'low', qr/^generic: test123$/, NEW('production'),
        name => 'test123'],
    ['token-name', 'low', qr/^numbers only/, NEW('production'), name => '42'],
    ['token-name', 'low', qr/^\w.*: my new token$/, NEW('production'),
        name => 'my new token'],
    ['token-name', 'low', qr/^names another environment/, NEW('production'),
        name => 'staging-etl-2026'],
    ['expiring', 'high', qr/^expires in (?:29|30) days, no rotation/, 'token rotate ID',
        expires_at => $now + 30 * $day, year()],
    ['expiring', 'high', qr/^expires in 0 days/, 'token rotate ID',
        expires_at => $now + 100, year()],
    ['expiring', 'medium', qr/^expires in 4[45] days/, 'token rotate ID',
        expires_at => $now + 45 * $day, year()],
    ['expiring', 'medium', qr/^expires in 9[01] days/, 'token rotate ID',
        expires_at => $now + 91 * $day, year()],
    ['expiring', 'medium', qr/^expires in 4[45] days/, 'token rotate ID',
        expires_at => $now + 45 * $day, created_at => $now - 45 * $day],
    (map { ['expiring', 'low', qr/^expires in [12] days/, 'token rotate ID',
        env => $_, expires_at => $now + 2 * $day, created_at =>
        $now - 28 * $day] } 'testing', 'development'),
    ['expiring', 'high', qr/^expires in [12] days/, 'token rotate ID',
        env => 'staging', expires_at => $now + 2 * $day, created_at =>
        $now - 28 * $day],
    (map { my ($env, $days, $usual) = @$_; ['lifetime', 'low',
        qr/^lives $days days, usual: $usual$/,
        "token rotate ID --expires-in ${usual}d", env => $env, created_at => $now,
        expires_at => $now + $days * $day] }
        ['testing', 365, 30], ['development', 92, 90], ['staging', 200, 180]),
    (map { ['lifetime', 'medium', qr/^$_->[0], never expires$/,
        "token rotate ID --expires-in $_->[1]d", env => $_->[0],
        expires_at => 0] } ['staging', 180], ['testing', 30]),
    ['lifetime', 'medium', qr/^testing, never expires$/, 'token rotation ID',
        env => 'testing', expires_at => 0, rotated_to => 'tok_next'],
    ['rotation-stuck', 'high', qr/^ends in (?:29|30) days, next unused/,
        'token rotation ID', expires_at => $now + 30 * $day, year(),
        rotated_to => 'tok_next', used => { last_used => $now - 3600 }],
    ['rotation-stuck', 'high', qr/^ends in [34] days, next unused/,
        'token rotation ID', expires_at => $now + 4 * $day,
        rotated_to => 'tok_next', used => { last_used => $now - 30 * $day }],
    ['orphaned', 'high', qr/^its user is deleted/, 'token revoke ID',
        user => $gone],
    ['orphaned', 'high', qr/^its user does not exist/, 'token revoke ID',
        user => 'nobody@service'],
    ['orphaned', 'low', qr/^its user is deleted/, 'token delete ID',
        user => $gone, status => 'revoked'],
    ['personal-production', 'high', qr/^personal, made for production/, SERVICE(), user => $human, type => 'personal'],
    ['personal-production', 'high', qr/^personal, used in production/, SERVICE(), user => $human, type => 'personal',
        used => { last_used => $now }],
    ['never-expires', 'high', qr/^in production, never/, NEW('production'),
        expires_at => 0],
    ['many-environments', 'medium', qr/^used from 2 networks/, NEW('ENV'),
        used => { last_used => $now, addrs => '10.1.0.1 192.0.2.1 10.1.5.5' }],
    ['many-environments', 'medium', qr/^used from 2 networks/, NEW('ENV'),
        used => { last_used => $now, addrs => '2001:db8:1::1 2001:db8:1::2 2001:db8:2::1' }],
    ['many-environments', 'medium', qr/^used from 2 networks/, NEW('ENV'),
        used => { first_addr => '10.1.0.1', last_addr => '10.2.0.1' }],
    ['many-environments', 'medium', qr/^reached staging/, NEW('staging'),
        used => { last_used => $now, locations => '/api/ /staging/v1/' }],
    ['unreadable', 'high', qr/\w/, 'audit --token ID', later => 1],
) {
    my ($rule, $severity, $seen, $fix, %field) = @$case;
    my $id = token(expires_at => $now + 300 * $day, %field);
    my $of = $field{user} // $user;
    $fix =~ s/ID/$id/;
    $fix =~ s/USER/$of/;

    my $found = findings();
    is(scalar @$found, 1, "$rule: one finding")
        or diag(JSON::PP->new->encode($found));
    my $f = $found->[0] // {};
    is("$f->{rule} $f->{severity} $f->{token} $f->{user} $f->{fix}",
        "$rule $severity $id $of $fix", "$rule: $seen");
    like($f->{seen}, $seen, 'what was seen');
    forget($id);
}

# a personal token that is not for production, but was there

my $id = token(user => $human, type => 'personal', env => 'development',
    expires_at => $now + 50 * $day, used => { last_used => $now, last_location => '/prod/' });
is(join(' ', sort map { $_->{rule} } @{ findings() }),
    'many-environments personal-production', 'a personal token in production');
forget($id);

# an entry of an index without a record

$redis->cli('ZADD', $redis->key('tokens'), $now, 'tok_lost');
is(findings()->[0]{seen}, 'listed, but there is no record', 'a lost record');
$redis->cli('ZREM', $redis->key('tokens'), 'tok_lost');

# users

my $who = 'metrics_export@service';

for my $case (
    ['purpose', 'medium', 'no purpose', 'user describe ID --purpose TEXT',
        purpose => ' '],
    ['purpose', 'medium', 'no purpose', 'user describe ID --purpose TEXT',
        purpose => undef],
    ['owner', 'medium', 'no owner', 'user describe ID --owner TEXT',
        owner => ''],
    ['role', 'high', 'no such role: boss', 'user set-role ID member',
        role => 'boss'],
    ['role', 'medium', 'admin, unused 90 days', 'user set-role ID member',
        role => 'admin', created_at => $now - 90 * $day],
    ['unreadable', 'high', undef, 'audit --user ID', later => 1],
) {
    my ($rule, $severity, $seen, $fix, %field) = @$case;
    user_case($rule, $who, $severity, $seen, $fix =~ s/ID/$who/r, %field);
}

user_case('user-name', 'service1@service', 'low', 'not descriptive',
    'user create NEW-NAME --purpose TEXT --owner TEXT');

$redis->listed_user($who, role => 'admin', created_at => $now - 89 * $day);
is_deeply(findings(), [], 'an admin that is new');
$redis->listed_user($who, role => 'admin', created_at => $now - 400 * $day,
    status => 'deleted', purpose => '');
is_deeply(findings(), [], 'a deleted one');
$redis->listed_user($who, created_at => $now - 400 * $day);
is_deeply(findings(), [], 'the lowest role is never too much');

# least privilege: what the role is, the age of its tokens, what they needed

for my $case (
    ['manager', [[30, 'member']], 'has manager, needed member', 'member'],
    ['admin', [[40, 'member'], [1, 'manager']], 'has admin, needed manager',
        'manager'],
    ['admin', [[40, 'member'], [40, 'admin']], undef],
    ['manager', [[29, 'member']], undef],
    ['manager', [[40, 'manager']], undef],
    ['admin', [[40, 'member'], [40, undef]], undef],
    ['admin', [[40, 'boss']], undef],
    ['member', [[40, 'member']], undef],
    ['admin', [map { [40, $_ == 170 ? 'manager' : 'member'] } 1 .. 170],
        'has admin, needed manager', 'manager'],
) {
    my ($role, $tokens, $seen, $fix) = @$case;

    $redis->listed_user($who, role => $role);
    my @ids = map { token(user => $who, created_at => $now - $_->[0] * $day,
        used => { last_used => $now, uses => 1,
            $_->[1] ? (role_needed => $_->[1]) : () }) } @$tokens;

    my ($f, @more) = @{ findings() };
    my $name = "$role, " . join ' ', map { $_->[0] . ($_->[1] // '?') }
        @$tokens[0 .. ($#$tokens > 2 ? 2 : $#$tokens)];

    is(@more + 0, 0, "$name: one at most");
    is($f ? "$f->{rule} $f->{severity} $f->{user} $f->{seen} $f->{fix}" : '',
        $seen ? "least-privilege medium $who $seen user set-role $who $fix"
              : '', $name);
    forget($_, $who) for @ids;
}

$redis->listed_user($who);

# describing a user fixes it

$redis->listed_user($who, purpose => '', owner => '');
is(($st->run('user', 'describe', $who, '--purpose', 'exports', '--owner',
    'data'))[0], 0, 'user describe');
is_deeply(findings(), [], 'fixes');
my ($entry) = grep { $_->{action} ne 'review' } reverse @{ $st->json('audit') };
is("$entry->{action} $entry->{after}", 'user.describe exports, data',
    'is in the audit');
refused(2, qr/give --purpose/, 'user', 'describe', $who);
refused(2, qr/1 to 1024 bytes/, 'user', 'describe', $who, '--owner', '');
refused(3, qr/no user/, 'user', 'describe', 'nobody', '--owner', 'x');

# a rotation is found as soon as it is stuck, monthly and quarterly

my $stuck = token(expires_at => $now + 5 * $day, rotated_to => 'tok_next',
    year());
is(rules($_), 'rotation-stuck', "rotation-stuck, $_") for 'monthly', 'quarterly';
forget($stuck);

# a personal token that never expires is not followed by another one

my $pat = token(user => $human, type => 'personal', expires_at => 0);
is($_->{fix}, "user create NEW-NAME --purpose TEXT --owner $human",
    "$_->{rule} of a personal token in production") for @{ findings() };
forget($pat);

# periods

my %found = (unused => { created_at => $now - 90 * $day },
    expiring => { expires_at => $now + $day, created_at => $now - 30 * $day },
    'never-expires' => { expires_at => 0 });
my @ids = map { token(expires_at => $now + 300 * $day, %$_) } values %found;

is(rules('monthly'), 'never-expires unused', 'monthly');
is(rules('quarterly'), 'expiring never-expires', 'quarterly');
is(rules(), 'expiring never-expires unused', 'both');

# exit

for my $case (
    [1], [1, 'monthly'], [1, 'quarterly'], [1, '--fail-on', 'unused'],
    [0, '--fail-on', 'orphaned'], [1, '--fail-on', 'orphaned,expiring'],
    [0, 'monthly', '--fail-on', 'role,failed-attempts'],
    [1, 'monthly', '--fail-on', 'never-expires'],
) {
    my ($code, @args) = @$case;
    is(($st->run('review', @args))[0], $code, "exit of review @args");
}

refused(2, qr/bad --fail-on "bogus": one of unused, role, /, 'review',
    '--fail-on', 'unused,bogus');
refused(2, qr/bad --fail-on "": one of /, 'review', '--fail-on', '');
refused(2, qr/bad --fail-on "": one of /, 'review', '--fail-on', 'unused,');
refused(2, qr/expiring is not of this review/, 'review', 'monthly',
    '--fail-on', 'expiring');
refused(2, qr/"review" does not take "yearly"/, 'review', 'yearly');

# as text: 80 columns, and commands that a shell takes as they are

my $long = $redis->listed_user('a' x 64 . '@service', purpose => '',
    role => 'boss');
my ($code, $out, $err) = $st->run('review');
utf8::decode($out);
is(join("\n", grep { /^ / && length > 80 } split /\n/, $out), '',
    'commands in 80 columns');
like($out, qr/^SEVERITY +RULE +WHAT +SEEN$/m, 'a head');
my ($head) = $out =~ /^(SEVERITY .*)SEEN$/m;
is(join("\n", grep { substr($_, length($head) - 2, 3) !~ /^  \S/ }
    $out =~ /^((?:high|medium|low) .*)$/mg), '', 'and all rows below it');
like($out, qr/^medium +unused +$_ +never used, 90 days old\n  service-token token revoke $_$/m,
    'a finding, and what fixes it')
    for map { $_->{token} } grep { $_->{rule} eq 'unused' } @{ findings() };
like($out, qr/^  service-token user describe \\\n    $long \\\n    --purpose TEXT$/m,
    'a long id is not cut');
like($out, qr/^5 findings in \d+ tokens and \d+ users\n.*^  unused +1$/ms,
    'a summary');
is($err, '', 'no progress bar where there is no terminal');
$redis->cli('DEL', $redis->key("user:$long"));
$redis->cli('ZREM', $redis->key('users'), $long);
forget($_) for @ids;

# more than a page, made at one moment; and a progress bar on a terminal

my @many = map { token(created_at => $now - 95 * $day, id =>
    sprintf 'tok_%016d', $_) } 1 .. 1234;
my %seen = map { $_->{token} => 1 } @{ findings('monthly') };
is(scalar(keys %seen), 1234, 'each of many tokens');
is(scalar @{ findings('monthly') }, 1234, 'once');

my $bar = qx{script -qec "$ENV{PWD}/build/service-token --redis unix://@{[
    $redis->socket]} review quarterly --json > /dev/null" /dev/null};
like($bar, qr/\r\[#* +\] +\d+%/, 'a progress bar');

# sealed

my $key = { name => 'k1', secret => "\1" x 32 };
$redis->cli('FLUSHALL');
$redis->init;
$redis->{key} = $key;
open my $fh, '>', "$st->{dir}/keys" or die;
print $fh Stok::Redis::key_file($key);
close $fh;
chmod 0600, "$st->{dir}/keys";
$redis->listed_user($user);
token();
my $forged = token();
my $digest = $redis->cli('GET', $redis->key("id:$forged"));
$redis->cli('HSET', $redis->key("token:$digest"), 'expires_at',
    $now + 200 * $day);
$redis->cli('HSET', $redis->key("user:$user"), 'role', 'manager');

is_deeply(findings(), [], 'seals are not judged without a key');
is(join(', ', map { "$_->{rule} " . ($_->{token} // $_->{user}) . " $_->{fix}" }
    @{ findings('--key-file', "$st->{dir}/keys") }),
    "tampered $forged incident token $forged, "
    . "tampered $user incident user $user", 'with it they are');

# an unsealed record is an incident only in a dataset that was sealed

$redis->cli('HDEL', $redis->key("token:$digest"), 'seal');
$redis->cli('HDEL', $redis->key("user:$user"), 'seal');

for my $sealed (0, 1) {
    $redis->cli('HSET', $redis->key('meta'), 'sealed', 1) if $sealed;
    is(join(', ', map { $_->{fix} } @{ findings('--key-file', "$st->{dir}/keys") }),
        $sealed ? "incident token $forged, incident user $user"
        : 'seal --first --dry-run', "sealed: $sealed");
}

finish;


sub SERVICE { 'user create NEW-NAME --purpose TEXT --owner USER' }

# made so long ago that it is a token of nearly a year, and in use

sub year { (created_at => $now - 300 * $day, used => { last_used => $now }) }

sub NEW { "token create --user USER --name NEW-NAME --env $_[0]" }

# a token of a good name

my $n;

sub token {
    my (%field) = @_;

    my $used = delete $field{used};
    my $env = $field{env} // 'production';
    my $id = $redis->listed_token(user => $user, name => 'etl-' . ++$n . 'a',
        expires_at => $now + 300 * $day, %field);
    $redis->used($id, %$used) if $used;

    return $id;
}

sub forget {
    my ($id) = @_;

    my $digest = $redis->cli('GET', $redis->key("id:$id"));
    my $of = $redis->cli('HGET', $redis->key("token:$digest"), 'user');
    $redis->cli('DEL', map { $redis->key($_) } "token:$digest", "id:$id",
        "usage:$id");
    $redis->cli('ZREM', $redis->key($_), $id) for 'tokens', 'expiry',
        'last_used';
    $redis->cli('SREM', $redis->key("user-tokens:$of"), $id);
}

sub user_case {
    my ($rule, $id, $severity, $seen, $fix, %field) = @_;

    $redis->listed_user($id, %field);
    my ($f, @more) = @{ findings() };
    is("$f->{rule} $f->{severity} $f->{user} $f->{fix} " . @more,
        "$rule $severity $id $fix 0", "$rule: " . ($seen // ''));
    is($f->{token}, undef, 'of a user');
    is($f->{seen}, $seen, 'what was seen') if $seen;
    $redis->cli('DEL', $redis->key("user:$id"));
    $redis->cli('ZREM', $redis->key('users'), $id);
}

sub findings {
    my @options = grep { /^-|\// } @_;
    my ($code, $out, $err) = $st->run(@options, 'review',
        (grep { !/^-|\// } @_), '--json');
    my $found = eval { JSON::PP->new->utf8->decode($out) };

    die "review: $code $err" if !$found || $code != (@$found ? 1 : 0);

    return $found;
}

sub rules { join ' ', sort map { $_->{rule} } @{ findings(@_) } }

sub refused {
    my ($code, $says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($got, $out, $err) = $st->run(@args);

    is($got, $code, "@args: refused");
    like($err, qr/^service-token: .*$says[^\n]*\n\z/, 'in one line');
    is($out, '', 'with no output');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
