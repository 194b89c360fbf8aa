# The reference has an entry for each directive of the module, with its
# contexts and parameters and an example that nginx accepts, and a row for each
# variable and each verdict; and for no other.  The README leads to each.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

my $source = join '', map { Stok::Nginx::slurp($_) }
    glob 'ngx_service_token_module/{,*/}*.{c,h}';
my $reference = Stok::Nginx::slurp('docs/directives.md');

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

my (%described, %example);

for my $entry (split /^(?=##)/m, $reference) {
    my ($name, $head) = $entry
        =~ /^#### (service_token\w*)\n\n((?: {4,}.*\n)+)/ or next;

    like($head, qr/^    Syntax:   $name /m, "$name: syntax");
    like($head, qr/^    Default:  \S/m, 'default');
    ($described{$name}) = $head =~ /^    Context:  (.*)$/m;
    ($example{$name}) = $entry =~ /^```nginx\n(.*?)^```$/ms;
}

is($described{$_}, $declared{$_}, "$_: context") for sort keys %declared;
is(join(' ', grep { !$declared{$_} } sort keys %described), '', 'no other');

# what a directive takes: each parameter that the source reads is named

for my $name ($source =~ /"([a-z_]+=)"/g) {
    like($reference, qr/^ {4,}.*[\s\[]\Q$name\E/m, "$name is described");
}

# each example stands where it may, and nginx takes it

for my $name (sort keys %example) {
    my $conf = $example{$name} // '';

    like($conf, qr/^\s*$name\s/m, "$name: its example uses it");
    $conf =~ s{/etc/nginx/}{%%DIR%%/}g;

    my ($code, $out) = Stok::Nginx->conf_test(in_context($name, $conf),
        files => { 'service-token.password' => "secret\n",
            'service-token.keys' => 'k1 ' . '01' x 32 . "\ndataset "
                . '02' x 16 . "\n" });
    is($code, 0, 'nginx takes it') or diag($out);
}

# the README's table of tasks leads to each

my $readme = Stok::Nginx::slurp('README.md');

ok(index($readme, "(docs/directives.md#$_)") >= 0, "$_: in the README's table")
    for sort keys %declared;

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

finish;


# an example at the level of "http", of a server or of a location

sub in_context {
    my ($name, $conf) = @_;

    return $conf if $conf =~ /^(?:server|map) /m || $declared{$name} eq 'http';
    return "server { $conf }" if $conf =~ /^location /m;
    return "server { location / { $conf } }";
}
