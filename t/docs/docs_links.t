# Every link of the documentation leads somewhere, to the heading that it
# names, and docs/index.md leads to every page.  Files of the tree that a page
# names are there.

use strict;
use warnings;
use utf8;

use Test::More;

my @pages = (glob('*.md'), glob('docs/*.md'), glob('{fuzz,bench,model}/*.md'));
my (%anchor, %text);

# of the directive that CONTRIBUTING.md adds

my %example = ('t/request/retry_after.t' => 1);

for my $page (@pages) {
    open my $fh, '<:utf8', $page or die "$page: $!";
    local $/;
    ($text{$page} = <$fh>) =~ s/^```.*?^```$//msg;
    $anchor{$page}{ anchor($_) } = 1 for $text{$page} =~ /^#+ +(.*?)\s*$/mg;
}

my %to;

for my $page (@pages) {
    my ($dir) = $page =~ m{^(.*/)};

    for my $link ($text{$page} =~ /\]\(([^)\s]+)\)/g) {
        next if $link =~ /^\w+:/;

        my ($file, $name) = $link =~ /^([^#]*)(?:#(.*))?$/;
        my $path = $file eq '' ? $page : ($dir // '') . $file;
        1 while $path =~ s{(?:^|(?<=/))(?!\.\./)[^/]+/\.\./}{};

        ok(-e $path, "$page: $link");
        ok($anchor{$path}{$name}, "$page: $link: its heading") if defined $name;
        $to{$page}{$path} = 1;
    }

    for my $file ($text{$page} =~ m{`((?:t|docs|conf|util|bench|model|fuzz|lib
        |control|cli|scripts|man)/[\w/.-]+\.\w+)`}xg)
    {
        ok(-e $file, "$page: $file") if !$example{$file};
    }
}

for my $page (grep { m{^docs/} && $_ ne 'docs/index.md' } @pages) {
    ok($to{'docs/index.md'}{$page}, "docs/index.md: $page");
}

ok($to{'README.md'}{'docs/index.md'}, 'the README leads to the index');

done_testing;


# as web sites make it of a heading

sub anchor {
    my $name = lc shift;
    $name =~ s/[^\w\- ]//g;
    return $name =~ tr/ /-/r;
}
