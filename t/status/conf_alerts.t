use strict;
use warnings;

# The rules and the dashboard in conf/: Prometheus takes them, the rules alert
# when they should, and all that they name is there at a real node.

use JSON::PP ();
use lib 't/lib';
use Stok::Command;
use Stok::Status;
use Stok::Test;

for my $what ('check rules conf/alerts.yml',
              'test rules conf/alerts.test.yml')
{
    my $said = `promtool $what 2>&1`;
    is($?, 0, "promtool $what") or diag($said);
}

my $redis = Stok::Redis->start;
my $nginx = edge(redis => $redis, conf => Stok::Status::server()
    . 'service_token_throttle zone=failures:64k rate=10r/s burst=20;');
my $status = Stok::Status->new($nginx);

wait_for('Redis has told', sub { exists $status->now->{redis_aof_enabled} });

my $metrics = $status->get('/metrics');
my %there = %{ $status->names };

cmp_ok(keys %there, '>', 25, 'a node has metrics');

# what the command writes for the node exporter

my ($code, $dataset) = Stok::Command->new($redis)->run('status', '--format',
    'prometheus');
my %dataset = map { $_ => 1 } $dataset =~ /^(service_token_dataset_\w+)/mg;

cmp_ok(keys %dataset, '>', 15, 'a dataset has metrics');
$metrics .= $dataset;

# expressions of each file

my $rules = slurp('conf/alerts.yml');
my @rules = $rules =~ /expr: (?:>-\n((?: {10,}\S.*\n)+)|(\S.*)\n)/g;
my @tests = slurp('conf/alerts.test.yml') =~ /series: '(.*)'/g;
my $board = JSON::PP::decode_json(slurp('conf/grafana.json'));
my @board = map { $_->{expr} } map { @{ $_->{targets} } } @{ $board->{panels} };

named('a rule', grep { defined } @rules);
named('a test of a rule', @tests);
named('the dashboard', @board);
named('a variable of the dashboard',
    map { $_->{query}{query} } grep { ref $_->{query} }
    @{ $board->{templating}{list} });

my @alerts = $rules =~ /alert: (\w+)/g;
my $tested = slurp('conf/alerts.test.yml');

cmp_ok(@alerts, '>=', 5, 'there are alerts');
for my $alert (@alerts) {
    like($tested, qr/alertname: $alert\n +eval_time: \S+\n +exp_alerts:/,
        "$alert is tested to fire");
    like($tested, qr/alertname: $alert\n +eval_time: \S+\n(?! +exp_alerts:)/,
        "$alert is tested not to fire");
}

# each leads to what is to be done, as GitHub and GitLab name headings

my $docs = slurp('docs/operations.md');
my %heading = map { lc =~ s/[^\w -]//gr =~ s/ /-/gr => 1 }
    $docs =~ /^#+ (.*)$/mg;

for my $part (split /(?=- alert:)/, $rules) {
    my ($alert) = $part =~ /^- alert: (\w+)/ or next;
    my ($anchor) = $part =~ m{runbook_url: docs/operations\.md#(\S+)};
    ok($heading{$anchor // ''}, "$alert has a part of docs/operations.md")
        or diag($anchor // 'none');
}

# all is shown, and explained

for my $name (sort keys %there) {
    like("@board", qr/\b$name\b/, "$name is on the dashboard")
        unless $name eq 'service_token_epoch';
    like($docs, qr/`$name`/, "$name is in docs/operations.md");
}

ok($there{$_}, "$_, in docs/operations.md, exists")
    for $docs =~ /^\| `(service_token_\w+)`/mg;

# the names in JSON follow from these, as the documents say

my %json = %{ JSON::PP::decode_json($status->get('/status')) };
my @names = $docs =~ /^\| `(service_token_\w+)` \| *([^|]*?) *\|/mg;

is(join(' ', delete @json{qw(version nginx node)}) =~ tr/ //, 2,
    'JSON has the labels of build_info');

while (my ($name, $labels) = splice @names, 0, 2) {
    next if $name eq 'service_token_build_info';

    my $value = delete $json{$name =~ s/^service_token_//r =~ s/_total$//r};

    my %values = map { $_ => 1 } map { /\{(?:.*,)?\w+="([^"]*)"\}/ }
        $metrics =~ /^\Q$name\E(\{.*?\}) /mg;
    ok(defined $value, "$name has its name in JSON");
    is(ref $value ? 'object' : 'number', $labels ? 'object' : 'number',
        "$name in JSON");
    ok(!grep({ !exists $value->{$_} } keys %values), "each label of $name")
        if $labels && $labels !~ /,/;
}

is(join(' ', sort keys %json), '', 'nothing else is in JSON');

finish();


# metrics and labels named by these exist

sub named {
    my ($who, @exprs) = @_;
    my (%unknown, $n);

    for my $expr (@exprs) {
        while ($expr =~ /\b(service_token_\w+)(?:\{([^}]*)\})?/g) {
            my ($name, $labels) = ($1, $2 // '');

            $n++;
            $unknown{$name}++ if !$there{$name} && !$dataset{$name};

            while ($labels =~ /(\w+)(=~?)"([^"]*)"/g) {
                my ($label, $op, $values) = ($1, $2, $3);
                next if $label =~ /^(?:instance|job)$/;

                for my $value ($op eq '=' ? $values : split /\|/, $values) {
                    $unknown{"$name $label=$value"}++ if $metrics
                        !~ /^$name\{(?:.*,)?$label="\Q$value\E"[,}]/m;
                }
            }
        }
    }

    is(join(', ', sort keys %unknown), '', "$who names what exists");
    cmp_ok($n // 0, '>=', 1, 'and something');
}

sub slurp { Stok::Nginx::slurp($_[0]) // die "$_[0]: $!" }
