# Each verb and option that --help shows is in the manual page and in
# docs/command.md, and bash completes it; the page is without a warning.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $st = Stok::Command->new(undef);
my ($code, $help) = $st->run('--help');
is($code, 0, '--help');

my $man = read_file('man/service-token.1') =~ s/\\f[BIR]//gr =~ s/\\-/-/gr
    =~ s/["\[\]|,]/ /gr =~ s/ +/ /gr;
my $reference = read_file('docs/command.md');
my %words = map { $_ => 1 } $reference =~ /[\w-]+/g;
my ($sections, $globals) = $help =~ /\n\n(\w.*?)^Options for every verb\n(.*?)\n\n/ms;
my @verbs = grep { $_ ne 'help' } $sections =~ /^  ([a-z-]+(?: [a-z-]+)?)  /mg;
my @globals = grep { $_ !~ /help|version/ } $globals =~ /^  (--[\w-]+)/mg;

cmp_ok(@verbs, '>=', 33, 'verbs');

for my $verb (@verbs) {
    my ($help_code, $out, $err) = $st->run('help', split / /, $verb);
    is("$help_code $err", '0 ', "help $verb");

    my ($usage) = $out =~ /^(usage: .*?)\n\n/ms;
    my @options = grep { !/secret-name|namespace|server/ }
        $usage =~ /(--[\w-]+)/g;

    # the entry of this verb, up to the next one

    my ($page) = $man =~ /^\.TP\n\.(?:B|BR|BI|RB) \Q$verb\E(?![\w-])(.*?)^\.(?:TP|SS|SH)/ms;
    ok(defined $page, "$verb: in the manual page");
    ok(!(grep { !$words{$_} } split / /, $verb), 'in docs/command.md');

    for my $option (@options) {
        like($page // '', qr/(?:^|\s)$option(?![\w-])/, "$verb $option");
        ok(index($reference, $option) >= 0, 'in docs/command.md');
    }

    # bash offers the verb, and no other options than these

    my @at = split / /, $verb;
    my $last = pop @at;
    ok((grep { $_ eq $last } complete(@at, substr $last, 0, 2)), 'completed');
    is(join(' ', sort grep { my $o = $_; !grep { $_ eq $o } @globals, '--help' }
        complete(split(/ /, $verb), '--')), join(' ', sort @options),
        'and its options');
}

for my $option (@globals, '--help') {
    like($man, qr/^\.(?:B|BI) \Q$option\E(?: |$)/m, "$option: in the manual page");
    ok((grep { $_ eq $option } complete('--')), 'completed');
}

for my $name ('REDIS', 'KEY_FILE', 'PREFIX', 'ROLES', 'ACTOR') {
    like($man, qr/SERVICE_TOKEN_$name/, "SERVICE_TOKEN_$name");
    ok(index($reference, "SERVICE_TOKEN_$name") >= 0, 'in docs/command.md');
}

# values, files, and words behind options of other words

is("@{[complete('token', 'create', '--env', 's')]}", 'staging', 'an environment');
is("@{[complete('--prefix', 'user', 'token', 'sh')]}", 'show',
    'the value of an option is no verb');
is("@{[complete('--json', 'fs')]}", 'fsck', 'a flag has none');
is("@{[complete('import', 'man/se')]}", 'man/service-token.1', 'a file');
is("@{[complete('token', 'show', '')]}", '', 'ids are not known');

# the page

is(warnings_of('groff', '-man', '-Tutf8', '-ww', '-z', 'man/service-token.1'),
    '', 'groff has no warning');
is(warnings_of('man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z',
    'man/service-token.1'), '', 'nor has man');

my $root = File::Temp->newdir;
system "make -s install DESTDIR=$root > /dev/null";
ok(-e "$root/usr/share/man/man1/service-token.1", 'the page is installed');
ok(-e "$root/usr/share/bash-completion/completions/service-token",
    'and the completion');

finish;


# what bash offers for the last of these words

sub complete {
    my @words = ('service-token', @_);

    open my $bash, '-|', 'bash', '--norc', '-c', 'source '
        . 'completion/service-token.bash; COMP_CWORD=$(($# - 1)); '
        . 'COMP_WORDS=("$@"); _service_token; printf "%s\n" "${COMPREPLY[@]}"',
        'bash', @words or die;

    my @offered = <$bash>;
    chomp @offered;
    return grep { length } @offered;
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
