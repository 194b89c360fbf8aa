# Texts of people are judged alike wherever they come in: names, purposes,
# owners, who acts; by an option, by the environment, by an import.

use strict;
use warnings;
use lib 't/lib';
use JSON::PP ();
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $user = 'etl@service';
my $dump = "$st->{dir}/dump";
my ($code, $out, $err, $n);

$st->run('init');
$st->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');
my $id = $st->json('token', 'create', '--user', $user, '--name', 'one', '--env',
    'testing')->{id};
is(($st->run('export', $dump))[0], 0, 'exported');
my $lines = Stok::Command::slurp($dump);

my @bad = (
    ['a line break', "a\nb"], ['an escape', "a\e[2J"], ['DEL', "a\x7f"],
    ['C1', "a\x{9b}b"], ['a line separator', "a\x{2028}"],
    ['a direction', "a\x{202e}b"], ['an isolate', "a\x{2066}b"],
    ['a mark', "a\x{200f}b"], ['no width', "a\x{200b}b"],
    ['a joiner', "a\x{200d}b"], ['a word joiner', "a\x{2060}b"],
    ['a byte order mark', "\x{feff}a"], ['a soft hyphen', "a\x{ad}b"],
    ['a tag', "a\x{e0041}b"],
);

my @ways = (
    ['--purpose', 2, sub { 'user', 'create', 'New', '--purpose', @_, '--owner', 'o' }],
    ['--owner', 2, sub { 'user', 'create', 'New', '--owner', @_, '--purpose', 'p' }],
    ['a user\'s name', 2, sub { 'user', 'create', "New @_", '--owner', 'o',
        '--purpose', 'p' }],
    ['describe --purpose', 2, sub { 'user', 'describe', $user, '--purpose', @_ }],
    ['describe --owner', 2, sub { 'user', 'describe', $user, '--owner', @_ }],
    ['token create --name', 2, sub { 'token', 'create', '--user', $user,
        '--env', 'testing', '--name', @_ }],
    ['token rotate --name', 2, sub { 'token', 'rotate', $id, '--name', @_ }],
    ['--actor', 2, sub { '--actor', @_, 'user', 'disable', $user }],
);

my @fields = (['user', 'name'], ['user', 'purpose'], ['user', 'owner'],
    ['user', 'created_by'], ['token', 'name'], ['token', 'created_by']);

for my $bad (@bad, ['256 characters', 'x' x 256], ['1025 bytes', 'x' x 1025]) {
    my ($name, $text) = @$bad;
    my $before = Stok::Command::snapshot($redis);
    utf8::encode(my $bytes = $text);

    for my $way (@ways) {
        my ($what, $exit, $args) = @$way;
        next if $name =~ /^256/ && $what =~ /purpose|owner/;

        ($code, $out, $err) = $st->run($args->($bytes));
        is("$code $out", "$exit ", "$what: $name");
        like($err, qr/^service-token: [ -~]*\n\z/, 'one line');
    }

    for my $field (@fields) {
        my ($kind, $which) = @$field;
        next if $name =~ /^256/ && $which ne 'name';

        for my $raw (0, 1) {
            import_with($kind, $which, $text, $raw);
            is($code, 3, "import of a $kind\'s $which: $name")
                or diag("$code $out $err");
            like($err, qr/line \d+: .*\b$which\b/, 'which line') if $name !~ /\d/;
        }
    }

    ok(Stok::Command::snapshot($redis) eq $before, "$name: nothing is written");
}

# bytes that are not UTF-8

for my $way (@ways) {
    is(($st->run($way->[2]->("a\xff")))[0], $way->[1], "$way->[0]: no UTF-8");
}

# what is only from elsewhere is fine

my $fine = "gr\x{fc}\x{df}e \x{65e5}\x{672c} \x{1f680}";
utf8::encode(my $bytes = $fine);

for my $way (@ways) {
    next if $way->[0] eq '--actor';
    ($code, $out, $err) = $st->run($way->[2]->($bytes . $n++));
    is($code, 0, "$way->[0]: letters of elsewhere") or diag($err);
    $st->run('user', 'delete', 'new@service');
    $redis->cli('DEL', $redis->key('user:new@service'));
}

$redis->cli('FLUSHALL');
import_with(@$_, $fine, 0), is($code, 0, "import of @$_") || diag($err)
    for @fields;

# and export leaves out what import would not take

$redis->cli('HSET', $redis->key("user:$user"), 'purpose', "a\xe2\x80\xaeb");
($code, $out, $err) = $st->run('export', '-');
is($code, 1, 'export of such a text');
like($err, qr/user "$user" is left out: its purpose has a control/, 'is reported');

finish;


# the export again, with another text in one field; raw: as it is, or as JSON
# escapes it

sub import_with {
    my ($kind, $which, $text, $raw) = @_;

    my $json = JSON::PP->new->canonical;
    $raw ? $json->utf8 : $json->ascii;

    my $new = join '', map {
        my $line = JSON::PP->new->utf8->decode($_);
        $line->{$kind}{$which} = $text if $line->{$kind};
        $json->encode($line) . "\n";
    } split /\n/, $lines;

    open my $fh, '>', "$dump.new" or die;
    print $fh $new;
    close $fh;

    ($code, $out, $err) = $st->run('import', "$dump.new", '--overwrite');
}
