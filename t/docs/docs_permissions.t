# Each cell of the example in docs/permissions.md is what nginx answers with
# conf/nginx.conf, and every location of that file has a row.  util/permissions
# makes the same rows.

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

# the rows as the program makes them; a location that is not a path is named

my $dir = File::Temp->newdir('stok-permissions-XXXXXX', TMPDIR => 1);
my @who = @$head[3 .. $#$head];

write_file("$dir/$_.header", "Authorization: Bearer $token{$_}\n") for @who;
write_file("$dir/conf", "$http\nlocation ~ \\.php\$ {\nlocation \@inside {\n");

my $url = 'http://127.0.0.1:' . $nginx->port;
my $made = program(join ' ', 'METHODS="GET POST DELETE"', 'util/permissions', $url,
    map { "$dir/$_.header" } @who);

is($?, 0, 'util/permissions');
is((split /\n/, $made)[0], (split /\n/, $table)[0], 'the same columns');
like($made, qr/^\Q$_\E$/m, $_) for grep { /^\| `/ } split /\n/, $table;
like(Stok::Nginx::slurp("$dir/err"), qr/\Apermissions: location ~ \\\.php\$: fill it in by hand\n\z/,
    'an expression is named');
unlike($made, qr/php|inside/, 'and has no row');

$nginx->stop;
program("util/permissions $url $dir/member.header");
isnt($?, 0, 'nobody answers');

finish;


sub program { my $command = shift; `$command 2>$dir/err <$dir/conf` }

sub write_file {
    my ($path, $text) = @_;
    open my $fh, '>', $path or die "$path: $!";
    print $fh $text;
    close $fh;
}
