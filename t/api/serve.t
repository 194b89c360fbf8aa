# The API from end to end: nginx with conf/control.conf and the daemon.

use strict;
use warnings;
use lib 't/lib';
use Stok::Api;
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start;
my $command = Stok::Command->new($redis);

$command->run('init');

my %token;

for my $name (qw(member manager admin)) {
    $command->run('user', 'create', "$name\@example.com", '--human', '--role', $name);
    $token{$name} = (($command->run('token', 'create', '--user',
        "$name\@example.com", '--name', 'console', '--env', 'production'))[1]
        =~ s/\s+$//r);
}

my $api = Stok::Api->start(redis => $redis);

my ($status, $json, $head) = $api->call(GET => '/api/meta', token => $token{member});
is($status, 200, 'meta: for everybody') or diag $api->log, $api->nginx->log;
is($json->{you}{user}, 'member@example.com', 'meta: who asks');

($status, $json) = $api->call(GET => '/api/users', token => $token{member});
is($status, 403, 'users: not for a member');
is($json->{type}, 'urn:service-token:not-allowed', 'a problem with its type');

($status, $json) = $api->call(GET => '/api/users', token => $token{manager});
is($status, 200, 'users: for a manager');
is(scalar @{ $json->{items} }, 3, 'all of them');

my %new = (name => 'Pipeline Automation', purpose => 'loads', owner => 'data',
    role => 'member');

is(($api->call(POST => '/api/users', token => $token{manager}, json => \%new))[0],
    403, 'a manager makes no users');

($status, $json, $head) = $api->call(POST => '/api/users', token => $token{admin}, json => \%new);
is($status, 201, 'an admin does') or diag explain $json;
my $user = $json->{id};
like($head, qr{^Location: /api/users/\Q$user\E\r?$}m, 'and is told where it is');

($status, $json) = $api->call(POST => '/api/tokens', token => $token{admin},
    json => { user => $user, name => 'production-loader', env => 'production',
        expires_in_days => 30 });
is($status, 201, 'a token is made') or diag explain $json;
my ($id, $plain) = @$json{qw(id token)};
is(($api->call(GET => '/api/token', token => $plain))[0], 200, 'it lets in');

($status, $json, $head) = $api->call(GET => "/api/tokens/$id", token => $token{manager});
is_deeply($json, $command->json('token', 'show', $id), 'as the command shows it');

my ($etag) = $head =~ /^ETag: (\S+)\r?$/m;
is(($api->call(POST => "/api/tokens/$id/revoke", token => $token{admin},
    headers => ['If-Match: "0000000000000000"']))[0], 412, 'another revision');
($status, $json) = $api->call(POST => "/api/tokens/$id/revoke?wait=5s", token => $token{admin},
    headers => ["If-Match: $etag"]);
is($status, 200, 'revoked') or diag explain $json;
is_deeply($json->{wait}{missing}, [], 'in force at each node');
is(($api->call(GET => '/api/token', token => $plain))[0], 401, 'it lets nobody in');

finish;
