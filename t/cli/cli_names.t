# Names: what a new one may be, addresses in any case, ids that lack letters,
# and names that say nothing.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my @who = ('--purpose', 'tests', '--owner', 'ops');
my ($code, $out, $err);

$st->run('init');
$st->run('user', 'create', 'Pipeline Automation', @who);

# blanks that are not to be seen; the answer has the name as it would be

for my $case (
    [' etl', 'etl'], ['etl ', 'etl'], ['etl  job', 'etl job'],
    ["\xc2\xa0etl", 'etl'], ["etl\xe3\x80\x80job", 'etl job'],
    ["etl\xe2\x80\x83", 'etl'], ["etl \xe3\x85\xa4job", 'etl job'],
    ['  ETL-Job  (nightly) 2 ', 'ETL-Job (nightly) 2'],
) {
    my ($name, $tidy) = @$case;

    refused(2, qr/^service-token: bad name: .*did you mean "\Q$tidy\E"\?$/, 'user',
        'create', $name, @who);
    refused(2, qr/^service-token: bad --name: .*did you mean "\Q$tidy\E"\?$/,
        'token', 'create', '--user', 'pipeline_automation@service', '--env',
        'testing', '--name', $name);
}

# what has no width, or turns the text

refused(2, qr/bad name: it has a control character, or one that hides/, 'user',
    'create', "etl${_}job", @who)
    for "\xe2\x80\x8b", "\xe2\x80\xae", "\xcd\x8f", "\xe1\xa0\x8b";

# a record that is there keeps its name

$redis->cli('HSET', $redis->key('user:pipeline_automation@service'), 'name',
    ' Pipeline  Automation ');
is(($st->run('user', 'show', 'pipeline_automation@service'))[0], 0,
    'such a record is shown');
is(($st->run('export', '-'))[0], 0, 'and exported');

# a person's address where a service user's name is asked for, and an id

refused(2, qr/did you mean --human\?$/, 'user', 'create', 'sync@example.com',
    @who);
refused(2, qr/did you mean "pipeline"\?$/, 'user', 'create', 'pipeline@service',
    @who);

# an address is one whatever its case

$st->run('user', 'create', 'Ann.Lee@Example.com', '--human');
is($redis->cli('EXISTS', $redis->key('user:ann.lee@example.com')), 1,
    'the id is in lower case');
refused(3, qr/^service-token: user ann\.lee\@example\.com exists already$/,
    'user', 'create', 'ann.lee@EXAMPLE.com', '--human');

my %old = @{ $redis->cli('HGETALL', $redis->key('user:ann.lee@example.com')) };
$redis->cli('HSET', $redis->key('user:B[o]b@Example.com'), %old);
$redis->cli('ZADD', $redis->key('users'), 1, 'B[o]b@Example.com');
refused(3, qr/^service-token: user B\[o\]b\@Example\.com exists already$/, 'user',
    'create', 'b[O]B@example.COM', '--human');
is(($st->run('user', 'create', 'bob@example.com', '--human'))[0], 0,
    'no pattern is an address');

# and is found by either

for my $case (['ANN.LEE@example.com', 'ann.lee@example.com'],
    ['b[o]b@example.com', 'B[o]b@Example.com'], ['B[o]b@Example.com', 'B[o]b@Example.com'])
{
    my ($typed, $id) = @$case;
    is($st->json('user', 'show', $typed)->{id}, $id, "$typed is $id");
    is(($st->run('token', 'create', '--user', $typed, '--env', 'testing', '--name',
        "of $typed"))[0], 0, 'as an option, too');
    is($redis->cli('SCARD', $redis->key("user-tokens:$id")) > 0, 1, 'of that record');
}

is(($st->run('user', 'show', 'nobody@example.com'))[0], 3, 'nobody is found by neither');

# letters that the id lacks are named

for my $case (
    ["Gr\xc3\xb6\xc3\x9fe 7", 'gre_7',
        "the id gre_7\@service has only the ASCII letters and digits of the name,"
        . " without \xc3\xb6 \xc3\x9f"],
    ['Groesse (8)', 'groesse_8', undef],
) {
    my ($name, $id, $says) = @$case;

    ($code, $out, $err) = $st->run('user', 'create', $name, @who);
    is($out, "$id\@service\n", "the id of $name");
    is(!!($err =~ /the ASCII letters/), defined $says, 'with a note, or not');
    like($err, qr/^note: \Q$says\E$/m, 'which names them') if $says;
}

# names that say nothing

for my $case (
    ['Service User 2', 'not descriptive'], ['automation', 'not descriptive'],
    ['prod', 'not descriptive'], ['asdf', 'vague'], ['my temp', 'vague'],
    ['x7', 'vague'], ['2026', 'numbers only'], ['The Demo', 'vague'],
) {
    my ($name, $why) = @$case;

    like(($st->run('user', 'create', $name, @who))[2],
        qr/^warning: the name is $why: say what it does/m, "$name is $why");
    $st->run('token', 'create', '--user', 'pipeline_automation@service', '--env',
        'production', '--name', $name);
}

my %found = map { $_->{seen} =~ /(.*): (.*)/ ? ($2, $1) : () }
    grep { $_->{rule} eq 'token-name' }
    @{ JSON::PP->new->decode(($st->run('review', '--json'))[1]) };
is(join(' ', map { $found{$_} // 'none' } 'Service User 2', 'asdf', 'my temp',
    'prod', '2026'), 'not descriptive vague vague not descriptive numbers only',
    'a review finds tokens of such names');

for my $name ('Service Catalog', 'prod metrics', 'asdf import', 'etl 2') {
    unlike(($st->run('user', 'create', $name, @who))[2], qr/warning/,
        "$name says something");
}

finish;


sub refused {
    my ($exit, $says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    ($code, $out, $err) = $st->run(@args);

    is("$code $out", "$exit ", "refused: @args[0 .. 2]");
    like($err, $says, 'and why');
    is(Stok::Command::snapshot($redis), $before, 'nothing is changed');
}
