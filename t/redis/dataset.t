# A key file names the dataset that its keys belong to: nothing that was sealed
# in another one is good here, and no other one is served.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $key = { name => 'k1', secret => "\1" x 32 };
my $here = Stok::Redis->start;
my $there = Stok::Redis->start;
my $other = 'e7' x 16;

$_->{key} = $key for $here, $there;
$here->user('user@service', role => 'member');
my $token = $here->token(user => 'user@service');

# the same keys in another dataset, where the user may do more

my $staging;
{
    local $Stok::Redis::dataset = $other;
    $there->init;
    $there->user('user@service', role => 'admin');
    $staging = $there->token(user => 'user@service');
}

my $nginx = edge(redis => $here, files => { keys => Stok::Redis::key_file($key) },
    conf => 'service_token_key_file keys;');

is(said($nginx, $token), '200 ALLOWED MISS', 'the dataset of the key file');

# records that are copied

copy($there->token_key($staging));
is(said($nginx, $staging), '401 TAMPERED MISS', 'a token of another dataset');

copy($there->key('user:user@service'));
wait_for('the copy is heard', sub { said($nginx, $token) !~ /ALLOWED/ });
like(said($nginx, $token), qr/^401 TAMPERED/, 'a user of another dataset');

# another dataset altogether: as if Redis were down, and one line

my $wrong = edge(redis => $there, files => { keys => Stok::Redis::key_file($key) },
    conf => 'service_token_key_file keys; service_token_cache_valid 0;', cold => 1);

like(said($wrong, $staging), qr/^503 UNAVAILABLE/, 'another dataset') for 1 .. 5;

my $line = qr/\[error\].*the key file belongs to dataset $Stok::Redis::dataset, which is not/;

wait_for('both workers are asked', sub {
    said($wrong, $staging);
    2 == (() = $wrong->log =~ /$line/g) });
said($wrong, $staging) for 1 .. 10;
is(scalar(() = $wrong->log =~ /$line/g), 2, 'a line of each worker');

for my $case (['none', undef], ['empty', ''], ['cut', 'd5' x 15],
    ['longer', 'd5' x 17], ['capitals', 'D5' x 16])
{
    my ($name, $id) = @$case;

    $there->cli(defined $id ? ('HSET', $there->key('meta'), dataset => $id)
        : ('HDEL', $there->key('meta'), 'dataset'));
    like(said($wrong, $staging), qr/^503 UNAVAILABLE/, "dataset: $name");
}

# the one that it is for comes back

$there->cli('HSET', $there->key('meta'), dataset => $Stok::Redis::dataset);
like(said($wrong, $staging), qr/^401 TAMPERED/, 'its records are judged again');

# without keys any dataset is served

my $plain = edge(redis => $there, cold => 1);
$there->{key} = undef;
my $unsealed = $there->token(user => 'user@service');
like(said($plain, $unsealed), qr/^200 ALLOWED/, 'no key file');

finish;


sub copy {
    my $key = shift;

    $here->cli('DEL', $key);
    $here->cli('HSET', $key, @{ $there->cli('HGETALL', $key) });
}
