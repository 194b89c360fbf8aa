# token show, user show and token list tell of use: first and last, addresses,
# locations, refused tries; and of none.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start;
my $st = Stok::Command->new($redis);
my $user = $redis->listed_user('sync@service', purpose => "a\e[2Jb");
my $never = $redis->listed_token(user => $user, name => 'never');
my $id = $redis->listed_token(user => $user, name => 'used');
my $other = $redis->listed_token(user => $user, name => 'other');

# nothing is known

my $t = $st->json('token', 'show', $never);
is_deeply([@{ $t }{qw(uses first_used last_used first_addr last_addr addrs
    last_location locations role_needed refused refused_at refused_addr
    refused_reason)}],
    [0, undef, undef, undef, undef, [], undef, [], undef, 0, undef, undef,
    undef], 'never used: every field is there');
like(text('token', 'show', $never), qr/^last_used +never used$/m, 'as text');
like(text('token', 'list'), qr/^$never .* never$/m, 'in a list');

my $u = $st->json('user', 'show', $user);
is_deeply([@{ $u }{qw(tokens uses first_used last_used addrs locations refused
    refused_at)}], [3, 0, undef, undef, [], [], 0, undef], 'nor of the user');
like(text('user', 'show', $user), qr/^last_used +never used$/m, 'as text');
unlike(text('user', 'show', $user), qr/\e/, 'no text steers a terminal');

# all is known

$redis->used($id, uses => 12, first_used => 1700000000,
    last_used => 1750000000, first_addr => '192.0.2.1',
    last_addr => '192.0.2.7', addrs => '192.0.2.1 192.0.2.7',
    last_location => '/api/', locations => '/api/ /etl/',
    role_needed => 'manager', refused => 3, refused_at => 1740000000,
    refused_addr => '198.51.100.9', refused_reason => 'ROLE');

$t = $st->json('token', 'show', $id);
is_deeply([@{ $t }{qw(uses first_used last_used first_addr last_addr addrs
    last_location locations role_needed refused refused_at refused_addr
    refused_reason)}],
    [12, 1700000000, 1750000000, '192.0.2.1', '192.0.2.7',
    ['192.0.2.1', '192.0.2.7'], '/api/', ['/api/', '/etl/'], 'manager', 3,
    1740000000, '198.51.100.9', 'ROLE'], 'all of the use');

my $text = text('token', 'show', $id);
for my $line ('uses +12', 'first_used +2023-11-14T22:13:20Z',
    'last_used +2025-06-15T15:06:40Z', 'first_addr +192\.0\.2\.1',
    'addrs +192\.0\.2\.1, 192\.0\.2\.7', 'locations +/api/, /etl/',
    'refused +3', 'refused_at +2025-02-19T21:20:00Z',
    'refused_addr +198\.51\.100\.9', 'refused_reason +ROLE')
{
    like($text, qr/^$line$/m, "as text: $line");
}

like(text('token', 'list'), qr/^$id .* 2025-06-15T15:06:40Z$/m, 'in a list');
is((grep { $_->{id} eq $id } @{ $st->json('token', 'list') })[0]{last_used},
    1750000000, 'as JSON');

# lists that are missing have what is known besides

my $less = $redis->listed_token(user => 'two@service');
$redis->used($less, first_addr => '192.0.2.1', last_addr => '192.0.2.2',
    last_location => '/api/');
$t = $st->json('token', 'show', $less);
is("@{ $t->{addrs} } @{ $t->{locations} }", '192.0.2.1 192.0.2.2 /api/',
    'without lists');

# of the user: all its tokens together

$redis->used($other, uses => 5, first_used => 1690000000,
    last_used => 1745000000, addrs => '192.0.2.7 203.0.113.5',
    locations => '/api/ /bi/', refused => 1, refused_at => 1745000001);

$u = $st->json('user', 'show', $user);
is_deeply([@{ $u }{qw(tokens uses first_used last_used refused refused_at)}],
    [3, 17, 1690000000, 1750000000, 4, 1745000001], 'sums, first and last');
is(join(' ', sort @{ $u->{addrs} }), '192.0.2.1 192.0.2.7 203.0.113.5',
    'addresses, each once');
is(join(' ', sort @{ $u->{locations} }), '/api/ /bi/ /etl/', 'locations');

# more tokens than one batch has

$redis->listed_token(user => $user, name => "n$_") for 1 .. 600;
my $many = $redis->listed_token(user => $user, name => 'z',
    id => 'tok_zzzzzzzzzzzzzzzz');
$redis->used($many, uses => 1, last_used => 1760000000);
$u = $st->json('user', 'show', $user);
is("$u->{tokens} $u->{uses} $u->{last_used}", '604 18 1760000000',
    'in batches');

finish;


sub text {
    my ($code, $out) = $st->run(@_);
    return $out;
}
