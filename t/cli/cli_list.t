# token list and user list: what is shown, in which order, in which form; the
# state is what nginx would say.

use strict;
use warnings;
use lib 't/lib';
use Cwd ();
use JSON::PP ();
use POSIX qw(strftime);
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $binary = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');
my ($etl, $off, $wait, $gone, $eva) = map { "$_\@service" }
    qw(etl off wait gone eva);
my ($now, $day) = (time, 86400);
my ($code, $out, $err, %clear);

$st->run('init');
$redis->listed_user($etl, created_at => $now - 400);
$redis->listed_user($off, created_at => $now - 300, status => 'disabled', role => 'manager');
$redis->listed_user($wait, created_at => $now - 200, status => 'pending');
$redis->listed_user($eva, created_at => $now - 100, kind => 'human', owner => '=cmd|"x"!A1', purpose => 'a, "b"');

# the ages of tokens, ends and last uses, in days; "b" is made before "a"

my %token = (
    b => token(user => $etl, env => 'production', end => 100, made => 300, used => 200),
    a => token(user => $etl, env => 'testing', end => 20, made => 200),
    n => token(user => $etl, env => 'testing', made => 100, used => 0.5),
    r => token(user => $etl, env => 'testing', end => 10, made => 99, status => 'revoked'),
    x => token(user => $etl, env => 'staging', end => -1, made => 98),
    d => token(user => $off, env => 'development', end => 25, made => 97),
    p => token(user => $wait, env => 'testing', end => 40, made => 96, type => 'personal'),
    o => token(user => $gone, env => 'testing', end => 50, made => 95),
    s => token(user => $etl, env => 'testing', end => 60, made => 3, scope => 'scim',
        used => 2),
    t => token(user => $etl, env => 'testing', end => 29, made => 2, rotated_to => 'tok_next'),
);
my %name = reverse %token;

# states

my %state = (a => 'active', b => 'active', n => 'active', r => 'revoked',
    x => 'expired', d => 'disabled', p => 'pending', o => 'orphaned',
    s => 'active', t => 'rotating');

is($st->json('token', 'show', $token{$_})->{state}, $state{$_}, "show: $state{$_}")
    for sort keys %state;
is_deeply({ map { $name{$_->{id}} => $_->{state} } @{ $st->json('token', 'list') } },
    \%state, 'and in the list');

# filters, and the order that belongs to them

is(listed(), 'banrxdpost', 'by creation');
is(listed('--state', 'active'), 'bans', 'of a state');
is(listed('--state', 'active,rotating'), 'banst', 'of some states');
is(listed('--status', 'revoked'), 'r', 'by the old name');
is(listed('--env', 'production'), 'b', 'of an environment');
is(listed('--env', 'production,staging'), 'bx', 'of two');
is(listed('--type', 'personal'), 'p', 'personal');
is(listed('--type', 'scim'), 's', 'for SCIM only');
is(listed('--type', 'service'), 'banrxdot', 'of services');
is(listed('--user', $etl), 'banrxst', 'of a user');
is(listed('--user', $etl, '--state', 'active', '--env', 'testing'), 'ans', 'all at once');
is(listed('--expiring', '30d'), 'adt', 'soon at an end, the nearest first');
is(listed('--expiring', strftime('%F', gmtime $now + 22 * $day)), 'a', 'by a date');
is(listed('--expiring', '30d', '--state', 'revoked'), 'r', 'of those that are revoked');
is(listed('--unused', '90d'), 'adpb', 'never used, then by the last use');
is(listed('--unused', '1y'), '', 'for longer');
is(listed('--unused', '1d'), 'adptbs', 'the younger, too');
is(listed('--expiring', '30d', '--unused', '90d'), 'ad', 'both');
is(listed('--user', $etl, '--expiring', '30d'), 'at', 'of a user');

# orders

is(listed('--sort', 'expires'), 'xradtposbn', 'by the end, never last');
is(listed('--sort', '-expires'), 'nbsoptdarx', 'the other way');
is(listed('--sort', 'last-used'), 'arxdpotbsn', 'by the last use, never first');
is(listed('--sort=-last-used'), 'nsbtopdxra', 'the other way');
is(listed('--sort', '-created'), 'tsopdxrnab', 'the newest first');
is(listed('--user', $etl, '--sort', $_->[0]), $_->[1], "of a user, by $_->[0]")
    for ['expires', 'xratsbn'], ['-expires', 'nbstarx'], ['last-used', 'arxtbsn'],
        ['-last-used', 'nsbtxra'], ['-created', 'tsxrnab'];
is(listed('--limit', 3), 'ban', 'the first three');
is(listed('--limit', 3, '--sort', '-expires'), 'nbs', 'of an order');
is(listed('--limit', 4, '--user', $etl, '--state', 'active'), 'bans', 'as many as there are');

# refused, before Redis is asked

my $none = Stok::Command->new(undef);

for my $case (['--state', 'odd', 'active, rotating'], ['--state', 'active,', 'active, rotating'],
    ['--state', '', 'active'], ['--env', 'moon', 'production'], ['--type', 'odd', 'service, personal, scim'],
    ['--expiring', 'x', '12h, 30d'], ['--unused', 'never', '30m, 24h'],
    ['--sort', 'name', 'created, expires, last-used'], ['--limit', '0', 'a number'],
    ['--limit', '-1', 'a number'], ['--limit', '1x', 'a number'], ['-o', '12345', 'table, wide'], ['-o', 'yaml', 'table, wide'])
{
    my ($option, $value, $says) = @$case;
    ($code, $out, $err) = $none->run('--redis', 'unix:///none', 'token', 'list', $option,
        $value);
    is("$code $out", '2 ', "$option $value");
    like($err, qr/^service-token: bad --\w+(?: "[^"]*": (?:one of )?|: )$says/,
        'says what it takes');
}

($code, $out, $err) = $st->run('token', 'list', '--json', '-o', 'csv');
is($code, 2, '--json and another form');
($code, $out, $err) = $st->run('token', 'list', '--expiring', '2020-01-01');
like("$code $err", qr/^2 .*bad --expiring: .*it is now/, 'a date that is over');
is(($st->run('token', 'list', '--user', 'none@service'))[0], 3, 'of no user');

# forms

($code, $out) = $st->run('token', 'list', '-o', 'name', '--limit', 2);
is($out, "$token{b}\n$token{a}\n", 'names');
($code, $out) = $st->run('token', 'list', '-o', 'jsonl');
is(join('', map { $name{JSON::PP::decode_json($_)->{id}} } split /\n/, $out), 'banrxdpost',
    'an object per line');
is(($st->run('token', 'list', '-o', 'json'))[1], ($st->run('--json', 'token', 'list'))[1],
    'an array');
is(scalar(JSON::PP::decode_json(($st->run('token', 'list', '-o', 'json', '--env',
    'production', '--state', 'revoked'))[1])->@*), 0, 'an empty one');
is(($st->run('token', 'list', '-o', $_, '--limit', 1, '--state', 'unreadable'))[1], '',
    "nothing as $_") for 'name', 'jsonl';

my $json = $st->json('token', 'list')->[1];
is_deeply([@{ $json }{qw(scope revoked_at rotated_from rotated_to networks rate last_used)}],
    [(undef) x 7], 'none is null');
is($st->json('token', 'list', '--sort', '-expires')->[0]{expires_at}, undef, 'never is, too');

($code, $out) = $st->run('token', 'list', '-o', 'csv', '--limit', 2);
my ($head, @rows) = split /\n/, $out;
like($head, qr/^id,user,name,type,scope,env,state,created_at,/, 'CSV has a head');
like($rows[0], qr/^\Q$token{b},$etl\E,[^,]+,service,,production,active,2\d{3}-\d\d-\d\dT/,
    'and a line for each, with dates');
($code, $out) = $st->run('token', 'list', '-o', 'csv', '--state', 'unreadable');
is($out, "$head\n", 'the head alone');
($code, $out) = $st->run('user', 'list', '-o', 'csv', '--type', 'human');
like($out, qr/^\Q$eva\E,human,[^,]*,\w+,active,"'=cmd\|""x""!A1","a, ""b""",,2/m,
    'commas, quotation marks, and what a spreadsheet would take for a formula');

# users

is(users(), 'etl off wait eva', 'users by creation');
is(users('--state', 'disabled,pending'), 'off wait', 'of states');
is(users('--role', 'manager'), 'off', 'of a role');
is(users('--type', 'human'), 'eva', 'people');
is(users('--sort', '-created', '--limit', 2), 'eva wait', 'the newest two');
is(($st->run('user', 'list', '--sort', 'expires'))[0], 2, 'users do not expire');
is($st->json('user', 'list')->[1]{state}, 'disabled', 'with a state');

# tables: nothing is cut in a pipe

my $long = token(user => $etl, env => 'production', end => 5, name => 'x' x 255);
my $wide = token(user => $etl, env => 'production', end => 5,
    name => "\x{65e5}\x{672c}\x{8a9e}" x 20);
my $marks = token(user => $etl, env => 'production', end => 5, name => "e\x{301}" x 20);
($code, $out) = $st->run('token', 'list');
like($out, qr/^\Q$long  $etl\E +x{255} +production +active +/m, 'a long name is whole');
like($out, qr/^ID +USER +NAME +ENV +STATE +EXPIRES +LAST USED$/m, 'the head');
like($out, qr/^\Q$token{a}\E .* 2\d{3}-\d\d-\d\dT[\d:]+Z  never$/m, 'ISO 8601');
($code, $out) = $st->run('token', 'list', '-o', 'wide');
like($out, qr/^ID .* TYPE +SCOPE .* ROTATED TO +NETWORKS +RATE$/m, 'a wide one');

# a terminal is filled, not overrun; wide characters count two

for my $columns (200, 120, 100, 80, 60, 40) {
    my @lines = screen($columns, '', 'token', 'list');
    is(scalar @lines, 14, "$columns columns: a line for each");
    is(scalar(grep { columns($_) > $columns } @lines), 0, 'none is too long');
    is(scalar(grep { /^tok_\w{16}(?: |$)/ } @lines), 13, 'ids are whole');
}

# nor is a column left out of 80 for what a token's state is

like((screen(80, '', 'token', 'list', '--state', $_))[0],
    qr/^ID +USER +NAME +ENV +STATE +EXPIRES +LAST/, "80 columns hold all of $_")
    for sort keys %{{ reverse %state }};

my @lines = screen(200, '', 'token', 'list');
my ($row) = grep { /^\Q$token{a}/ } @lines;
like($row, qr/ in 20 days +never$/, 'on a terminal: how far away');
my %at;
$at{index_of($_, ' active  ')}++ for grep { / active  / } @lines;
is(scalar(keys %at), 1, 'columns stand below each other') or diag(join "\n", @lines);
($row) = screen(80, '', 'token', 'list', '--expiring', '6d', '--limit', 1);
($row) = grep { /^tok/ } screen(80, '', 'token', 'list', '--expiring', '6d');
like($row, qr/\x{2026}  .*\x{2026}  active  in 5 days +never$/,
    'what matters least is cut, with an ellipsis');
is(columns((screen(200, 'COLUMNS=60', 'token', 'list'))[1]) <= 60, 1, 'COLUMNS');
like(join("\n", screen(100, '', 'token', 'show', $token{a})),
    qr/^expires_at +2[-\d]+T[:\d]+Z \(in 20 days\)\n/m, 'show, too');
is(scalar(grep { /\x{2026}/ } screen(80, '', 'user', 'list', '-o', 'csv')), 0,
    'other forms are not fitted');

# and nginx says the same

my $edge = edge(redis => $redis);
is($edge->get('/index.html', token => $clear{$token{$_}}) =~ / 200 /
        ? 'active' : 'refused', $state{$_} =~ /^(?:active|rotating)$/ ? 'active' : 'refused',
    "nginx agrees: $state{$_}") for grep { $_ ne 's' } sort keys %state;

# with a key file

my $key = "$st->{dir}/key";
open my $fh, '>', $key or die;
print $fh 'k1 ' . '5a' x 32 . "\n";
close $fh;
chmod 0600, $key;
$st->run('--key-file', $key, 'init');
$st->run('--key-file', $key, 'seal', '--first', '--yes');
my $digest = $redis->cli('GET', $redis->key("id:$token{a}"));
$redis->cli('HSET', $redis->key("token:$digest"), 'env', 'production');
$redis->cli('HSET', $redis->key("user:$off"), 'role', 'admin');
my %sealed = map { $name{$_->{id}} // '' => $_->{state} }
    @{ (bless { %$st, options => ['--key-file', $key] }, ref $st)->json('token', 'list') };
is("@sealed{qw(a b d)}", 'tampered active tampered', 'a token, and the token of a user');
is(($st->run('--key-file', $key, 'user', 'list', '--state', 'tampered', '-o', 'name'))[1],
    "$off\n", 'and the user');

finish;


sub token {
    my (%t) = @_;
    my ($end, $made, $used) = delete @t{qw(end made used)};
    utf8::encode($t{name}) if $t{name};
    my $id = $redis->listed_token(%t, $t{name} ? () : (name => 'n' . rand),
        expires_at => defined $end ? $now + $end * $day + 60 : 0,
        created_at => $now - ($made // 1) * $day);
    $clear{$id} = $Stok::Redis::tokens[-1];
    $redis->cli('ZADD', $redis->key('last_used'), $now - $used * $day, $id)
        if defined $used;
    return $id;
}

sub listed {
    return join '', map { $name{$_->{id}} } @{ $st->json('token', 'list', @_) };
}

sub users {
    return join ' ', map { $_->{id} =~ s/@.*//r } @{ $st->json('user', 'list', @_) };
}

sub screen {
    my ($columns, $env, @args) = @_;

    open my $tty, '-|', 'script', '-q', '-e', '-c', "stty cols $columns; $env exec '$binary' "
        . '--redis unix://' . $redis->socket . " @args", '/dev/null' or die;
    local $/;
    my $text = <$tty>;
    close $tty;
    utf8::decode($text);
    return grep { length } split /\r?\n/, $text;
}

sub columns {
    my $text = shift;
    my $wide = () = $text =~ /[\x{3000}-\x{9fff}]/g;
    my $none = () = $text =~ /\x{301}/g;
    return length($text) + $wide - $none;
}

sub index_of { columns(substr $_[0], 0, index($_[0], $_[1])) }
