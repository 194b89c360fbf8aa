use strict;
use warnings;

# conf/ is what people copy: it must be complete, and do what it says.

use Cwd ();
use JSON::PP ();
use lib 't/lib';
use Stok::Test;

my $command = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');

my $sample = slurp('conf/nginx.conf');

# every directive stands in it; nginx takes it, also with the defaults it names

for my $name (slurp('ngx_service_token_module/ngx_service_token_module.c')
              =~ /ngx_string\("(service_token\w*)"\)/g)
{
    like($sample, qr/^\s*#?$name\s/m, "$name stands in conf/nginx.conf");
}

# no location hands on what a client says of itself

for my $location ($sample =~ /^        location (.*?^        \})/msg) {
    my ($name) = $location =~ /^(.*?) \{/;
    like($location, qr/^ +include identity\.conf;$/m, "$name: identity.conf")
        if $location =~ /^ +\w+_pass\s/m;
}

unlike($sample, qr/^    (?:    )?proxy_set_header/m, 'nothing to inherit');

# what is left of the file is put in front of an application of ours

my ($http) = $sample =~ /^http \{\n(.*)^\}\n/ms;

# the harness has switched the log off for all servers

my ($log) = $http =~ /^    access_log build(.*\n)/m;
$http =~ s/^    access_log .*\n//m;
$http =~ s/^( +)(listen 127\.0\.0\.1:8080;\n)/$1$2$1access_log %%DIR%%$log/m;
$http =~ s/127\.0\.0\.1:8080/127.0.0.1:%%PORT%%/;
$http =~ s/127\.0\.0\.1:3000/127.0.0.1:%%PORT_1%%/;
$http =~ s/127\.0\.0\.1:8081/127.0.0.1:%%PORT_2%%/;

my $identity = Cwd::abs_path('conf/identity.conf');
$http =~ s/include identity\.conf;/include $identity;/g;

my $defaults = $http;

$defaults =~ s/^    #(service_token_(?:redis|prefix|roles|zone|cache_valid|lease|flush) [^;\n]*;)$/    $1/mg;
$defaults =~ s/^( +)#(service_token_(?:role|type|stale|status|throttle) [^;\n]*;)$/$1$2/mg;
$defaults =~ s/^ +service_token_role \$needed_role;\n//m;
$defaults =~ s/^ +service_token_status;\n//m;

like($defaults, qr/^ +service_token_type service personal;/m, 'defaults are on');

my ($rc, $output) = Stok::Nginx->conf_test($defaults);
is($rc, 0, 'the defaults are taken') or diag($output);

# the two users of conf/redis.acl, with passwords

my @users = slurp('conf/redis.acl') =~ /^user (.*)$/mg;
my $redis = Stok::Redis->start(options => [
    map { my @rule = split; ('--user', map { $_ eq 'off' ? ('on', '>secret')
                                                         : $_ } @rule) } @users
]);

$redis->user('robot@service', role => 'manager');
my $token = $redis->token(user => 'robot@service', id => 'tok_0123456789abcdef');

# the application shows what reaches it

$http =~ s/#service_token_redis 127[^;\n]*user=edge\s[^;]*;/
          service_token_redis %%REDIS%% user=edge password_file=%%DIR%%\/secret;/x;
$http .= <<'EOC';
server {
    listen 127.0.0.1:%%PORT_1%%;
    location / {
        set $who "$http_x_service_user $http_x_service_role";
        return 200 "$who $http_x_service_token [$http_authorization]";
    }
}
EOC

my $nginx = Stok::Nginx->start(http => $http, redis => $redis,
    files => { secret => "secret\n" });

my @forged = ('X-Service-User: root', 'X-Service-Role: admin',
    'X-Service-Token: tok_1');

is(body('/', token => $token, headers => \@forged),
    'robot@service manager tok_0123456789abcdef []',
    'identity is what was checked; the token stays here');
is(body('/health', headers => \@forged), '   []',
    'without a check there is no identity');
like($nginx->get('/', headers => \@forged), qr/^HTTP\S+ 401 /, 'no token');
like($nginx->get('/admin/', token => $token), qr/^HTTP\S+ 403 /, 'no admin');

# one object per line, whatever the request holds

like($nginx->get('/%22%5C%0a?access_token=query', token => "$token-x"),
    qr/^HTTP\S+ 401 /, 'an unknown token');

my ($allowed, $refused, $admin, $odd)
    = map { wait_for_line($_) } '^/$', '^/$', '^/admin/$', '\n';

is("@$allowed{qw(status verdict token user role)}",
    '200 ALLOWED tok_0123456789abcdef robot@service manager', 'who was let in');
is("@$refused{qw(status verdict token user)}", '401 MISSING  ', 'who was not');
is("@$admin{qw(status verdict token user)}",
    '403 ROLE tok_0123456789abcdef robot@service',
    'a refusal names token and user');
is("@$odd{qw(uri verdict)}", qq(/"\\\n UNKNOWN), 'strings are escaped');
unlike($nginx->read('access.log'), qr/access_token/, 'no query');

# the counters are shown

my $metrics = $nginx->get('/metrics', port => $nginx->port('PORT_2'));
like($metrics, qr/^service_token_requests_total\{verdict="ROLE".*\} 1$/m,
    '/metrics');
my $status = body_of($nginx->get('/status', port => $nginx->port('PORT_2')));
is(eval { JSON::PP::decode_json($status)->{requests}{MISSING}{NONE} }, 1,
    '/status');

# its user of Redis may do all that nginx does

ok(eval { wait_for('Last Used', sub {
    $redis->cli('ZSCORE', '{st}:last_used', 'tok_0123456789abcdef') }) },
    'edge writes Last Used');
is({ @{ $redis->cli('HGETALL', '{st}:usage:tok_0123456789abcdef') } }
    ->{last_location}, '/', 'edge writes usage');
ok(eval { wait_for('refusals', sub { $redis->cli('XLEN', '{st}:refusals') }) },
    'edge writes refusals');

my $uri = 'redis://service-token:secret@127.0.0.1:' . $redis->port;
my $waited = `$command --redis $uri token revoke tok_0123456789abcdef --wait 5s 2>&1`;

is($?, 0, 'a revocation is acknowledged') or diag($waited);
like($waited, qr/^1 of 1 nodes acknowledged/m, 'by this node');
like($nginx->get('/', token => $token), qr/^HTTP\S+ 401 /, 'and in force');
is(join("\n", grep { /NOPERM/ } split /\n/, $nginx->log), '',
    'edge lacks no permission');

# and no more

is(acl('service-token', 'HSET', '{st}:user:x', 'role', 'member'), '',
    'the command writes');
like(acl('service-token', @$_), qr/^NOPERM/, "service-token: no $_->[0]") for
    ['SET', 'other', 1], ['FLUSHALL'], ['CONFIG', 'GET', '*'], ['KEYS', '*'];

for my $words ('init', 'user create "Nightly Sync" --purpose p --owner o',
               'token create --user nightly_sync@service --name n --env testing',
               'token list', 'token list --user nightly_sync@service',
               'audit', 'audit verify',
               'user show nightly_sync@service',
               'review --fail-on unused', 'user revoke-all nightly_sync@service',
               'incident user nightly_sync@service')
{
    my $answer = `$command --redis $uri $words 2>&1`;
    is($?, 0, "the command may do its work: $words") or diag($answer);
}

finish();


sub body {
    my $answer = body_of($nginx->get(@_));
    $answer =~ s/^[0-9a-f]+\r\n(.*)\r\n0\r\n\r\n\z/$1/s;
    return $answer;
}

# one command of a user; the answer is the error, if there is one

sub acl {
    my ($user, @command) = @_;

    $redis->cli('AUTH', $user, 'secret');
    eval { $redis->cli(@command) };
    return $@;
}

# the first line of the log, not shown before, whose uri is like that

my %shown;

sub wait_for_line {
    my $re = shift;

    return wait_for("a line of $re", sub {
        my $n = 0;

        for my $line (split /\n/, $nginx->read('access.log')) {
            my $object = JSON::PP::decode_json($line);
            return $object if !$shown{ $n++ } && $object->{uri} =~ /$re/
                && ($shown{ $n - 1 } = 1);
        }
    });
}

sub slurp { Stok::Nginx::slurp($_[0]) // die "$_[0]: $!" }
