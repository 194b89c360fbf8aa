# Records that cannot be read: 503, one WARN line, never let in, no crash.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;
$redis->user('user@service');

# A worker writes one line per second about all bad records together: some of
# them take turns, so that not each case has to wait for the next second.

my @nginx = map { Stok::Nginx->start(redis => $redis, http => <<'EOC') } 1 .. 8;
    service_token_redis %%REDIS%%;
    service_token_cache_valid 0;
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Status $service_token_status always;
        service_token api;
    }
EOC

my $nginx = $nginx[0];
my $n = 0;
my $long = 'x' x 100_000;

# name, the token's fields, what the log says
for my $case (
    ['no user', { user => undef }, 'no field'],
    ['no status', { status => undef }, 'no field'],
    ['no type', { type => undef }, 'no field'],
    ['no expires_at', { expires_at => undef }, 'no field'],
    ['no name', { name => undef }, 'no field'],
    ['unknown field', { not_before => 5 }, 'unknown'],
    ['unknown status', { status => 'frozen' }, 'status'],
    ['status in capitals', { status => 'ACTIVE' }, 'status'],
    ['unknown type', { type => 'robot' }, 'type'],
    ['empty status', { status => '' }, 'status'],
    ['letters in a date', { expires_at => '1e9' }, 'expires_at'],
    ['negative date', { expires_at => -1 }, 'expires_at'],
    ['blank in a date', { expires_at => ' 1' }, 'expires_at'],
    ['empty date', { expires_at => '' }, 'expires_at'],
    ['huge date', { expires_at => '9' x 30 }, 'expires_at'],
    ['created_at', { created_at => 'today' }, 'created_at'],
    ['line feed in the name', { name => "a\r\nX-Evil: 1" }, 'name'],
    ['not UTF-8', { name => "\xff" }, 'name'],
    ['long name', { name => 'x' x 256 }, 'name'],
    ['very long name', { name => $long }, 'name'],
    ['1 MB name', { name => $long x 10 }, 'name'],
    ['blank in the user', { user => 'a b' }, 'user'],
    ['long user', { user => 'u' x 300 }, 'user'],
    ['bad scope', { scope => 'a b' }, 'scope'],
    ['long env', { env => 'x' x 2000 }, 'env'],
) {
    my ($name, $fields, $why) = @$case;
    my $id = sprintf 'tok_case%08d', ++$n;
    my $token = $redis->token(user => 'user@service', id => $id, %$fields);

    refused($name, $token, $id, $why);
}

# the id itself cannot be read: 8 hex digits of the digest stand for it

for my $id (undef, '', 'a b', 'x' x 65) {
    my $token = $redis->token(user => 'user@service', id => $id);
    refused('bad id', $token, substr($redis->digest($token), 0, 8), '.');
}

my $many = $redis->token(user => 'user@service',
    map { ("field$_" => 1) } 1 .. 200);
refused('many fields', $many, substr($redis->digest($many), 0, 8),
    'too many');

# a key of another type

for my $type (qw(string list set)) {
    my $token = $redis->token(user => 'user@service');
    my $key = $redis->token_key($token);

    $redis->cli('DEL', $key);
    $redis->cli($type eq 'string' ? 'SET' : $type eq 'list' ? 'RPUSH' : 'SADD',
        $key, 'x');

    refused("a $type", $token, substr($redis->digest($token), 0, 8), '.');
}

# a user's record

for my $case (
    ['no role', { role => undef }, 'no field'],
    ['no kind', { kind => undef }, 'no field'],
    ['no status', { status => undef }, 'no field'],
    ['unknown status', { status => 'on' }, 'status'],
    ['unknown kind', { kind => 'cat' }, 'kind'],
    ['unknown field', { suspended => 1 }, 'unknown'],
    ['role of none', { role => 'emperor' }, 'role'],
    ['bad role', { role => 'a b' }, 'role'],
    ['long purpose', { purpose => 'x' x 5000 }, 'purpose'],
) {
    my ($name, $fields, $why) = @$case;
    my $id = sprintf 'tok_user%08d', ++$n;
    my $user = $redis->user("u$n\@service", %$fields);
    my $token = $redis->token(user => $user, id => $id);

    refused("user: $name", $token, $id, $why);
}

# one record that is asked for again and again

my $odd = $redis->token(user => 'user@service', id => 'tok_oddoddoddoddoddo',
    status => 'odd');
my $from = time;
wait_for('two seconds', sub { $nginx->get('/', token => $odd);
    time >= $from + 2 });
my $told = () = $nginx->log =~ /\[warn\].*token tok_oddoddoddoddoddo\b/g;
cmp_ok($told, '>=', 1, 'told');
cmp_ok($told, '<=', 2 + time - $from, 'not more than once a second');

# the dataset's marker

my $token = $redis->token(user => 'user@service');
is(status_of($nginx->get('/', token => $token)), 200, 'all is well');

$redis->cli('DEL', $redis->key('meta'));
is(word($nginx->get('/', token => $token)), '503 UNAVAILABLE', 'no marker');
is(word($nginx->get('/', token => 'unknown')), '503 UNAVAILABLE',
    'an unknown token without a marker');
$redis->cli('HSET', $redis->key('meta'), 'schema', 1);
is(word($nginx->get('/', token => $token)), '503 UNAVAILABLE',
    'another schema');
$redis->init;
is(word($nginx->get('/', token => $token)), '200 ALLOWED', 'the marker is back');
is(scalar(() = $nginx->log =~ /\[error\].*no dataset/g), 1,
    'said once for the change of state');
is(scalar(() = $nginx->log =~ /\[error\].*has schema 1; this version needs schema 2/g),
    1, 'and which schema it is');

$redis->cli('FLUSHALL');
is(word($nginx->get('/', token => $token)), '503 UNAVAILABLE', 'emptied');
$redis->init;

# Two bad records in turn had a line for each request, when there was a line a
# second of each record that is not the last one's.

my @bad = map { $redis->token(id => "tok_turn$_", status => 'odd') } 1, 2;
my ($lines, $began) = (unreadable(), time);

wait_for('two seconds', sub {
    $nginx->get('/', token => $_) for @bad;
    time >= $began + 2;
});
my $said = unreadable() - $lines;

ok($said >= 1 && $said <= time - $began + 1, "two bad ones: $said lines");
like($nginx->log, qr/unreadable token record of token tok_turn\d: .* \(and \d+ others\)/,
    'with the number of the others');

finish;


sub word { status_of($_[0]) . ' ' . header_of($_[0], 'X-Status') }

sub unreadable { scalar(() = $nginx->log =~ /\[warn\].*unreadable/g) }

sub refused {
    my ($name, $token, $label, $why) = @_;

    push @nginx, shift @nginx;
    $nginx = $nginx[0];

    my $r = $nginx->get('/', token => $token);

    is(word($r), '503 UNAVAILABLE', "$name: refused");
    like(header_of($r, 'Retry-After'), qr/^\d+$/, "$name: when to retry");
    is(scalar(header_of($r, 'WWW-Authenticate')), '', "$name: no challenge");

    wait_for("$name: a line", sub { $nginx->get('/', token => $token);
        $nginx->log =~ /\[warn\].*token \Q$label\E\b/ });

    my @lines = grep { /\[warn\].*token \Q$label\E\b/ } split /\n/, $nginx->log;
    like($lines[0] // '', qr/unreadable .*: .*(?:$why)/, "$name: says why");
}
