# The manual page, the README and docs/command.md say what the command's own help
# says: verbs, options, exit codes, variables.
#
#     STOK_GOLDEN=write prove t/cli/cli_docs.t      writes the copies anew

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $page = 'build/service-token.1';
my $st = Stok::Command->new(undef);
my ($code, $help) = $st->run('help');
is($code, 0, 'help');

my ($verbs, $globals, $exits) = $help
    =~ /^(Dataset\n.*?)\n^Options for every verb\n(.*?)\n\nExit codes\n(.*?)\n\n/ms;
my @verbs = grep { $_ ne 'help' } $verbs =~ /^  ([a-z-]+(?: [a-z-]+)?)  /mg;
my @globals = $globals =~ /^  (?:-\w, )?--([\w-]+)/mg;
my @variables = $globals =~ /(SERVICE_TOKEN_\w+)/g;
my %exits = map { s/\n +/ /g; /(\d+)  (.*)/s } $exits =~ /^  (\d+  .*(?:\n     .*)*)/mg;

cmp_ok(@verbs, '>=', 38, 'verbs');
is(join(' ', sort keys %exits), '0 1 2 3 4', 'exit codes');

# copies

my $table = join '', "| code | meaning |\n|---|---|\n",
    map { "| $_ | $exits{$_} |\n" } sort keys %exits;
my $list = $verbs =~ s/^(?=.)/    /gmr;

copied('README.md', qr/^\| code \| meaning \|\n(?:\|.*\n)*/m, $table,
    'the exit codes');
copied('docs/command.md', qr/^\| code \| meaning \|\n(?:\|.*\n)*/m, $table,
    'the exit codes');
copied('docs/command.md', qr/^    Dataset\n(?:\n|    .*\n)*?(?=^\n\S)/m, $list,
    'the verbs');

# the manual page

my $man = read_file($page) =~ s/\\f[BIR]//gr =~ s/\\-/-/gr =~ s/\\~/ /gr;

for my $verb (@verbs) {
    my ($entry) = $man =~ /^\.SS "\Q$verb\E"\n(.*?)^(?=\.S[SH])/ms;
    ok(defined $entry, "$verb: in the manual page");

    my ($usage) = ($st->run('help', split / /, $verb))[1]
        =~ /^usage: (.*?)\n\n/ms;
    $usage =~ s/\s+/ /g;
    like($entry // '', qr/^\Q$usage\E$/m, 'its usage');

    for my $option ($usage =~ /--([\w-]+)/g) {
        like($entry // '', qr/^\.TP\n(?:-\w, )?--$option(?: |$)/m, "--$option");
    }
}

like($man, qr/^\.TP\n(?:-\w, )?--$_(?: |$)/m, "--$_") for @globals;
like($man, qr/^\.TP\n\.B $_$/m, $_) for @variables;
like($man, qr/^\.TP\n\.B $_\n\Q$exits{$_}\E$/m, "exit code $_") for sort keys %exits;
unlike($man, qr/^\.SS "(?:man|complete)"/m, 'what is hidden is not in it');

my $reference = read_file('docs/command.md');
ok(index($reference, $_) >= 0, "$_: in docs/command.md") for @variables;

is(warnings_of('groff', '-man', '-Tutf8', '-ww', '-z', $page), '',
    'groff has no warning');
is(warnings_of('man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', $page),
    '', 'nor has man');

my $root = File::Temp->newdir;
system "make -s install DESTDIR=$root > /dev/null";
is(read_file("$root/usr/share/man/man1/service-token.1"), read_file($page),
    'the page is installed');

finish;


# a part of a file is what it has to be

sub copied {
    my ($path, $where, $want, $name) = @_;

    my $text = read_file($path);
    my ($has) = $text =~ /($where)/;

    if (($ENV{STOK_GOLDEN} // '') eq 'write' && defined $has) {
        $text =~ s/$where/$want/;
        open my $file, '>', $path or die;
        print $file $text;
        close $file;
        $has = $want;
    }

    is($has, $want, "$path: $name");
}

# what a program says on standard error

sub warnings_of {
    my @command = @_;

    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', "$st->{dir}/warnings";
        exec @command or POSIX::_exit(127);
    }

    waitpid $pid, 0;
    return ($? ? "exit $? " : '') . read_file("$st->{dir}/warnings");
}

sub read_file { Stok::Command::slurp(shift) }
