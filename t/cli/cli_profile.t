# Profiles: options from a file; the environment overrides them, and options
# override both.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my ($one, $two) = map { Stok::Redis->start(empty => 1) } 1 .. 2;
my $st = Stok::Command->new(undef);
my $file = "$st->{dir}/service-token/config";
my ($code, $out, $err);

$ENV{XDG_CONFIG_HOME} = $st->{dir};
mkdir "$st->{dir}/service-token";

profiles('[default]', 'redis = unix://' . $one->socket, '', '# another one',
    '[staging]', '  redis=unix://' . $two->socket . '  ', 'prefix = {x}:',
    'actor = ann lee', 'roles = low high');

is(run('init'), 0, 'without a name: default');
is($one->cli('EXISTS', '{st}:meta'), 1, 'its Redis');
is(run('--profile', 'staging', 'init'), 0, 'a profile');
is($two->cli('EXISTS', '{x}:meta'), 1, 'its Redis and prefix');
is(run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o', '--role', 'high',
    '--profile=staging'), 0, 'its roles');
my %entry = @{ $two->cli('XREVRANGE', '{x}:audit', '+', '-', 'COUNT', 1)->[0][1] };
is($entry{actor}, 'ann lee', 'its actor');

# what overrides what

my $other = Stok::Command->new($one);
is($one->cli('EXISTS', '{x}:meta'), 0, 'nothing there yet');
is(($other->run('--profile', 'staging', 'init'))[0], 0, 'the environment');
is($one->cli('EXISTS', '{x}:meta'), 1, 'overrides the profile');
is(run('--profile', 'staging', '--prefix', '{y}:', 'init'), 0, 'an option');
is($two->cli('EXISTS', '{y}:meta'), 1, 'overrides both');

{
    local $ENV{HOME} = "$st->{dir}/home";
    local $ENV{XDG_CONFIG_HOME};
    mkdir $_ for $ENV{HOME}, "$ENV{HOME}/.config", "$ENV{HOME}/.config/service-token";
    rename $file, "$ENV{HOME}/.config/service-token/config" or die;
    is(run('--profile', 'staging', 'user', 'list'), 0, 'in ~/.config');
    rename "$ENV{HOME}/.config/service-token/config", $file or die;
}

# what is wrong is said with its line

for my $case (
    ['an unknown name', ['[default]', 'redsi = x'], qr/config:2: .* "redsi": did you mean "redis"\?$/],
    ['no option', ['[default]', 'json = 1'], qr/config:2: unknown name "json"/],
    ['no section', ['redis = x'], qr/config:1: is outside any \[profile\]$/],
    ['no value', ['[default]', 'redis ='], qr/config:2: "redis" has no value$/],
    ['no equals sign', ['[default]', '', 'secretword'], qr/config:3: that is not NAME = VALUE$/],
    ['a name twice', ['[a]', 'redis = x', 'redis = y'], qr/config:3: "redis" is set twice$/],
    ['a section twice', ['[a]', '[b]', '[a]'], qr/config:3: the profile "a" is defined twice$/],
    ['no name', ['[]'], qr/config:1: that is not the name of a profile/],
    ['half a name', ['[a'], qr/config:1: that is not the name/],
    ['a bracket', ['['], qr/config:1: that is not the name/],
    ['a time', ['[default]', 'timeout = 5x'], qr/config:2: bad --timeout "5x": 1ms/],
    ['an address', ['[default]', '', 'redis = x'], qr/config:3: bad Redis URI: /],
    ['a key file', ['[default]', 'key-file = /none'], qr/config:2: key file "\/none": No such/],
    ['a prefix', ['[default]', 'prefix = ' . 'p' x 300], qr/config:2: a prefix has 1 to /],
    ['an actor', ['[default]', "actor = \e"], qr/config:2: bad --actor: /],
    ['roles', ['[default]', 'roles = a a'], qr/config:2: bad --roles: /],
    ['a zero', ['[a]', "prefix = \0"], qr/is not a file of profiles$/],
) {
    my ($name, $lines, $says) = @$case;
    profiles(@$lines);
    is(run('user', 'list'), 2, $name);
    like($err, qr/^service-token: .*$says/, 'is said');
    unlike($err, qr/secretword/, 'and the line is not shown');
}

profiles('[staging]', 'redis = unix:///nowhere');
is(run('--profile', 'stagign', 'user', 'list'), 2, 'an unknown profile');
like($err, qr/no profile "stagign" in .*: did you mean "staging"\?$/, 'a guess');
is(run('--redis', 'unix://' . $one->socket, 'user', 'list'), 0,
    'default need not be there');
unlink $file;
is(run('--profile', 'staging', 'user', 'list'), 2, 'no file');
like($err, qr/cannot read the profiles in .*: No such file/, 'is said');
is(run('--redis', 'unix://' . $one->socket, 'user', 'list'), 0,
    'without a profile no file is needed');

# no shell reads the file, but a path may begin with ~

{
    local $ENV{HOME} = $st->{dir};
    profiles('[default]', 'key-file = ~/none.key');
    is(run('user', 'list'), 2, 'a path that begins with ~');
    like($err, qr/config:2: key file "\Q$st->{dir}\E\/none\.key": No such/, 'is below HOME');
}

# a password is for its owner alone

for my $case (['redis://u:pass@h', 2], ['redis://:pass@h', 2], ['redis://u@h', 0],
    ['redis://h:6379', 0])
{
    my ($uri, $exit) = @$case;
    profiles('[a]', 'redis = ' . ('unix://' . $one->socket), '[b]', "redis = $uri");
    chmod 0640, $file;
    is(run('--profile', 'a', 'user', 'list'), $exit, "$uri, mode 0640");
    like($err, qr/has a password, and others may read it: chmod 600/, 'why') if $exit;
    unlike($err, qr/:pass/, 'and it is not shown');
    chmod 0600, $file;
    is(run('--profile', 'a', 'user', 'list'), 0, 'mode 0600');
}

finish;


sub profiles {
    open my $fh, '>', $file or die "$file: $!";
    print $fh map { "$_\n" } @_;
    close $fh;
    chmod 0600, $file;
}

sub run {
    ($code, $out, $err) = $st->run(@_);
    return $code;
}
