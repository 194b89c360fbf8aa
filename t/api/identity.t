# Identity comes from nginx's parameters alone, from all of them, and from
# nginx alone.

use strict;
use warnings;
use lib 't/lib';
use IO::Socket::UNIX;
use Stok::Api;
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start;
my $command = Stok::Command->new($redis);

$command->run('init');

my %token = map { $_ => person($_, $_) } qw(member admin);

my $api = Stok::Api->start(redis => $redis);

my @names = qw(CONTENT_LENGTH SCGI REQUEST_METHOD REQUEST_URI CONTENT_TYPE
    ACCEPT IF_MATCH PREFER IDEMPOTENCY_KEY ORIGIN SEC_FETCH_SITE HOST SCHEME
    REMOTE_ADDR REQUEST_ID SERVICE_TOKEN_ID SERVICE_TOKEN_USER ST_AUTH);

my $id = (token_of('admin'))[0]{id};

my %good = (CONTENT_LENGTH => 0, SCGI => 1, REQUEST_METHOD => 'GET',
    REQUEST_URI => '/api/users', REMOTE_ADDR => '127.0.0.1',
    REQUEST_ID => 'r1', SERVICE_TOKEN_ID => $id,
    SERVICE_TOKEN_USER => 'admin@example.com', ST_AUTH => 'token');

like(scgi(\%good), qr/^Status: 200 /, 'the whole set');

# one is missing, is sent twice, is another one, or is one more

for my $name (grep { $_ ne 'CONTENT_LENGTH' } @names) {
    like(scgi(\%good, without => $name), qr/^Status: 500 /, "$name is missing");
    like(scgi(\%good, twice => $name), qr/^Status: 500 /, "$name is sent twice");
}

like(scgi(\%good, more => 'HTTP_X_USER'), qr/^Status: 500 /, 'one more');
like($api->log, qr/the edge sent no identity/, 'and a line in the log');

# identity that is not whole

like(scgi({ %good, @$_[1 .. $#$_] }), qr/^Status: 500 /, $$_[0]) for
    ['a token without a user', SERVICE_TOKEN_USER => ''],
    ['a user without a token', SERVICE_TOKEN_ID => ''],
    ['nobody, but both', ST_AUTH => 'none'],
    ['another word', ST_AUTH => 'yes'],
    ['an empty word', ST_AUTH => ''];

like(scgi({ %good, @$_[1 .. $#$_] }), qr/^Status: 403 /, $$_[0]) for
    ['a token of another user', SERVICE_TOKEN_USER => 'member@example.com'],
    ['a token that is not there', SERVICE_TOKEN_ID => 'tok_0000000000000000'],
    ['a user who is not there', SERVICE_TOKEN_USER => 'x@example.com'];

# input that is not SCGI

like(raw($_->[1]), qr/^(?:Status: 500 |$)/, $_->[0]) for
    ['HTTP', "GET / HTTP/1.1\r\n\r\n"], ['no length', ':,'],
    ['a length of zero', '0:,'], ['a long length', '999999999999:'],
    ['no comma', "20:CONTENT_LENGTH\0" . "0\0X\0;"],
    ['a name without a value', "5:SCGI\0,"];

# one role is taken away, and it is in force at once, whatever nginx still has

is(($api->call(GET => '/api/users/admin@example.com', token => $token{admin}))[0],
    200, 'an admin');
$command->run('user', 'set-role', 'admin@example.com', 'member');
like(scgi(\%good), qr/^Status: 403 /, 'who is a member now');
$command->run('user', 'set-role', 'admin@example.com', 'admin');
$command->run('user', 'disable', 'admin@example.com');
like(scgi(\%good), qr/^Status: 403 /, 'who is disabled now');
$command->run('user', 'enable', 'admin@example.com');
$command->run('token', 'revoke', $id);
like(scgi(\%good), qr/^Status: 403 /, 'whose token is revoked now');
$command->run('token', 'restore', $id);
like(scgi(\%good), qr/^Status: 200 /, 'and who is an admin again');

# every parameter as a header, in each way of writing it

my @forged = map { ("$_: x", ($_ =~ tr/_/-/r) . ': x') } @names;
my ($status, $json) = $api->call(GET => '/api/token', token => $token{member},
    headers => [grep { !/^(?:CONTENT.LENGTH|HOST):/i } @forged,
        'Service-Token-User: admin@example.com', 'ST-AUTH: none']);

is($json->{user}, 'member@example.com', 'headers name nobody');

finish;


sub person {
    my ($name, $role) = @_;
    $command->run('user', 'create', "$name\@example.com", '--human', '--role', $role);
    my ($code, $out) = $command->run('token', 'create', '--user',
        "$name\@example.com", '--name', 'console', '--env', 'production');
    return $out =~ s/\s+$//r;
}

sub token_of { @{ $command->json('token', 'list', '--user', "$_[0]\@example.com") } }

sub scgi {
    my ($params, %opt) = @_;
    my $head = '';

    for my $name (@names) {
        next if $name eq ($opt{without} // '');
        $head .= "$name\0" . ($params->{$name} // '') . "\0"
            for 1 .. ($name eq ($opt{twice} // '') ? 2 : 1);
    }

    $head .= "$opt{more}\0x\0" if $opt{more};

    return raw(length($head) . ":$head,");
}

sub raw {
    my $text = shift;
    my $sock = IO::Socket::UNIX->new(Peer => "$api->{dir}/control.sock")
        or die "connect: $!";
    local $SIG{PIPE} = 'IGNORE';
    print $sock $text;
    $sock->flush;
    shutdown $sock, 1;
    local $/;
    return scalar(<$sock>) // '';
}
