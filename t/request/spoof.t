# The application gets the identity that was checked, whatever a client sends
# under the same names; conf/nginx.conf as it is, and with nginx's protection
# of header names switched off.

use strict;
use warnings;
use lib 't/lib';
use Stok::Sample;
use Stok::Test;
use Stok::Upstream;

my $upstream = Stok::Upstream->start;
my $redis = Stok::Redis->start;
$redis->user('robot@service', role => 'manager');
my $token = $redis->token(user => 'robot@service', id => 'tok_real');

my @names = qw(X-Service-User X-Service-Role X-Service-Token);
my $real = 'robot@service manager tok_real';

# how a name may look; what an application may take for the same
my @variants = (
    ['as it is', sub { $_[0] }],
    ['lower case', sub { lc $_[0] }],
    ['upper case', sub { uc $_[0] }],
    ['twice', sub { ($_[0], $_[0]) }],
    ['case and twice', sub { ($_[0], lc $_[0], uc $_[0]) }],
    ['underscores', sub { $_[0] =~ tr/-/_/r }],
    ['one underscore', sub { $_[0] =~ s/-/_/r }],
    ['the other underscore', sub { $_[0] =~ s/(.*)-/$1_/r }],
    ['dots', sub { $_[0] =~ tr/-/./r }],
    ['dot and underscore', sub { $_[0] =~ s/-/./r =~ tr/-/_/r }],
    ['lower underscores', sub { lc($_[0]) =~ tr/-/_/r }],
);

# both switches: which variants an application may take for the real ones
my @switches = (
    ['off', 'on', qr/^$/],
    ['on', 'on', qr/^(?:lower underscores|underscores|one underscore|the other underscore)$/],
    ['off', 'off', qr/underscore|dot/],
    ['on', 'off', qr/underscore|dot/],
);

for my $switch (@switches) {
    my ($underscores, $ignore, $open) = @$switch;
    my $what = "underscores_in_headers $underscores, "
        . "ignore_invalid_headers $ignore";

    my $http = Stok::Sample::http($upstream->port);

    # as in the file, or changed

    ok($http =~ s/underscores_in_headers \Koff;/$underscores;/
        && $http =~ s/ignore_invalid_headers \Kon;/$ignore;/,
        "$what: the sample says it");

    my $nginx = Stok::Nginx->start(http => $http, redis => $redis);

    for my $get ('get', 'get2') {
        my $port = $nginx->port($get eq 'get' ? 'PORT' : 'PORT_H2');

        for my $variant (@variants) {
            my ($name, $make) = @$variant;
            my @forged = map { map { "$_: forged" } $make->($_) } @names;

            my $r = $nginx->$get('/', port => $port, token => $token,
                headers => \@forged);

            is(identity(body_of($r)), $real, "$what: $name ($get)");
            $name =~ $open
                ? like(loose(body_of($r)), qr/forged/, 'and is passed on')
                : unlike(body_of($r), qr/forged/, 'and nothing else');

            # without a check: nobody

            $r = $nginx->$get('/health', port => $port, headers => \@forged);
            is(identity(body_of($r)), '  ', "$what: $name, not checked ($get)");
            unlike(body_of($r), qr/forged/, 'and nothing else')
                if $name !~ $open;
        }
    }

    like($nginx->get('/'), qr/^HTTP\S+ 401 /, "$what: no token");
}

# in every location of the sample, also where one got a header of its own

my $http = Stok::Sample::http($upstream->port)
    =~ s/(?=proxy_pass )/proxy_set_header X-Other "other"; /gr;
my @locations = $http =~ /^ +location (?:= )?(\S+) \{(?=[^{}]*proxy_pass)/mg;

is("@locations", '/ /admin/ /scim/ /health', 'its locations with proxy_pass');

$redis->user('root@service', role => 'admin');
my %bearer = (
    '/' => $token,
    '/admin/' => $redis->token(user => 'root@service', id => 'tok_admin'),
    '/scim/' => $redis->token(user => 'robot@service', id => 'tok_scim',
        scope => 'scim'),
);
my %identity = ('/' => $real, '/admin/' => 'root@service admin tok_admin',
    '/scim/' => 'robot@service manager tok_scim', '/health' => '  ');
my $all = Stok::Nginx->start(http => $http, redis => $redis);

for my $uri (@locations) {
    my $r = $all->get($uri, token => $bearer{$uri}, headers => [
        (map { ("$_: forged", lc "$_: forged") } @names,
            qw(X-Forwarded-For X-Forwarded-Host X-Real-IP Forwarded)),
        'X-Forwarded-Proto: forged' ]);

    is(status_of($r), 200, "$uri: let in");
    is(identity(body_of($r)), $identity{$uri}, 'as who was checked');
    like(body_of($r), qr/^X-Other: other/m, 'with a header of its own');
    like(body_of($r), qr/^X-Forwarded-For: 127\.0\.0\.1\r?$/m, 'the address');
    unlike(body_of($r), qr/forged/, 'and nothing of what was forged');
}

# other ways to say the same to the application

my $nginx = $Stok::Nginx::running[0];

for my $case (
    ['hop by hop', "Connection: X-Service-User, close\r\n"],
    ['a folded line', "X-Other: x\r\n X-Service-User: forged\r\n"],
    ['a blank in front', " X-Service-User: forged\r\n"],
    ['a blank before the colon', "X-Service-User : forged\r\n"],
    ['a tab before the colon', "X-Service-User\t: forged\r\n"],
    ['a bare CR', "X-Other: x\rX-Service-User: forged\r\n"],
    ['a bare LF', "X-Other: x\nX-Service-User: forged\r\n"],
    ['a NUL', "X-Service-User\0: forged\r\n"],
    ['8-bit', "X-Service\xadUser: forged\r\n"],
    ['a trailer', "Transfer-Encoding: chunked\r\nTrailer: X-Service-User\r\n",
        "1\r\nx\r\n0\r\nX-Service-User: forged\r\n\r\n"],
    ['a request in a body', "Content-Length: 44\r\n",
        "GET / HTTP/1.1\r\nX-Service-User: forged\r\n\r\n12"],
    ['two lengths', "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "0\r\n\r\nGET / HTTP/1.1\r\nX-Service-User: forged\r\n\r\n"],
) {
    my ($name, $lines, $body) = @$case;
    my $r = $nginx->raw("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        . "Authorization: Bearer $token\r\n$lines\r\n" . ($body // ''));

    if (status_of($r) == 400) {
        pass("$name: refused");
        next;
    }

    is(status_of($r), 200, "$name: let in");
    is(identity(body_of($r)), $real, "$name: as who it is");
    unlike(loose(body_of($r)), qr/x-service-\w+: forged/, "$name: nothing else");
}

# the token stays here, in whatever shape it is presented

for my $header ("authorization: bearer $token", "AUTHORIZATION: Bearer $token",
    "Authorization:    Bearer     $token")
{
    my $r = $nginx->get('/', headers => [$header]);

    is(identity(body_of($r)), $real, 'let in');
    unlike(body_of($r), qr/\Q$token/, 'the application gets no token');
    unlike(body_of($r), qr/authorization/i, 'and no Authorization');
}

unlike($upstream->log, qr/\Q$token/, 'it never did');

finish;


# the headers by their very names; each at most once

sub identity {
    my $body = shift;
    return join ' ', map { join ' | ', $body =~ /^$_: (.*?)\r?$/mig } @names;
}

# as an application reads them that takes _ and . for -

sub loose { join "\n", map { s/^([^:]*)/lc($1) =~ tr,_.,--,r/er }
    split /\r?\n/, $_[0] }
