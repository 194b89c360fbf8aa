# The reference has an entry for each directive of the module, with its
# contexts, and a row for each variable and each verdict; and for no other.

use strict;
use warnings;
use lib 't/lib';
use Stok::Nginx;
use Test::More;

my $source = join '', map { Stok::Nginx::slurp($_) }
    glob 'ngx_service_token_module/{,*/}*.{c,h}';
my $reference = join "\n", map { Stok::Nginx::slurp($_) // '' }
    'README.md', 'docs/directives.md';

my %context = (NGX_HTTP_MAIN_CONF => 'http', NGX_HTTP_SRV_CONF => 'server',
    NGX_HTTP_LOC_CONF => 'location', NGX_HTTP_LMT_CONF => 'limit_except');
my @order = qw(http server location limit_except);

# as they are declared

my ($any) = $source =~ /define NGX_SERVICE_TOKEN_ANY_CONF((?:.*\\\n)*.*)/;
my %declared;

while ($source =~ /\{ ngx_string\("(service_token\w*)"\),\s*([A-Z][^,]*CONF[^,]*),/g) {
    my ($name, $flags) = ($1, $2);
    $flags =~ s/NGX_SERVICE_TOKEN_ANY_CONF/$any/;
    my %in = map { $context{$_} => 1 } grep { $flags =~ /\b$_\b/ } keys %context;
    $declared{$name} = join ', ', grep { $in{$_} } @order;
}

cmp_ok(keys %declared, '>=', 15, 'directives');

# as they are described

my %described;

while ($reference =~ /^#### (service_token\w*)\n\n((?: {4,}.*\n)+)/mg) {
    my ($name, $head) = ($1, $2);

    like($head, qr/^    Syntax:   $name /m, "$name: syntax");
    like($head, qr/^    Default:  \S/m, 'default');
    ($described{$name}) = $head =~ /^    Context:  (.*)$/m;
}

is($described{$_}, $declared{$_}, "$_: context") for sort keys %declared;
is(join(' ', grep { !$declared{$_} } sort keys %described), '', 'no other');

# variables

my ($table) = $reference =~ /^\| variable \| value \|\n(.*?)\n\n/ms;
my %variable = map { $_ => 1 } map { /`\$(service_token_\w+)`/g }
    map { (split /\|/)[1] } grep { /^\| `/ } split /\n/, $table;
my %real = map { $_ => 1 } Stok::Nginx::slurp(
    glob 'ngx_service_token_module/*/ngx_service_token_variables.c')
    =~ /ngx_string\("(service_token_\w+)"\)/g;

is(join(' ', sort keys %variable), join(' ', sort keys %real), 'variables');

# verdicts: the words of $service_token_status

my ($verdicts) = $reference =~ /^\| verdict \| when \| reply \|\n(.*?)\n\n/ms;
my @words = map { /`([A-Z_]+)`/g } map { (split /\|/)[1] } grep { /^\| `/ }
    split /\n/, $verdicts;

my @said = Stok::Nginx::slurp('lib/stok_decide.c')
    =~ /\[STOK_\w+\] = stok_string\("([A-Z_]+)"\)/g;

is(join(' ', sort @words), join(' ', sort @said), 'verdicts');

done_testing();
