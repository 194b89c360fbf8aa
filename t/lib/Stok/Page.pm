package Stok::Page;

# A page of the documentation, as a reader follows it.  Its fenced blocks:
#
#     ```sh           commands; they are typed into one shell, one by one
#     ```text         what the commands of the block before print; "…" stands
#                     for anything, alone on a line for any lines
#     ```LANG NAME    a file, saved as NAME in the folder where the shell is
#
# Any other block is shown, and not run.
# "replace" maps placeholders of the page to what the test has instead.

use strict;
use warnings;

use File::Temp ();
use IPC::Open2 ();
use Stok::Process;

sub new {
    my ($class, $path, %opt) = @_;

    open my $fh, '<:utf8', $path or die "$path: $!";
    my @lines = <$fh>;
    my $self = bless { blocks => [], dir => File::Temp->newdir, %opt }, $class;
    my ($block, $section);

    for my $i (0 .. $#lines) {
        if (!$block && $lines[$i] =~ /^```(\S+)(?: +(\S+))?\s*$/) {
            $block = { lang => $1, file => $2, text => '',
                line => $i + 1, section => $section };

        } elsif ($block && $lines[$i] =~ /^```\s*$/) {
            push @{ $self->{blocks} }, $block;
            undef $block;

        } elsif ($block) {
            $block->{text} .= $lines[$i];

        } elsif ($lines[$i] =~ /^#+ +(.*?)\s*$/) {
            $section = $1;
        }
    }

    die "$path: a block is not closed" if $block;

    $_->{text} = $self->replaced($_->{text}) for @{ $self->{blocks} };

    return $self;
}

sub blocks { @{ $_[0]{blocks} } }

# those of one section, by its heading

sub section {
    my ($self, $name) = @_;
    my @blocks = grep { ($_->{section} // '') eq $name } $self->blocks;
    die "no section $name" if !@blocks;
    return @blocks;
}

sub replaced {
    my ($self, $text) = @_;
    my %by = %{ $self->{replace} // {} };
    my $names = join '|', map { quotemeta }
        sort { length $b <=> length $a } keys %by;

    $text =~ s/(?<![\w.])($names)(?![\w])/$by{$1}/g if %by;
    return $text;
}

# goes through the blocks; ok() and like() of Test::More are given by what
# the caller does with each step: it gets the block, the command, its exit
# code and output, and for a text block what was printed since

sub follow {
    my ($self, $step, @blocks) = @_;
    my $printed = '';

    @blocks = $self->blocks if !@blocks;

    for my $block (@blocks) {
        if (defined $block->{file}) {
            $self->save($block);

        } elsif ($block->{lang} eq 'sh') {
            $printed = '';

            for my $command (commands($block->{text})) {
                my ($code, $out) = $self->type($command);
                $printed .= $out;
                $step->($block, $command, $code, $out);
            }

        } elsif ($block->{lang} eq 'text') {
            $step->($block, undef, $printed =~ pattern($block->{text}) ? 0 : 1,
                $printed);
        }
    }
}

sub save {
    my ($self, $block) = @_;
    my $name = "$self->{dir}/file";

    open my $fh, '>:utf8', $name or die "$name: $!";
    print $fh $block->{text};
    close $fh;

    my ($code, $out) = $self->type("cat '$name' > '$block->{file}'");
    die "$block->{file}: $out" if $code;
}

# lines as far as a shell takes them for complete

sub commands {
    my ($text) = @_;
    my (@commands, $open);

    for my $line (split /\n/, $text) {
        next if !defined $open && $line =~ /^\s*(?:#.*)?$/;
        $open = defined $open ? "$open\n$line" : $line;
        next if $line =~ /\\$/ || !complete($open);
        push @commands, $open;
        undef $open;
    }

    push @commands, $open if defined $open;
    return @commands;
}

sub complete {
    my ($text) = @_;
    my $pid = IPC::Open2::open2(my $out, my $in, 'bash -n 2>&1');
    binmode $in, ':utf8';
    print $in "$text\n";
    close $in;
    my $said = join '', <$out>;
    waitpid $pid, 0;
    return $? == 0 && $said eq '';
}

# one command, in the shell of this page: its exit code and its output

sub type {
    my ($self, $command) = @_;
    my $dir = $self->{dir};

    $self->shell if !$self->{pid};

    open my $fh, '>:utf8', "$dir/command" or die;
    print $fh "$command\n";
    close $fh;

    # programs that stay do not keep the pipe open: their output is a file

    print { $self->{in} } "eval \"\$(cat '$dir/command')\" < /dev/null "
        . "> '$dir/out' 2>&1 3>&-; echo \"\$?\" >&3\n";

    my $code = eval {
        local $SIG{ALRM} = sub { die "timeout\n" };
        alarm 60 * $Stok::Process::patience;
        my $line = readline $self->{out};
        alarm 0;
        $line;
    };
    die "no answer: $command\n" . slurp("$dir/out") if !defined $code;
    chomp $code;

    return ($code, slurp("$dir/out"));
}

sub shell {
    my $self = shift;

    local %ENV = %ENV;
    delete $ENV{$_} for grep { /^SERVICE_TOKEN|^SUDO_USER$/ } keys %ENV;
    $ENV{PATH} = "$self->{path}:$ENV{PATH}" if $self->{path};
    $ENV{LC_ALL} = 'C.UTF-8';

    $self->{pid} = IPC::Open2::open2($self->{out}, $self->{in},
        'exec bash --norc --noprofile 3>&1 > /dev/null');
    $self->{in}->autoflush(1);
}

# what a reader is promised, as an expression

sub pattern {
    my ($text) = @_;
    my $re = join '', map {
        $_ eq "\x{2026}" ? '(?:.*\n)*?'
            : join('[^\n]*?', map { quotemeta } split /\x{2026}/, $_, -1) . ' ?\n'
    } split /\n/, $text;

    return qr/\A$re\z/;
}

sub slurp {
    open my $fh, '<:utf8', shift or return '';
    local $/;
    return scalar(<$fh>) // '';
}

sub DESTROY {
    my $self = shift;
    local ($@, $?, $!);
    return if !$self->{pid};
    close $self->{in};
    close $self->{out};
    waitpid $self->{pid}, 0;
}

1;
