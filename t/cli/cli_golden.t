# The answers of each verb, byte for byte: exit code, standard output, standard
# error, as text and as JSON, of success and of the main failures.  Ids, times
# and tokens are replaced by names, in the order in which they appear.
#
#     STOK_GOLDEN=write prove t/cli/cli_golden.t      writes t/golden anew

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $dir = "$st->{dir}";
my $user = 'pipeline@service';
my (%name, %count, %id, %seen);

open my $keys, '>', "$dir/keys" or die;
print $keys 'k1 ', '01' x 32, "\n";
close $keys;
chmod 0600, "$dir/keys";

# one step: a name by which later steps know the token, then the arguments

my %steps = (
    offline => [
        [''], ['token', 'frob'], ['user', 'show'],
        ['user', 'list', '--wait', '5s'], ['token', 'create', '--frob'],
        ['--roles', '', 'user', 'list'], ['--prefix', '', 'user', 'list'],
        ['--key-file', '/none', 'user', 'list'],
        ['--redis', 'http://x', 'user', 'list'],
        ['--redis', 'unix:///none', 'user', 'list', '--json'],
        ['key', 'new', 'k2'], ['key', 'new', 'a b'],
    ],
    empty => [
        ['user', 'list'], ['token', 'list', '--json'], ['token', 'show', 'x'],
        ['token', 'revoke', 'tok_none'], ['review'], ['fsck'], ['audit'],
        ['audit', 'verify'], ['incident', 'user', 'x'], ['export', '-'],
        ['seal'], ['incident', 'token', 'tok_none'], ['token', 'create',
            '--user', 'x', '--name', 'n', '--env', 'testing'],
        both('init'), ['init', '--brand', 'B!'], ['init', '--approval', 'x'],
        ['init', '--brand', 'acme'], both('user', 'list'),
        both('token', 'list'), both('review'), both('fsck'),
        both('audit', 'verify'),
    ],
    users => [
        ['user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o'],
        ['user', 'create', 'Export', '--purpose', "\xc3\xa4", '--owner', 'o',
            '--use-case', 'catalog-sync', '--json'],
        ['user', 'create', 'eva@example.org', '--human', '--json'],
        ['user', 'create', 'test', '--purpose', 'p', '--owner', 'o'],
        ['user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o'],
        ['user', 'create', '!!!', '--purpose', 'p', '--owner', 'o'],
        ['user', 'create', 'x', '--purpose', 'p'],
        ['user', 'create', 'x', '--purpose', 'p', '--owner', 'o', '--role',
            'boss'],
        ['user', 'create', 'x', '--purpose', 'p', '--owner', 'o', '--role',
            'admin', '--use-case', 'bi'],
        ['user', 'create', 'x', '--human'],
        both('user', 'list'), both('user', 'show', $user),
        ['user', 'show', 'none@service'], ['user', 'show', 'a b'],
        both('user', 'set-role', $user, 'manager'),
        ['user', 'set-role', $user, 'boss'],
        both('user', 'describe', $user, '--owner', 'new'),
        ['user', 'describe', $user], ['user', 'describe', $user, '--owner', ''],
        ['user', 'disable', $user], ['user', 'disable', $user],
        ['user', 'enable', $user, '--json'], ['user', 'approve', $user],
        ['user', 'disable', 'none@service', '--json'],
        ['user', 'delete', 'test@service', '--json'],
        ['user', 'delete', 'test@service'],
    ],
    tokens => [
        { id => 'a' },
        ['token', 'create', '--user', $user, '--name', 'nightly load', '--env',
            'production', '--json'],
        ['token', 'create', '--user', $user, '--name', 'nightly load', '--env',
            'production'],
        ['token', 'create', '--user', 'none', '--name', 'n', '--env',
            'testing'],
        ['token', 'create', '--user', $user, '--name', 'n', '--env', 'moon'],
        ['token', 'create', '--user', $user],
        both('token', 'list'), both('token', 'list', '--user', $user),
        ['token', 'list', '--status', 'odd'],
        ['token', 'list', '--status', 'revoked'],
        ['token', 'list', '--user', 'none'],
        both('token', 'show', '%a'), ['token', 'show', 'tok_none'],
        ['token', 'rotation', '%a'], ['token', 'restore', '%a'],
        ['token', 'delete', '%a'], both('user', 'show', $user),
        { id => 'b' }, ['token', 'rotate', '%a', '--json'],
        ['token', 'rotate', '%a'], ['token', 'rotate', '%b', '--overlap', 'x'],
        both('token', 'rotation', '%a'), ['token', 'rotation', '%b'],
        ['token', 'list', '--status', 'rotating', '--json'],
        ['token', 'revoke', '%a', '--json'], ['token', 'revoke', '%a'],
        ['token', 'rotate', '%a'], ['token', 'rotation', '%a'],
        ['token', 'restore', '%a'], ['token', 'revoke', '%a', '--wait', '1s'],
        ['token', 'restore', '%a', '--wait', '1s', '--json'],
        ['token', 'revoke', '%a', '--wait', 'x'], ['token', 'revoke', '%a'],
        ['token', 'delete', '%a'], ['token', 'delete', '%a', '--force',
            '--json'],
        ['token', 'delete', '%a'], ['token', 'rotation', '%b'],
    ],
    stop => [
        { id => 'c' },
        ['token', 'create', '--user', 'export@service', '--name', 'copy',
            '--env', 'staging', '--json'],
        { id => 'p' },
        ['token', 'create', '--user', 'eva@example.org', '--name', 'laptop',
            '--env', 'production', '--expires-in', 'never', '--json'],
        both('incident', 'token', '%c'), ['incident', 'token', 'tok_none'],
        ['token', 'restore', '%c'], both('user', 'revoke-all',
            'export@service'),
        ['user', 'revoke-all', 'none'], ['token', 'restore', '%c'],
        both('incident', 'user', 'export@service'),
        ['incident', 'user', 'none'],
    ],
    look => [
        both('review'), ['review', 'monthly', '--json'],
        ['review', 'quarterly', '--fail-on', 'expiring'],
        ['review', '--fail-on', 'odd'],
        ['review', 'monthly', '--fail-on', 'expiring'],
        both('audit'), both('audit', '--token', '%c'),
        ['audit', '--user', $user], ['audit', '--user', 'none'],
        ['audit', '--token', 'a b'], ['audit', '--since', 'x'],
        ['audit', '--user', $user, '--token', '%c'],
        both('audit', 'verify'), both('fsck'),
        { in => '%clear' }, ['check'], { in => '%clear' }, ['check', '--json'],
        { in => 'x' }, ['check'], ['check', '--json'],
        ['check', '--role', 'boss'], ['check', '--type', 'x'],
        { in => '%clear' }, ['check', '--role', 'admin', '--json'],
        ['scan', '/none'], both('scan', "$dir/found"),
        ['scan', "$dir/found", '--revoke', '--json'],
        ['scan', "$dir/found", '--revoke'],
    ],
    data => [
        ['export', '-'], ['export', "$dir/dump"], ['export', "$dir/dump"],
        ['import', "$dir/dump", '--dry-run'], both('import', "$dir/dump"),
        ['import', '/none'], { in => 'x' }, ['import', '-'],
        ['user', 'disable', $user], ['token', 'revoke', '%b'],
        ['user', 'revoke-all', $user], ['incident', 'token', '%b'],
        \&broken,
        both('fsck'), ['token', 'revoke', '%c'], ['user', 'disable', $user],
        ['review', '--json'], ['audit', 'verify', '--json'],
        ['incident', 'user', $user, '--json'],
        ['seal'], ['--key-file', "$dir/keys", 'seal'],
        ['--key-file', "$dir/keys", 'init'], ['--key-file', "$dir/keys", 'seal'],
        ['--key-file', "$dir/keys", 'seal', '--first', '--dry-run'],
        ['--key-file', "$dir/keys", 'seal', '--first', '--dry-run', '--json'],
        ['--key-file', "$dir/keys", 'seal', '--first'],
        ['--key-file', "$dir/keys", 'seal', '--first', '--yes'],
        ['--key-file', "$dir/keys", 'seal', '--first', '--yes'],
        ['--key-file', "$dir/keys", 'init'],
        ['--key-file', "$dir/keys", 'seal', '--force'],
        ['--key-file', "$dir/keys", 'seal', '--user', 'none'],
        ['--key-file', "$dir/keys", 'seal', '--user', $user, '--dry-run'],
        ['--key-file', "$dir/keys", 'seal', '--user', $user],
        ['--key-file', "$dir/keys", 'seal', '--user', $user, '--json'],
    ],
);

for my $part ('offline', 'empty', 'users', 'tokens', 'stop', 'look', 'data') {
    my ($id, $in, $said) = ('', '', '');

    for my $step (@{ $steps{$part} }) {
        if (ref $step eq 'HASH') {
            ($id, $in) = ($step->{id} // $id, filled($step->{in} // ''));
            next;
        }

        if (ref $step eq 'CODE') {
            $step->();
            next;
        }

        my ($code, $out, $err) = $st->input($in, map { filled($_) } @$step);
        order($id, $out);
        $id{$id} = $out =~ /"id": "(tok_\w{16})"/ ? $1 : '' if $id;
        keep($out) if $out =~ /"token": "/;
        $said .= named("\$ @{ [map { filled($_) } @$step] }\n$out") . ($err
            ? named(join '', map { "! $_\n" } split /\n/, $err) : '')
            . "= $code\n\n";
        ($id, $in) = ('', '');
    }

    golden("t/golden/$part", $said);
}

finish();

sub both { ([@_], [@_, '--json']) }

sub filled { $_[0] =~ s/^%(\w+)\z/$1 eq 'clear' ? $id{clear} : $id{$1}/er }

# the last token that was made is the one to check and to find

sub keep {
    $id{clear} = $1 if $_[0] =~ /"token": "(\w+)"/;
    open my $fh, '>', "$dir/found" or die;
    print $fh "one\nkey: $id{clear}\n";
    close $fh;
}

# lists are by the second and then by id, which is drawn: here in the order in
# which they were made

sub order {
    my ($id, $out) = @_;

    for my $name ($user, 'export@service', 'eva@example.org', 'test@service') {
        later('users', $name, "user:$name")
            if $out =~ /^\Q$name\E\n\z|\A\{\n  "id": "\Q$name\E"/;
    }

    later('tokens', $1, 'token:' . $redis->cli('GET', $redis->key("id:$1")))
        if $id && $out =~ /"id": "(tok_\w{16})"/;
}

sub later {
    my ($index, $name, $record) = @_;

    my $at = ($redis->cli('ZSCORE', $redis->key($index), $name) // return)
        + ++$count{$index};

    return if $seen{$name}++;
    $redis->cli('ZADD', $redis->key($index), $at, $name);
    $redis->cli('HSET', $redis->key($record), 'created_at', $at);
}

# a record that cannot be read, and one of another type

sub broken {
    my $digest = $redis->cli('GET', $redis->key("id:$id{c}"));
    $redis->cli('HSET', $redis->key("token:$digest"), 'status', 'odd');
    $redis->cli('HDEL', $redis->key("user:$user"), 'kind');
}

# ids by number; what is a time, a digest, a secret, by its kind

sub named {
    my $text = shift;

    $text =~ s/\b\w+_(?:svc|pat|scim)_\w{38}\b/CLEAR/g;
    $text =~ s/\btok_(?!none)\w{16}\b/$name{$&} \/\/= 'TOK' . ++$count{id}/ge;
    $text =~ s/\Q$dir\E/DIR/g;
    $text =~ s/\Q@{[$redis->dir]}\E/REDIS/g;
    $text =~ s/\b\d{13}-\d+\b/ENTRY/g;
    $text =~ s/\b[0-9a-f]{64}\b/DIGEST/g;
    $text =~ s/\b[0-9a-f]{40}\b/HASH/g;
    $text =~ s/\btoken:[0-9a-f]{8}\b/token:DIGEST/g;
    $text =~ s/\b\d{4}-\d\d-\d\dT[\d:]{8}Z/DATE/g;
    $text =~ s/\b20\d\d-\d\d-\d\d\b/DAY/g;
    $text =~ s/\b1[0-9]{9}\b/TIME/g;
    $text =~ s/-20\d\d\b/-YEAR/g;
    $text =~ s/\b[0-9.]+(?= ms)|(?<="milliseconds": )[0-9.]+/MS/g;
    $text =~ s/\Q$_\E/ACTOR/g for (getpwuid $<)[0];

    return $text;
}

sub golden {
    my ($file, $said) = @_;

    if (($ENV{STOK_GOLDEN} // '') eq 'write') {
        open my $fh, '>', $file or die "$file: $!";
        print $fh $said;
        close $fh;
    }

    my %was = steps(Stok::Command::slurp($file));
    my %is = steps($said);

    is($is{$_}, $was{$_}, "$file: " . (split /\n/, $_)[0])
        for sort keys %{ { %is, %was } };
}

# by the command, which may come again

sub steps {
    my (%step, %n);

    for my $step (split /\n\n(?=\$ )/, shift) {
        my ($command) = $step =~ /^(.*)/;
        $step{ "$command #" . ++$n{$command} } = $step;
    }

    return %step;
}
