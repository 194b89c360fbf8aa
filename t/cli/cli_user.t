# init and user: ids from names, roles, approval, states; what is refused
# changes nothing.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my @who = ('--purpose', 'tests', '--owner', 'ops');

# before and after init

is(code('user', 'list'), 3, 'no dataset');
like(err(), qr/^service-token: no dataset at \S+, database 0, prefix "\{st\}:": .* run service-token init$/,
    'one line that says what to do');
is(code('init'), 0, 'init');
my $before = Stok::Command::snapshot($redis);
is(code('init', '--brand', 'acme'), 0, 'init again');
is(Stok::Command::snapshot($redis), $before, 'changes nothing');
is($redis->cli('HGET', $redis->key('meta'), 'brand'), 'stk', 'brand');
is($redis->cli('HGET', $redis->key('meta'), 'schema'), 2, 'schema');

# ids are made from names

for my $case (
    ['Pipeline Automation', 'pipeline_automation'],
    ['ETL-Job (nightly) 2', 'etljob_nightly_2'],
    ["Finance\t \nMetrics", undef],
    ['__alation sync__', 'alation_sync'],
    ["Gr\xc3\xb6\xc3\x9fe 7", 'gre_7'],
    ['a' x 64, 'a' x 64],
    ['_' x 254 . 'b', 'b'],
    ['c' . '_' x 254, 'c'],
) {
    my ($name, $id) = @$case;
    my ($code, $out) = $st->run('user', 'create', $name, @who);
    is("$code $out", defined $id ? "0 $id\@service\n" : '2 ', "id of '$name'");
}

refused(3, qr/exists already/, 'user', 'create', 'pipeline AUTOMATION', @who);
refused(2, qr/no letter or digit/, 'user', 'create', '(-)', @who);
refused(2, qr/unknown option -x/, 'user', 'create', '-x', @who);
refused(2, qr/bad name/, 'user', 'create', '', @who);
refused(2, qr/longer than 64/, 'user', 'create', 'a' x 65, @who);
refused(2, qr/--purpose and --owner/, 'user', 'create', 'No Purpose');
refused(2, qr/--purpose and --owner/, 'user', 'create', 'x', '--owner', 'o',
    '--purpose', '');
refused(2, qr/--purpose and --owner/, 'user', 'create', 'x', '--owner', 'o',
    '--purpose', '  ');
refused(2, qr/--purpose and --owner/, 'user', 'create', 'x', '--purpose', 'p');
refused(2, qr/--owner has a control character/, 'user', 'create', 'x',
    '--purpose', 'p', '--owner', "o\e[2J");
refused(2, qr/--purpose has 1024 bytes at most/, 'user', 'create', 'x',
    '--owner', 'o', '--purpose', 'p' x 1025);
refused(2, qr/bad --role "boss"/, 'user', 'create', 'x', @who, '--role', 'boss');
refused(2, qr/not both/, 'user', 'create', 'x', @who, '--role', 'admin',
    '--use-case', 'bi');
refused(2, qr/bad --use-case/, 'user', 'create', 'x', @who, '--use-case', 'x');
refused(2, qr/e-mail/, 'user', 'create', 'Eva', '--human');
refused(2, qr/unknown option --bogus/, 'user', 'create', 'x', '--bogus');
refused(2, qr/--force is not for "user create"/, 'user', 'create', 'x',
    '--force');
refused(2, qr/unknown verb "user destroy"/, 'user', 'destroy', 'x');
refused(2, qr/"user show" needs ID/, 'user', 'show');
refused(2, qr/needs a value/, 'user', 'create', 'x', '--purpose');

# poor names draw a warning

for my $case (['service1', 'not descriptive'], ['temp', 'vague'],
    ['test123', 'generic'])
{
    is(code('user', 'create', $case->[0], @who), 0, "$case->[0] is made");
    like(err(), qr/^created $case->[0]\@service, role member\nwarning: the name is $case->[1]/,
        'with a warning');
}

for my $name ('pipeline_automation2', 'alation_sync2', 'finance_metrics') {
    is(code('user', 'create', $name, @who) . err(),
        "0created $name\@service, role member\n", "$name is good");
}

# use cases

for my $case (qw(catalog-sync:manager pipeline:manager cli:manager
    read-only-api:member bi:member platform:admin))
{
    my ($use, $role) = split /:/, $case;
    my $made = $st->json('user', 'create', "Case $use", @who, '--use-case', $use);
    is("@$made{qw(role use_case)}", "$role $use", "role of $use, and the use case");
}

is($st->json('user', 'create', 'Plain', @who)->{role}, 'member', 'the lowest');
is($st->json('user', 'create', 'eva@example.org', '--human')->{kind}, 'human',
    'a human');

# states

my $id = 'pipeline_automation@service';

is(code('user', 'set-role', $id, 'admin'), 0, 'set-role');
is(field('role'), 'admin', 'is in force');
refused(2, qr/bad ROLE "boss"/, 'user', 'set-role', $id, 'boss');
already(qr/is active already/, 'user', 'enable', $id);
already(qr/is active already/, 'user', 'approve', $id);
already(qr/has the role admin already/, 'user', 'set-role', $id, 'admin');
is(code('user', 'disable', $id), 0, 'disable');
is(field('status'), 'disabled', 'is in force');
already(qr/is disabled already/, 'user', 'disable', $id);
is(code('user', 'enable', $id), 0, 'enable');
is(field('status'), 'active', 'is in force');
is(code('user', 'delete', $id), 0, 'delete');
is(field('status'), 'deleted', 'is in force');
already(qr/is deleted already/, 'user', 'delete', $id);
refused(3, qr/is deleted/, 'user', 'enable', $id);
refused(3, qr/is deleted/, 'user', 'set-role', $id, 'admin');
refused(3, qr/is deleted/, 'user', 'approve', $id);
refused(3, qr/exists already/, 'user', 'create', 'Pipeline Automation', @who);
refused(3, qr/no user "nobody"/, 'user', 'show', 'nobody');
refused(3, qr/no user/, 'user', 'disable', 'nobody@service');

my %last = @{ $redis->cli('XREVRANGE', $redis->key('audit'), '+', '-',
    'COUNT', 1)->[0][1] };
is("$last{action} $last{user} $last{before} $last{after}",
    "user.delete $id active deleted", 'the audit tells');

# lists

my $list = $st->json('user', 'list');
is(ref $list, 'ARRAY', 'a list is an array');
is(scalar(grep { $_->{id} eq 'plain@service' } @$list), 1, 'with ids');
is(scalar(grep { exists $_->{seal} } @$list), 0, 'without seals');

# approval

my $strict = Stok::Redis->start(empty => 1);
my $anna = Stok::Command->new($strict, '--actor', 'anna');
my $bert = Stok::Command->new($strict, '--actor', 'bert');
$anna->run('init');
$anna->run('approval', 'set', 'required', '--trust', 'actor');
is($anna->json('user', 'create', 'Metrics Export', @who)->{status}, 'pending',
    'pending');
is(($anna->run('user', 'approve', 'metrics_export@service'))[0], 3,
    'not by its creator');
is(($bert->run('user', 'approve', 'metrics_export@service'))[0], 0,
    'by another');
is($anna->json('user', 'show', 'metrics_export@service')->{status}, 'active',
    'active');
my $audit = join ' ', map { @{ $_->[1] } }
    @{ $strict->cli('XRANGE', $strict->key('audit'), '-', '+') };
like($audit, qr/anna.*user\.create.*bert.*user\.approve/, 'both names');
my %approved = @{ $strict->cli('XREVRANGE', $strict->key('audit'), '+', '-',
    'COUNT', 1)->[0][1] };
is("@approved{qw(action actor before after)}",
    'user.approve bert pending, created_by anna active', 'in one entry');

# what becomes of the tokens, each time at once

$anna->run('user', 'create', 'Life', @who, '--role', 'manager');
my (undef, $clear) = $anna->run('token', 'create', '--user', 'life@service',
    '--name', 'n', '--env', 'testing');
my $life = 'life@service';
for my $case (
    [[],                                  'USER_DISABLED', 'pending'],
    [['user', 'approve', $life],          'ALLOWED',       'approved'],
    [['user', 'disable', $life],          'USER_DISABLED', 'disabled'],
    [['user', 'enable', $life],           'ALLOWED',       'enabled'],
    [['user', 'set-role', $life, 'member'], 'ROLE',        'of a lower role'],
    [['user', 'set-role', $life, 'admin'], 'ROLE',         'asked for a role'],
    [['user', 'delete', $life],           'ORPHANED',      'deleted'],
) {
    my ($args, $verdict, $name) = @$case;
    $bert->run(@$args) if @$args;
    my (undef, $out) = $bert->input($clear, 'check', '--role', 'manager');
    like($out, qr/^$verdict /, "the token of a user that is $name");
}
like(($bert->run('token', 'create', '--user', $life, '--name', 'm', '--env',
    'testing'))[2], qr/is deleted$/, 'which gets no other');

# a delete says what it leaves behind

$st->run('user', 'create', 'Leaves', @who);
$st->run('token', 'create', '--user', 'leaves@service', '--name', $_, '--env',
    'testing') for 1, 2;
is(code('user', 'delete', 'leaves@service'), 0, 'a delete');
like(err(), qr/^deleted leaves\@service\nnote: 2 of its tokens are orphaned: .* quarterly review finds/,
    'leaves two tokens');

# revoke-all, of more tokens than anybody wants to have

$st->run('user', 'create', 'Many', @who);
for my $n (1 .. 1500) {
    my $token = $redis->token(user => 'many@service', name => $n,
        id => "tok_many$n");
    $redis->cli('SADD', $redis->key('user-tokens:many@service'), "tok_many$n");
    $redis->cli('ZADD', $redis->key('tokens'), time, "tok_many$n");
}
is(($st->run('user', 'revoke-all', 'many@service'))[2],
    "revoked 1500 tokens of many\@service\n",
    'revoke-all: all of 1500');
is_deeply($st->json('token', 'list', '--user', 'many@service', '--status',
    'active'), [], 'none is left');

# Redis that is not there, or refuses

is((Stok::Command->new(undef, '--redis', 'redis://u:secret@127.0.0.1:1')
    ->run('user', 'list'))[0], 4, 'no Redis');
my ($code, undef, $err) = Stok::Command->new(undef, '--redis',
    'redis://u:secret@127.0.0.1:1/x')->run('user', 'list');
is($code, 2, 'a bad URI');
unlike($err, qr/secret/, 'a password is not shown');
is(() = $err =~ /\n/g, 1, 'one line');

is(Stok::Command::broken($redis), '', 'all keys agree');

finish;


my @result;

sub code { @result = $st->run(@_); $result[0] }
sub err { $result[2] }
sub field { $st->json('user', 'show', $id)->{ $_[0] } }

# the user is as it is to be: nothing is written, and the command succeeds

sub already {
    my ($says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($code, $out, $err) = $st->run(@args);

    is("$code$out", 0, "@args: again");
    like($err, $says, 'says so');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}

sub refused {
    my ($code, $says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($got, $out, $err) = $st->run(@args);

    is($got, $code, "@args: refused");
    like($err, qr/^service-token: .*$says/, 'says why');
    is(() = $err =~ /\n/g, 1, 'in one line');
    is($out, '', 'with no output');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
