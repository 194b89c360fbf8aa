# The formats of a new token, as their readers read them; which Secret a token
# stands in; what a person at a terminal sees.

use strict;
use warnings;
use lib 't/lib';
use Cwd ();
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $user = 'pipeline@service';
my $clear = qr/stk_svc_[0-9A-Za-z]{38}/;
my $hostile = qq(ETL: "a\\\\" # 'b' {c: [d]} \xf0\x9f\x9a\x80 N\xc3\xa4chtlich & *x !y %z \@);
my ($code, $out, $err);
my $n = 0;

$st->run('init');
$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');

# raw: the token, and nothing else

create('raw', 'raw');
like($out, qr/^$clear\z/, 'raw has no line break');
token_is($out, $err);
create('raw file', 'raw', '--out', "$st->{dir}/raw");
like(Stok::Command::slurp("$st->{dir}/raw"), qr/^$clear\z/, 'nor in a file');

# vault-json: names and texts

create("$hostile v", 'vault-json');
my $json = jq($out);
is(join(' ', sort keys %$json), 'env expires_at id name token user', 'vault-json');
is(join(' ', grep { ref } values %$json), '', 'texts alone');
is($json->{name}, "$hostile v", 'a name that needs escapes');
like($json->{expires_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z/, 'its end');
token_is($json->{token}, $json->{id});
create('without end', 'vault-json', '--expires-in', 'never');
is(jq($out)->{expires_at}, 'never', 'without an end');

# docker-config: what a registry behind HTTP Basic is asked with

create('docker', 'docker-config', '--server', 'registry.example.com:5000');
$json = jq($out);
is(join(' ', keys %{ $json->{auths} }), 'registry.example.com:5000', 'docker-config');
my ($login, $password) = split /:/,
    decode_base64($json->{auths}{'registry.example.com:5000'}{auth}), 2;
is($login, $user, 'the user');
token_is($password, $err);
create('quotes', 'docker-config', '--server', 'a"b\\c');
is(join(' ', keys %{ jq($out)->{auths} }), 'a"b\\c', 'a name that needs escapes');

refused('bad --format', '--format', 'xml');
refused('--server HOST belong together', '--format', 'docker-config');
refused('--server HOST belong together', '--server', 'x');
refused('both want standard output', '--format', $_, '--json')
    for 'raw', 'vault-json', 'k8s-secret';

# k8s-secret: as YAML reads it

create($hostile, 'k8s-secret', '--namespace', 'data');
my $secret = yaml($out);
is($secret->{kind}, 'Secret', 'k8s-secret');
is($secret->{metadata}{namespace}, 'data', 'a namespace');
is($secret->{metadata}{annotations}{'service-token/name'}, $hostile,
    'a name that needs escapes');
is($secret->{metadata}{annotations}{'service-token/user'}, $user, 'the user');
token_is($secret->{stringData}{SERVICE_TOKEN},
    $secret->{metadata}{annotations}{'service-token/id'});

# different tokens are never in one Secret

my %names;

for my $name ('etl job', 'ETL-Job', 'etl.job', '(-)', '[-]', 'x' x 250, 'x' x 251) {
    my $made = yaml(create($name, 'k8s-secret'))->{metadata}{name};

    $names{$made}++;
    like($made, qr/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])\z/, 'the name of a Secret');
}

is(scalar keys %names, 7, 'each has its own');

# a successor is in the Secret of its predecessor

my $old = made('k8s-secret');
my $name = $secret->{metadata}{name};
is(rotate($old, 'k8s-secret')->{metadata}{name}, $name, 'kept at a rotation');
my $next = id();
$st->run('token', 'revoke', $old);
$st->run('token', 'delete', $old, '--force');
is(rotate($next, 'k8s-secret')->{metadata}{name}, $name,
    'kept when the first one is gone');

$old = made('k8s-secret', '--secret-name', 'db.etl', '--namespace', 'one');
is("@{ $secret->{metadata} }{qw(namespace name)}", 'one db.etl', 'as it was said');
rotate($old, 'raw');
rotate(id(), 'k8s-secret');
is("@{ $secret->{metadata} }{qw(namespace name)}", 'one db.etl',
    'kept through a rotation that made none');
rotate(id(), 'k8s-secret', '--namespace', 'two');
is("@{ $secret->{metadata} }{qw(namespace name)}", 'two db.etl',
    'another namespace');
rotate(id(), 'k8s-secret', '--secret-name', 'other');
is("@{ $secret->{metadata} }{qw(namespace name)}", 'two other', 'another name');

$old = made('raw');
rotate($old, 'k8s-secret');
like($err, qr/^note: .* no Secret that is known: this one is \Q$secret->{metadata}{name},/m,
    'a predecessor without one');

# what Redis says is taken only if it is a name

for my $bad ("a\nb", 'A', '-', 'a/b/c', '', 'x"', "a\0", 'x' x 300, '/', 'a/', '/b') {
    $old = made('raw');
    $redis->cli('HSET', $redis->key('secrets'), $old, $bad);
    rotate($old, 'k8s-secret');
    like($secret->{metadata}{name}, qr/^n-\d+-\d{4}-[0-9a-f]{10}\z/,
        'a name that is none is not used');
}

$old = made('raw');
$redis->cli('DEL', $redis->key('secrets'));
$redis->cli('SET', $redis->key('secrets'), 'x');
rotate($old, 'k8s-secret');
is($code, 0, 'a key of another type fails nothing');

refused("bad $_->[0]", '--format', 'k8s-secret', @$_)
    for ['--secret-name', 'A'], ['--secret-name', 'a..b'], ['--secret-name', ''],
        ['--secret-name', '-a'], ['--secret-name', 'a/b'], ['--namespace', 'a.b'],
        ['--namespace', 'x' x 64], ['--secret-name', 'a' x 254];
refused('are for --format k8s-secret', '--secret-name', 'a');

# a terminal shows that this is the only time

for my $case ([[], 'expires at \d{4}-\S+ \(in \d+ days\)'],
    [['--expires-in', 'never'], 'never expires'])
{
    my ($options, $says) = @$case;
    like(terminal(@$options), qr/^note: the token is shown this once .*; it $says/m,
        'at a terminal');
}

create('in a pipe', 'plain');
unlike($err, qr/shown this once/, 'and nowhere else');
is(Stok::Command::broken($redis), '', 'all keys agree');

finish;


sub words {
    return ('token', 'create', '--user', $user, '--env', 'testing', '--name',
        shift // 'n ' . ++$n);
}

sub create {
    my ($name, $format, @options) = @_;
    ($code, $out, $err) = $st->run(words($name), '--format', $format, @options);
    is($code, 0, "$format: created") or diag($err);
    return $out;
}

sub id { return Stok::Command::made($err) }

sub made {
    my ($format, @options) = @_;
    create(undef, $format, @options);
    $secret = yaml($out) if $format eq 'k8s-secret';
    return id();
}

sub rotate {
    my ($id, $format, @options) = @_;
    ($code, $out, $err) = $st->run('token', 'rotate', $id, '--format', $format,
        @options);
    $secret = yaml($out) if $format eq 'k8s-secret';
    return $secret;
}

sub token_is {
    my ($token, $told) = @_;
    my ($id) = $told =~ /(tok_\w{16})/;
    is($redis->cli('GET', $redis->key("id:$id")), sha256_hex($token),
        'it is the token');
}

sub refused {
    my ($says, @options) = @_;
    my $before = Stok::Command::snapshot($redis);
    ($code, $out, $err) = $st->run(words(), @options);
    is("$code $out", '2 ', "refused: @options");
    like($err, qr/^service-token: .*\Q$says\E/, 'says why');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}

# bytes in, bytes out: the readers are others

sub through {
    my ($text, @reader) = @_;
    open my $fh, '>', "$st->{dir}/text" or die;
    print $fh $text;
    close $fh;
    open my $in, '-|', 'sh', '-c', 'exec "$@" < "$0"', "$st->{dir}/text", @reader
        or die;
    local $/;
    my $json = <$in>;
    close $in or diag("@reader: does not read it: $text");
    my $data = JSON::PP->new->ascii->allow_nonref->decode($json || 'null');
    bytes($data);
    return $data;
}

sub bytes {
    for (ref $_[0] ? values %{ $_[0] } : $_[0]) {
        ref $_ ? bytes($_) : utf8::encode($_);
    }
}

sub jq { return through(shift, 'jq', '-a', '.') }

sub yaml {
    return through(shift, 'python3', '-c',
        'import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin.buffer)))');
}

sub terminal {
    my $binary = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');
    my $line = join ' ', map { "'" . s/'/'\\''/gr . "'" } $binary, '--redis',
        'unix://' . $redis->socket, words(), @_;
    my $text = `script -qec "$line" /dev/null < /dev/null`;
    return $text =~ s/\r//gr;
}
