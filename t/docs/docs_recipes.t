# docs/recipes.md: its commands are typed into a shell against a real Redis,
# what talks to a cloud is a stand-in that records what it was given, and its
# files are read by the programs they are for, where these are installed.

use strict;
use warnings;
use utf8;

use Cwd ();
use File::Temp ();
use JSON::PP ();
use lib 't/lib';
use Stok::Page;
use Stok::Test;
use Stok::Upstream;

my $dir = File::Temp->newdir('stok-recipes-XXXXXX', TMPDIR => 1);
my $redis = Stok::Redis->start(empty => 1);
my $command = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');

mkdir "$dir/$_" for qw(bin calls home);
symlink $command, "$dir/bin/service-token";
stand_in($_) for qw(vault aws az kubectl systemd-creds mail curl);

my $page = Stok::Page->new('docs/recipes.md', path => "$dir/bin", replace => {
    '/usr/local/bin' => "$dir/bin", 6380 => $redis->port });

type("cd $dir/home");
type('(umask 077 && service-token key new 2026 > keys)');
type('export SERVICE_TOKEN_KEY_FILE=' . "$dir/home/keys "
    . 'SERVICE_TOKEN_REDIS=redis://127.0.0.1:' . $redis->port);
type('service-token init');
type('service-token user create "Pipeline Automation" --purpose p '
    . '--owner o --use-case pipeline');

# every section, in the order of the page; a loss comes before its recipe

my %before = ('Lost Redis' => sub { $redis->cli('FLUSHALL') });
my $last = '';

for my $block ($page->blocks) {
    $before{ $block->{section} }->()
        if $block->{section} ne $last && $before{ $block->{section} };
    $last = $block->{section};
    $page->follow(\&step, $block);
}

# the token arrives, whole and alone, and never as an argument

for my $case (
    ['vault', qr/^kv put -mount=secret etl token=-$/],
    ['aws', qr/ --secret-string file:\/\/\/dev\/stdin$/],
    ['az', qr/ --file \/dev\/stdin --encoding utf-8 --output none$/],
    ['systemd-creds', qr/^encrypt --name=etl-token - etl-token\.cred$/],
) {
    my ($program, $arguments) = @$case;
    my $token = given($program);

    like($token, qr/\Astk_svc_\w{38}\z/, "$program: the token alone");
    like(args($program), $arguments, 'on its standard input');
    is(judged($token), 0, 'and it is valid');
}

my ($secret) = given('kubectl') =~ /^  SERVICE_TOKEN: "(\w+)"$/m;
is(judged($secret), 0, 'kubectl: a Secret with a valid token');

for my $name (map { s{.*/}{}r } glob "$dir/calls/*.args") {
    unlike(slurp("$dir/calls/$name"), qr/stk_/, "$name: no token");
}

# a restore brings the dataset back: what was made before the loss is valid

is(judged(given('vault')), 0, 'valid after the restore');
is(judged(slurp("$dir/home/leaked.token")), 1, 'the leaked token is not');
is(sprintf('%o', (stat "$dir/home/$_")[2] & 07777), '600', "$_: mode")
    for qw(backup.jsonl new.keys new.token);

# the service hands its token to curl's standard input

type("chmod 755 etl mail-review; cp etl mail-review ../bin/; "
    . 'export CREDENTIALS_DIRECTORY=$PWD/credentials; mkdir credentials');
type("cat $dir/calls/systemd-creds.in > credentials/etl-token");
type('etl');
is(given('curl'), 'Authorization: Bearer ' . given('systemd-creds') . "\n",
    'the header, on standard input');

# a review without a finding sends no mail; one with a finding, or that could
# not run, does

is((type_any('mail-review'))[0], 0, 'nothing was found');
ok(!-e "$dir/calls/mail.in", 'no mail');
$redis->cli('HDEL', '{st}:user:pipeline_automation@service', 'seal');
type('export REVIEW_TO=owner@example.com');
is((type_any('mail-review monthly'))[0], 1, 'something was found');
like(given('mail'), qr/tampered.*pipeline_automation/s, 'the findings');
is(args('mail'), "-s service-token: the review monthly has findings "
    . "owner\@example.com\n", 'to whom');
is((type_any('SERVICE_TOKEN_REDIS=unix:///nowhere mail-review'))[0], 4,
    'no Redis');
like(args('mail'), qr/could not run \(exit 4\)/, 'is a mail, too');

my ($cron) = slurp("$dir/home/review.cron") =~ /(--fail-on .*)/;
is((type_any("mail-review $cron"))[0], 1, 'the rules of the cron line');

# systemd takes its units; paths are looked for

if (installed('systemd-analyze')) {
    type('cp service-token-review@.service service-token-review@monthly.service;'
        . 'cp service-token-review@.timer service-token-review@monthly.timer');

    for my $unit ('etl.service', 'service-token-review@monthly.timer') {
        my ($code, $out) = type_any("systemd-analyze verify ./$unit");
        $out = join "\n", grep { /\Q$dir\E/ } split /\n/, $out;
        is("$code $out", '0 ', "systemd takes $unit");
    }
}

# YAML is read, and says what it should

my %yaml = map { $_->{file} => yaml($_->{file}) }
    grep { $_->{lang} eq 'yaml' } $page->blocks;
my @names = qw(X-Service-User X-Service-Role X-Service-Token);

is(join(' ', sort keys %yaml), 'ci.yml compose.yaml sidecar.yaml traefik.yml',
    'YAML');
is(join(' ', @{ $yaml{'traefik.yml'}{http}{middlewares}{'service-token-check'}
    {forwardAuth}{authResponseHeaders} }), "@names", 'Traefik copies the three');

my $compose = $yaml{'compose.yaml'};
is(join(' ', grep { $compose->{services}{$_}{ports} }
    sort keys %{ $compose->{services} }), 'edge', 'only nginx has a port');
is(join(' ', map { @{ $compose->{services}{$_}{networks} } }
    'redis', 'application'), 'inside inside', 'the others are inside');

if (installed('docker') && system('docker compose version > /dev/null 2>&1') == 0) {
    type('touch token.keys edge.password; docker compose config --quiet');
}

# what CI runs: a tree with a token in it does not pass

my ($scan) = $yaml{'ci.yml'}{jobs}{'no-tokens'}{steps}[1]{run} or die;
type('mkdir tree && cd tree && echo clean > file');
is((type_any($scan))[0], 0, 'a clean tree passes');
type('cp ../new.token .');
is((type_any($scan))[0], 1, 'a token is found');
type('SERVICE_TOKEN=secret; '
    . $yaml{'ci.yml'}{jobs}{deploy}{steps}[0]{run});
is(given('curl'), "Authorization: Bearer secret\n", 'the deployment, likewise');
type('cd ..; rm -r tree');

# nginx answers for another proxy

$redis->cli('FLUSHALL');
$redis->init;
$redis->user('robot@service', role => 'manager');
my $token = $redis->token(user => 'robot@service', id => 'tok_robot');
my $old = $redis->token(user => 'robot@service', id => 'tok_old',
    status => 'revoked');

my $conf = slurp("$dir/home/forward-auth.conf");
$conf =~ s/127\.0\.0\.1:9090/127.0.0.1:%%PORT%%/g;
$conf =~ s/127\.0\.0\.1:9091/127.0.0.1:%%PORT_204%%/g;
my $nginx = Stok::Nginx->start(redis => $redis,
    http => "service_token_redis %%REDIS%%;\n$conf");

for my $case (
    ['/auth/member', $token, '204 robot@service manager tok_robot'],
    ['/auth/manager', $token, '204 robot@service manager tok_robot'],
    ['/auth/admin', $token, '403   '],
    ['/auth/member', $old, '401   '],
    ['/auth/member', undef, '401   '],
    ['/auth/root', $token, '404   '],
    ['/', $token, '404   '],
) {
    my ($uri, $bearer, $answer) = @$case;
    my $r = $nginx->get($uri, token => $bearer, headers => [
        'X-Service-User: root', 'Content-Length: 0' ]);

    is(join(' ', status_of($r), map { scalar header_of($r, $_) } @names),
        $answer, "$uri: $answer");
    is(scalar header_of($r, 'WWW-Authenticate') ne '', $answer =~ /^40[13]/,
        'with a challenge') if $answer !~ /^404/;
}

# Caddy in front of it, if it is there: what the client says does not pass

caddy() if installed('caddy');

finish;


sub caddy {
    my $http = Stok::Process::free_port();
    my $app = Stok::Upstream->start;
    my $port = $app->port;
    my $auth = $nginx->port;

    my $caddyfile = slurp("$dir/home/Caddyfile");
    $caddyfile =~ s/https:\/\/app\.example\.com/http:\/\/:$http/;
    $caddyfile =~ s/127\.0\.0\.1:9090/127.0.0.1:$auth/;
    $caddyfile =~ s/127\.0\.0\.1:8000/127.0.0.1:$port/;

    open my $fh, '>', "$dir/home/Caddyfile.test" or die;
    print $fh "{\n\tadmin off\n\tauto_https off\n}\n$caddyfile";
    close $fh;

    local @ENV{qw(HOME XDG_DATA_HOME XDG_CONFIG_HOME)} = ("$dir/home") x 3;
    my $caddy = Stok::Process->start(log => "$dir/caddy.log", argv => [
        'caddy', 'run', '--adapter', 'caddyfile', '--config',
        "$dir/home/Caddyfile.test" ]);

    wait_for('caddy', sub { IO::Socket::INET->new("127.0.0.1:$http") }, 30);

    my @forged = map { ("$_: forged", lc "$_: forged") } @names;
    my $r = $nginx->get('/', port => $http, token => $token,
        headers => \@forged);

    is(status_of($r), 200, 'caddy: let in');
    is(join(' ', map { $r =~ /^$_: (.*?)\r?$/mi } @names),
        'robot@service manager tok_robot', 'as who was checked');
    unlike($r, qr/forged|^authorization|\Q$token/mi, 'and nothing else');
    is(status_of($nginx->get('/', port => $http, headers => \@forged)), 401,
        'caddy: no token');
    ok($caddy->stop('TERM'), 'caddy left');
}

# a program that records its arguments and its standard input

sub stand_in {
    my $name = shift;

    open my $fh, '>', "$dir/bin/$name" or die;
    print $fh "#!/bin/sh\nprintf '%s\\n' \"\$*\" > $dir/calls/$name.args\n"
        . "cat > $dir/calls/$name.in\n";
    close $fh;
    chmod 0755, "$dir/bin/$name";
}

sub given {
    my $text = slurp("$dir/calls/$_[0].in");
    push @Stok::Redis::tokens, $text =~ /(stk_svc_\w{38})/g;
    return $text;
}

sub args { slurp("$dir/calls/$_[0].args") }

# what "check" says of a token: its exit code

sub judged {
    my $token = shift;

    open my $fh, '>', "$dir/token" or die;
    print $fh $token;
    close $fh;

    return (type_any("cat $dir/token | service-token check"))[0];
}

sub step {
    my ($block, $typed, $code, $out) = @_;

    my ($first) = split /\n/, $typed // 'as promised';
    is($code, 0, "$block->{section}: $first") or diag($typed // '', "\n$out");
}

sub type {
    my ($code, $out) = $page->type(@_);
    is($code, 0, (split /\n/, $_[0])[0]) or diag("$_[0]\n$out");
}

sub type_any { $page->type(@_) }

sub yaml {
    my $file = shift;

    my ($code, $out) = type_any("python3 -c 'import json, sys, yaml\n"
        . "print(json.dumps(yaml.load(open(sys.argv[1]), "
        . "yaml.BaseLoader)))' $file");
    is($code, 0, "$file is read") or diag($out);
    return eval { JSON::PP::decode_json($out) } // {};
}

sub installed { grep { -x "$_/$_[0]" } split(/:/, $ENV{PATH}), '/usr/sbin' }
sub slurp { Stok::Page::slurp(shift) }
