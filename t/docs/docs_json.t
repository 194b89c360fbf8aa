# The JSON of each verb is as docs/json-schema.json says, and docs/json.md
# names every member that is in it.

use strict;
use warnings;
use lib 't/lib';
use B ();
use JSON::PP ();
use Stok::Command;
use Stok::Test;

my $schema = JSON::PP->new->utf8->decode(read_file('docs/json-schema.json'));
my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $dir = $st->{dir};
my (%seen, %member, $last);

# the judge itself

is(join(' ', wrong($schema->{'$defs'}{wait}, $_->[0])) ? 1 : 0, $_->[1], $_->[2]) for
    [{ nodes => 1, acknowledged => 1, milliseconds => 1.25, missing => ['a'] }, 0, 'right'],
    [{ nodes => 1, acknowledged => 1, milliseconds => 1.25 }, 1, 'a member lacks'],
    [{ nodes => '1', acknowledged => 1, milliseconds => 1, missing => [] }, 1, 'a text'],
    [{ nodes => undef, acknowledged => 1, milliseconds => 1, missing => [] }, 1, 'a null'],
    [{ nodes => 1.5, acknowledged => 1, milliseconds => 1, missing => [] }, 1, 'a fraction'],
    [{ nodes => 1, acknowledged => 1, milliseconds => 1, missing => [1] }, 1, 'an item'],
    [{ nodes => 1, acknowledged => 1, milliseconds => 1, missing => [], x => 1 }, 1,
        'one more'];

# a dataset in which everything is somewhere, and something is none

my $key = "$dir/key";
$st = Stok::Command->new($redis, '--key-file', $key);
open my $fh, '>', $key or die;
chmod 0600, $key;
print $fh 'k1 ' . '5a' x 32 . "\n";
close $fh;

verb('init');
verb('init');
verb('key new', 'k2');
verb('approval set', 'none');
verb('approval show');
my @who = ('--purpose', 'p', '--owner', 'o');
my $etl = verb('user create', 'Etl job', @who)->{id};
my $eva = verb('user create', 'eva@example.org', '--human')->{id};
my $old = verb('user create', 'Old things', @who)->{id};
verb('user describe', $etl, '--owner', 'data', '--wait', '5s');
verb('user set-role', $etl, 'manager');
verb('user disable', $etl, '--wait', '5s');
verb('user enable', $etl);
verb('user show', $etl);
verb('user show', $eva);
verb('user list');

my @new = ('--user', $etl, '--env', 'testing');
my $a = verb('token create', @new, '--name', 'a');
my $b = verb('token create', @new, '--name', 'b', '--expires-in', 'never', '--scim-only');
my $c = verb('token create', '--user', $eva, '--name', 'c', '--env', 'production');
verb('token create', '--user', $old, '--name', 'd', '--env', 'staging', '--out', "$dir/d");
$st->{in} = "legacy-9f8e7d6c5b4a39281706f5e4d3c2b1a0\n";
verb('token adopt', @new, '--name', 'other');
$st->{in} = "legacy-9f8e7d6c5b4a39281706f5e4d3c2b1a0\n";
verb('token adopt', @new, '--name', 'other');
$redis->used($a->{id}, last_used => time, uses => 3, first_used => time - 9,
    last_addr => '192.0.2.1', last_location => '/a', refused => 2, refused_at => time,
    refused_addr => '192.0.2.2', refused_reason => 'ROLE');
verb('token extend', $a->{id}, '--expires-in', '60d', '--wait', '5s');
my $next = verb('token rotate', $a->{id});
verb('token rotate', $b->{id}, '--out', "$dir/b", '--wait', '5s');
verb('token rotation', $next->{id});
verb('token show', $a->{id});
verb('token show', $b->{id});
verb('token list');
$st->{in} = $next->{token};
verb('check');
$st->{in} = $next->{token};
verb('check', '--role', 'admin');
verb('check');
verb('token revoke', $a->{id}, '--wait', '5s');
verb('token restore', $a->{id});
verb('token revoke', $a->{id});
verb('token rotation', $next->{id});
verb('token delete', $a->{id}, '--force');
verb('scan', "$dir/b");
verb('scan', "$dir/b", "$dir/d", '--revoke', '--wait', '5s');
verb('user revoke-all', $old);
verb('user delete', $old);
verb('status');
verb($_) for 'review', 'review monthly', 'review quarterly';
verb('status');
verb('audit verify');
verb('seal');
verb('export', "$dir/dump");
verb('import', "$dir/dump");
verb('import', "$dir/dump", '--dry-run');
verb('fsck');
$redis->cli('SADD', $redis->key("user-tokens:$etl"), 'tok_none');
$redis->cli('SREM', $redis->key("user-tokens:$eva"), $c->{id});
verb('fsck', '--fix', '--wait', '5s');
$redis->cli('XADD', $redis->key('refusals'), '*', 'at', time, 'token', $b->{id}, 'user', $etl,
    'reason', 'REVOKED', 'count', 2, 'addr', '192.0.2.1');
verb('audit');
verb('status');
verb('incident token', $c->{id}, '--wait', '5s');
verb('incident user', $etl);
$redis->cli('XADD', $redis->key('audit'), '*', 'at', time, 'action', 'odd', 'seq', 1);
verb('audit verify');

verb('approval set', 'required', '--trust', 'actor');
my $p = verb('user create', 'Waiting one', @who)->{id};
verb('status');
verb('user list', '--state', 'pending');
verb('user approve', $p, '--actor', 'another');

# every verb was tried

my ($code, $help) = $st->run('help');
my ($sections) = $help =~ /\n\n(\w.*?)^Options for every verb\n/ms;
my @verbs = grep { !/^(?:help|completion|serve)$/ } $sections =~ /^  ([a-z-]+(?: [a-z-]+)?)  /mg;

ok($schema->{verbs}{$_}, "$_: has a schema") for @verbs;
ok($seen{$_}, "$_: was tried") for @verbs;
is(join(' ', grep { my $v = $_; !grep { $_ eq $v } @verbs } sort keys %{ $schema->{verbs} }),
    '', 'and no other verb is in the schema');

# numbers have two decimals at most

my ($ms) = raw('user', 'describe', $etl, '--owner', 'x', '--wait', '5s')
    =~ /"milliseconds": ([0-9.]+)/;
like($ms, qr/^\d+(?:\.\d{1,2})?\z/, 'milliseconds');

# the page names what the schema has

my $page = read_file('docs/json.md');
names($_) for values %{ $schema->{'$defs'} }, values %{ $schema->{verbs} };
is(join(' ', grep { index($page, "`$_`") < 0 } sort keys %member), '',
    'docs/json.md explains every member');

finish;


# runs it, with what stands in {in} on standard input, and judges what it says

sub verb {
    my ($verb, @args) = @_;
    my ($code, $out, $err) = $st->input(delete $st->{in} // '', split(/ /, $verb), @args,
        '--json');
    my $json = eval { JSON::PP->new->utf8->decode($out) };

    $seen{$verb}++;
    ok(defined $json, "$verb @args: is JSON") or diag("$code $out $err");
    is(join("\n", wrong($schema->{verbs}{$verb} // 0, $json)), '', 'as the schema says');

    return $json;
}

sub raw { return ($st->run(@_, '--json'))[1] }

# what is wrong with a value

sub wrong {
    my ($s, $value, $at) = @_;
    $at //= '$';

    return "$at: no schema" if !ref $s;
    $s = $schema->{'$defs'}{ $s->{'$ref'} =~ s{.*/}{}r } if $s->{'$ref'};

    if ($s->{anyOf}) {
        my @each = map { [wrong($_, $value, $at)] } @{ $s->{anyOf} };
        return (grep { !@$_ } @each) ? () : map { @$_ } @each;
    }

    my $kind = kind($value);
    my @bad;

    if (my $type = $s->{type}) {
        my %may = map { $_ => 1 } ref $type ? @$type : $type;
        $may{integer} = 1 if $may{number};
        return "$at: is $kind" if !$may{$kind};
    }

    push @bad, "$at: \"" . ($value // 'null') . '"'
        if $s->{enum} && !grep { $_ eq ($value // '') } @{ $s->{enum} };
    push @bad, "$at: $value" if defined $s->{minimum} && defined $value
        && $value < $s->{minimum};
    push @bad, "$at: no match" if $s->{pattern} && $value !~ /$s->{pattern}/;

    # nothing is an empty text

    push @bad, "$at: empty" if $kind eq 'string' && $value eq '';

    if ($kind eq 'array') {
        push @bad, map { wrong($s->{items}, $value->[$_], "$at\[$_]") } 0 .. $#$value;
    }

    if ($kind eq 'object' && $s->{properties}) {
        push @bad, map { exists $value->{$_} ? () : "$at.$_: lacks" } @{ $s->{required} };
        push @bad, map { $s->{properties}{$_}
            ? wrong($s->{properties}{$_}, $value->{$_}, "$at.$_") : "$at.$_: is unknown" }
            sort keys %$value;
    }

    if ($kind eq 'object' && ref($s->{additionalProperties} // 0) eq 'HASH') {
        push @bad, map { wrong($s->{additionalProperties}, $value->{$_}, "$at.$_") }
            sort keys %$value;
    }

    return @bad;
}

sub kind {
    my $value = shift;

    return 'null' if !defined $value;
    return 'array' if ref $value eq 'ARRAY';
    return 'object' if ref $value eq 'HASH';
    return 'boolean' if ref $value;

    my $flags = B::svref_2object(\$value)->FLAGS;
    return 'string' if $flags & B::SVf_POK;
    return $flags & B::SVf_IOK || $value == int $value ? 'integer' : 'number';
}

sub names {
    my $s = shift;
    return if ref $s ne 'HASH';
    $member{$_} = 1 for keys %{ $s->{properties} // {} };
    names($_) for values %{ $s->{properties} // {} }, $s->{items}, @{ $s->{anyOf} // [] };
}

sub read_file { open my $fh, '<', shift or die; local $/; <$fh> }
