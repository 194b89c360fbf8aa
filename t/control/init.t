# init and the key file: the id of a dataset is drawn by the command, and both
# have it, or neither.

use strict;
use warnings;
use lib 't/lib';
use File::Copy ();
use File::Temp ();
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $dir = File::Temp->newdir;
my $file = "$dir/keys";
my $key = ($st->run('key', 'new', 'k1'))[1];
my @with = ('--key-file', $file);
my ($code, $out, $err, $id);

# every other verb wants a file that names its dataset

put($key);
for my $verb (['user', 'list'], ['seal'], ['token', 'revoke', 'tok_x'],
    ['review'], ['fsck'], ['export', '-'], ['import', '/none'])
{
    ($code, $out, $err) = $st->run(@with, @$verb);
    is("$code $err", qq(2 service-token: key file "$file" names no dataset: )
        . qq(run "service-token --key-file $file init"\n), "@$verb: not yet");
}
like(($st->run(@with, 'key', 'new', 'k2'))[1], qr/^k2 \w{64}\n\z/, 'key new: a line');
is(($st->run('key', 'new', 'dataset'))[0], 2, 'no key has that name');

# a new dataset

chmod 0400, $file;
($code, $out, $err) = $st->run(@with, 'init');
is("$code $out", '0 ', 'init');
like($err, qr/^created a dataset at "\{st\}:"$/m, 'says what it did');
($id) = slurp() =~ /^dataset ([0-9a-f]{32})$/m;
is(slurp(), "${key}dataset $id\n", 'a line more');
is(sprintf('%o', (stat $file)[2] & 07777), '400', 'its mode stays');
is(meta('dataset'), $id, 'the marker has it, too');
is(meta('sealed'), 1, 'and is sealed');
is(() = glob("$dir/*"), 1, 'nothing is left beside it');
($code, $out, $err) = $st->run(@with, 'user', 'create', 'Etl', '--purpose', 'p',
    '--owner', 'o');
is($code, 0, 'and works');
like($redis->cli('HGET', $redis->key('user:etl@service'), 'seal'), qr/^k1:/,
    'sealed at once');

my $before = Stok::Command::snapshot($redis);
($code, $out, $err) = $st->run(@with, 'init');
is("$code $err", "0 there is a dataset already: nothing was changed\n", 'again');
is(Stok::Command::snapshot($redis), $before, 'nothing was changed');

# a file without the line, when the dataset is sealed: Redis does not say it

put($key);
refused(3, qr/is sealed already: copy the line/, 'init');
is(slurp(), $key, 'it is as it was');

# a file of another dataset

put("dataset " . '0' x 32 . "\n$key");
refused(3, qr/this key file belongs to dataset 0{32}, and that is not the one/, @$_)
    for ['init'], ['user', 'list'], ['user', 'disable', 'etl@service'], ['review'],
    ['fsck'], ['seal'], ['export', '-'], ['audit', 'verify'];

# and the other way round: somebody who writes to Redis gives it our id

put("${key}dataset $id\n");
$redis->cli('HSET', $redis->key('meta'), dataset => "\e[31m" . 'x' x 27);
refused(3, qr/^[^\e]*$/, 'user', 'list');
$redis->cli('HDEL', $redis->key('meta'), 'dataset');
refused(3, qr/belongs to dataset $id/, 'user', 'list');
$redis->cli('HSET', $redis->key('meta'), dataset => $id);

# a file that names one already: a new dataset gets its id

$redis->cli('FLUSHALL');
is(($st->run(@with, 'init'))[0], 0, 'an id that is there');
is(meta('dataset'), $id, 'is kept');
is(slurp(), "${key}dataset $id\n", 'the file is as it was');

# a dataset that is there, and was not sealed

$redis->cli('FLUSHALL');
$st->run('init');
my $old = meta('dataset');
like($old, qr/^[0-9a-f]{32}\z/, 'without a key file: an id');
is(meta('sealed'), undef, 'not sealed');
put($key =~ s/\n//r);
($code, $out, $err) = $st->run(@with, 'init');
is($code, 0, 'with a key file, later');
like($err, qr/names this dataset now; its records are not sealed yet/, 'what to do');
($id) = slurp() =~ /^dataset (\w+)$/m;
is(slurp(), "${key}dataset $id\n", 'the line stands alone');
is(meta('dataset'), $id, 'both have it');
isnt($id, $old, 'what Redis said of itself is not taken');

# a link is followed, and stays one

$redis->cli('FLUSHALL');
put($key);
rename $file, "$dir/real" or die;
symlink 'real', $file or die;
is(($st->run(@with, 'init'))[0], 0, 'by a link');
ok(-l $file, 'which stays one');
like(slurp(), qr/^dataset /m, 'and leads to it');
unlink $file, "$dir/real";

# a file that cannot be replaced: nothing is made, and the line is printed

{
    $redis->cli('FLUSHALL');
    put($key);

    # root could write anyway: it is somebody else who runs it then

    my $home = File::Temp->newdir;
    my $copy = "$home/service-token";
    File::Copy::cp($ENV{SERVICE_TOKEN} // 'build/service-token', $copy) or die;
    my @somebody = $> ? ()
        : ('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups');
    chown 65534, 65534, $file if !$>;
    chmod 0755, $copy, $home;
    chmod 0555, $dir;

    open my $said, '-|', @somebody, 'sh', '-c', 'exec "$@" 2>&1', 'sh',
        $copy, '--redis', 'unix://' . $redis->socket, @with, 'init' or die;
    $err = do { local $/; <$said> };
    close $said;
    $code = $? >> 8;
    chmod 0755, $dir;

    is($code, 3, 'a folder that takes no file');
    like($err, qr/cannot be written \(.*\): add the line "dataset \w{32}" to it/, 'says what to do');
    is(slurp(), $key, 'it is as it was');
    is($redis->cli('DBSIZE'), 0, 'nothing was made');
}

# another schema

$redis->cli('FLUSHALL');
$redis->cli('HSET', $redis->key('meta'), 'schema', 1, 'brand', 'stk');
put("${key}dataset $id\n");
refused(3, qr/this dataset has schema 1; this version needs schema 2/, @$_)
    for ['init'], ['user', 'list'], ['seal'], ['export', '-'];

finish;


sub put {
    unlink $file;
    open my $fh, '>', $file or die;
    print $fh @_;
    close $fh;
    chmod 0600, $file;
}

sub slurp { Stok::Command::slurp($file) }
sub meta { $redis->cli('HGET', $redis->key('meta'), shift) }

sub refused {
    my ($code, $says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($got, $out, $err) = $st->run(@with, @args);

    is($got, $code, "@args: refused");
    like($err, qr/^service-token: .*$says.*\n\z/, 'says why') if $says !~ /\^/;
    like($err =~ s/\n\z//r, $says, 'says why') if $says =~ /\^/;
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
