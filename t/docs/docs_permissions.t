# Each cell of the example in docs/permissions.md is what nginx answers with
# conf/nginx.conf, and every location of that file has a row.

use strict;
use warnings;
use lib 't/lib';
use Stok::Sample;
use Stok::Test;
use Stok::Upstream;

my $upstream = Stok::Upstream->start;
my $redis = Stok::Redis->start;
my %token;

for my $role (qw(member manager admin)) {
    $redis->user("$role\@service", role => $role);
    $token{$role} = $redis->token(user => "$role\@service");
}

$token{SCIM} = $redis->token(user => 'manager@service', scope => 'scim');
$redis->user('root@example.com', kind => 'human', role => 'admin');
$token{personal} = $redis->token(user => 'root@example.com', type => 'personal');

my $http = Stok::Sample::http($upstream->port);
my $nginx = Stok::Nginx->start(redis => $redis, http => $http);

my $page = Stok::Nginx::slurp('docs/permissions.md');
my ($table) = $page =~ /^## The matrix of.*?^(\|.*?)^\n/ms;
my ($head, undef, @rows) = map { [/\| *(.*?) *(?=\|)/g] } split /\n/, $table;
my %row;

is("@$head", 'location method none member manager admin SCIM personal', 'columns');

for (@rows) {
    my ($uri, $method, @answers) = map { tr/`//dr } @$_;
    $row{$uri} = 1;

    for my $i (0 .. $#answers) {
        my $who = $head->[$i + 2];
        my $r = $nginx->get($uri, method => $method, token => $token{$who});
        is(status_of($r), $answers[$i], "$method $uri: $who");
    }
}

my @locations = $http =~ /^ +location (?:= )?(\S+) \{(?=[^{}]*proxy_pass)/mg;
is(join(' ', sort keys %row), join(' ', sort @locations), 'every location');

finish;
