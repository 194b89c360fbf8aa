# Every bad directive value stops "nginx -t" with file and line.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $key = "dataset $Stok::Redis::dataset\n"
    . 'k1 ' . '0123456789abcdef' x 4 . "\n";

# name, http block, what is said, files: name => [content, mode, owner]
my @table = (
    ['redis: host', 'service_token_redis no.such.host.invalid:6379;',
        'host not found'],
    ['redis: port', 'service_token_redis 127.0.0.1:99999;', 'invalid port'],
    ['redis: uri', 'service_token_redis 127.0.0.1:6379/1;', 'invalid host|invalid'],
    ['redis: empty', 'service_token_redis "";', 'no host|invalid'],
    ['redis: unix', 'service_token_redis unix:;', 'no path'],
    ['redis: none', 'service_token_redis;', 'invalid number of arguments'],
    ['redis: word', 'service_token_redis 127.0.0.1 fast;',
        'invalid parameter "fast"'],
    ['redis: db', 'service_token_redis 127.0.0.1 db=x;', 'invalid parameter'],
    ['redis: db=-1', 'service_token_redis 127.0.0.1 db=-1;',
        'invalid parameter'],
    ['redis: timeout', 'service_token_redis 127.0.0.1 timeout=fast;',
        'invalid parameter "timeout=fast"'],
    ['redis: timeout=0', 'service_token_redis 127.0.0.1 timeout=0;',
        'invalid parameter'],
    ['redis: connect_timeout',
        'service_token_redis 127.0.0.1 connect_timeout=-1s;',
        'invalid parameter'],
    ['redis: user alone', 'service_token_redis 127.0.0.1 user=edge;',
        'needs "password_file="'],
    ['redis: password missing',
        'service_token_redis 127.0.0.1 password_file=%%DIR%%/none;',
        'none" failed .*No such file'],
    ['redis: password empty',
        'service_token_redis 127.0.0.1 password_file=%%DIR%%/empty;',
        'is empty', empty => ["\n", 0600]],
    ['redis: tls_ca alone', 'service_token_redis 127.0.0.1 tls_ca=x;',
        'need "tls"'],
    ['redis: tls_ca missing',
        'service_token_redis 127.0.0.1 tls tls_ca=%%DIR%%/none;',
        'No such file', undef, undef, 1],
    ['redis: tls_cert alone',
        'service_token_redis localhost tls tls_cert=x;', 'need each other'],
    ['redis: tls_key without tls',
        'service_token_redis 127.0.0.1 tls_key=x;', 'need "tls"'],
    ['redis: tls_cert missing',
        'service_token_redis 127.0.0.1 tls tls_cert=none tls_key=none;',
        'cannot load certificate', undef, undef, 1],
    ['redis: tls on a socket', 'service_token_redis unix:/tmp/x tls;',
        'needs "tls_name="'],
    ['redis twice',
        "service_token_redis 127.0.0.1;\nservice_token_redis 127.0.0.1;",
        'is duplicate'],
    ['prefix: empty', 'service_token_prefix "";', 'must not be empty'],
    ['prefix: blank', 'service_token_prefix "a b";', 'blank'],
    ['prefix: long', 'service_token_prefix ' . 'x' x 65 . ';', 'too long'],
    ['prefix twice', "service_token_prefix a;\nservice_token_prefix b;",
        'is duplicate'],
    ['key: missing', 'service_token_key_file %%DIR%%/none;', 'No such file'],
    ['key: folder', 'service_token_key_file %%DIR%%/html;',
        'is not a regular file'],
    ['key: loose', 'service_token_key_file %%DIR%%/key;',
        'mode 0640, and should be 0600', key => [$key, 0640]],
    ['key: readable by all', 'service_token_key_file %%DIR%%/key;',
        'mode 0604', key => [$key, 0604]],
    ['key: empty', 'service_token_key_file %%DIR%%/key;', 'no key',
        key => ['', 0600]],
    ['key: short', 'service_token_key_file %%DIR%%/key;',
        'line 3: .*64 hex', key => ["$key" . "k2 abc\n", 0600]],
    ['key: name twice', 'service_token_key_file %%DIR%%/key;',
        'line 3: a key of this name', key => [$key . $key =~ s/.*?\n//r, 0600]],
    ['key: dataset twice', 'service_token_key_file %%DIR%%/key;',
        'line 3: a dataset is named', key => ["$key$key", 0600]],
    ['key: no dataset', 'service_token_key_file %%DIR%%/key;',
        'names no dataset: run "service-token --key-file \S+/key init"',
        key => [$key =~ s/.*?\n//r, 0600]],
    # only root can make one

    $> ? () : (['key: of a stranger', 'service_token_key_file %%DIR%%/key;',
        'belongs to user 65534, and should belong to root',
        key => [$key, 0600, 65534]]),
    ['key twice', "service_token_key_file %%DIR%%/key;\n"
        . 'service_token_key_file %%DIR%%/key;', 'is duplicate',
        key => [$key, 0600]],
    ['roles: duplicate', 'service_token_roles a b a;', 'duplicate role "a"'],
    ['roles: bad', 'service_token_roles a "b c";', 'invalid role "b c"'],
    ['roles: none', 'service_token_roles;', 'invalid number'],
    ['roles: many', 'service_token_roles ' . join(' ', 1 .. 17) . ';',
        'too many roles'],
    ['roles twice', "service_token_roles a;\nservice_token_roles b;",
        'is duplicate'],
    ['realm: empty', 'service_token "";', 'empty realm'],
    ['realm: control', "service_token \"a\nb\";", 'control character'],
    ['realm: two', 'service_token a b;', 'invalid number'],
    ['realm twice', "service_token a;\nservice_token off;", 'is duplicate'],
    ['type: unknown', 'service_token_type robot;',
        'invalid token type "robot"'],
    ['type: twice', 'service_token_type service service;',
        'duplicate token type'],
    ['type: three', 'service_token_type service personal service;',
        'invalid number'],
    ['scope: bad', 'service_token_scope "a b";', 'invalid scope "a b"'],
    ['scope twice', "service_token_scope a;\nservice_token_scope b;",
        'is duplicate'],
    ['role: variable', 'service_token_role $no_such_variable;',
        'unknown "no_such_variable" variable', undef, undef, 1],
    ['role twice', "service_token_role a;\nservice_token_role b;",
        'is duplicate'],
);

for my $case (@table) {
    my ($name, $http, $says, $file, $content, $elsewhere) = @$case;

    my $before = defined $file ? sub {
        my $path = $_[0]->file($file, $content->[0], $content->[1]);
        chown $content->[2], -1, $path or die if defined $content->[2];
    } : undef;
    my ($code, $out) = Stok::Nginx->conf_test($http, before => $before);

    is($code, 1, "$name: refused");
    like($out, qr/\[emerg\].*(?:$says)/s, "$name: says why");
    like($out, qr/nginx\.conf:\d+/, "$name: says where") if !$elsewhere;
    unlike($out, qr/0123456789abcdef/, "$name: no key in it");
}

# what is known only when all is read still has its own line

my $server = <<'EOC';
    service_token_roles low high;
    server {
        location /a { service_token_role low; }
        location /b {
            service_token_role admin;
        }
    }
EOC

my ($code, $out) = Stok::Nginx->conf_test($server);
is($code, 1, 'role that is none of service_token_roles: refused');
like($out, qr/\[emerg\].*unknown role "admin"/, 'says which');
like($out, qr/nginx\.conf:(\d+)/ , 'says where');

my ($line) = $out =~ /nginx\.conf:(\d+)/;
($code, my $first) = Stok::Nginx->conf_test("service_token_roles;\n");
my ($start) = $first =~ /nginx\.conf:(\d+)/;
is($line - $start, 4, 'and it is the line of the directive');

# the wrong place

for my $directive ('redis 127.0.0.1', 'prefix x', 'roles a', 'key_file x') {
    ($code, $out) = Stok::Nginx->conf_test(
        "server { service_token_$directive; }");
    like($out, qr/not allowed here/, "$directive in a server");
}

# good ones

for my $good ('', 'service_token_redis localhost;',
    'service_token_redis [::1]:6380 db=3 timeout=1s connect_timeout=100ms;',
    'service_token_redis unix:/tmp/no-such.sock;',
    'service_token_redis 127.0.0.1 tls tls_name=redis.example;',
    'service_token_prefix "{other}:"; service_token_roles a b-c d_e;',
    'service_token api; service_token_role member;'
        . ' service_token_type personal; service_token_scope scim;')
{
    ($code, $out) = Stok::Nginx->conf_test($good);
    is($code, 0, "accepted: $good") or diag $out;
}

($code, $out) = Stok::Nginx->conf_test(
    'service_token_key_file %%DIR%%/key;',
    before => sub { $_[0]->file('key', "# comment\n\n$key", 0400) });
is($code, 0, 'accepted: a key file of mode 0400') or diag $out;

done_testing;
