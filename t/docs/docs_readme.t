# The README's commands and its example, as they are printed: the packages that
# it names, the verbs of its table against a real Redis, its configuration.
# t/docs/quickstart.t runs the quickstart.

use strict;
use warnings;
use lib 't/lib';

use Stok::Command;
use Stok::Test;

my $readme = Stok::Nginx::slurp('README.md');
my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);

cmp_ok($readme =~ tr/\n//, '<', 250, 'ten minutes to read');

# building

my ($packages) = $readme =~ /^    apt-get install (.*)$/m;
my %needed = map { $_ => 1 } Stok::Nginx::slurp('util/packages')
    =~ /^build +(\S+)$/mg;
delete $needed{'libc6-dev'};                        # gcc recommends it
is(join(' ', sort split / /, $packages // ''), join(' ', sort keys %needed),
    'the packages that a build needs');

is(system("make -n $_ > $st->{dir}/make 2>&1"), 0, "make $_")
    for 'all', 'help', 'install';

# the example is that of the page which a test follows

my @locations = map { s/\s+/ /gr } $readme =~ /^ {4}(location .*?^ {4}\})/msg;
my $page = Stok::Nginx::slurp('docs/getting-started.md') =~ s/\s+/ /gr;

is(scalar @locations, 2, 'two locations');
ok(index($page, $_) >= 0, 'getting-started.md has ' . substr $_, 0, 20)
    for @locations;

# the table of operations, row by row

my ($table) = $readme =~ /^\| you want to \| run \|\n(.*?)\n\n/ms;
my @commands = map { /`service-token ([^`]*)`/g } split /\n/, $table;
my ($id, $token);

cmp_ok(@commands, '>=', 13, 'commands');
mkdir "$st->{dir}/tree";

for my $command (@commands) {
    my $file = "$st->{dir}/dump";
    my @args = $command =~ /"[^"]*"|\S+/g;
    my %value = (ID => $id, TEXT => 'text', FILE => $file,
        PATH => "$st->{dir}/tree");

    @args = map { $value{$_} // s/"//gr } @args;

    # so that what comes back is not there yet

    $redis->cli('FLUSHALL'), $st->run('init') if $command =~ /^import/;

    my ($code, $out, $err) = $st->input($command =~ / -$/ ? $token : '',
        @args);
    is($code, 0, "service-token $command") or diag($err);

    if ($command =~ /^token create/) {
        chomp($token = $out);
        $id = Stok::Command::made($err);
    }
}

finish;
