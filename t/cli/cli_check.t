# check and the edge: the same verdict for every record, in every location.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Terminal;
use Stok::Test;

my $redis = Stok::Redis->start;
my $st = Stok::Command->new($redis);

my $nginx = Stok::Nginx->start(redis => $redis, http => <<'EOC');
    service_token_redis %%REDIS%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        add_header X-Status $service_token_status always;
        service_token api;
        location = /any { root %%DIR%%/html; try_files /index.html =404; }
        location = /admin { service_token_role admin; try_files /index.html =404; }
        location = /service { service_token_type service; try_files /index.html =404; }
        location = /scim { service_token_scope scim; service_token_role manager;
            try_files /index.html =404; }
    }
EOC

my %require = (
    any     => [],
    admin   => ['--role', 'admin'],
    service => ['--type', 'service'],
    scim    => ['--scope', 'scim', '--role', 'manager'],
);

my (@cases, $n);

for my $status (qw(pending active disabled deleted)) {
    for my $role (qw(member admin odd)) {
        my $user = $redis->user("u" . ++$n . '@service', role => $role,
            status => $status);

        for my $token (
            {}, { status => 'revoked' }, { expires_at => 5 },
            { expires_at => time + 10_000 },
            { type => 'personal' }, { scope => 'scim' },
        ) {
            push @cases, [ "$status $role @{[%$token]}",
                $redis->token(user => $user, %$token) ];
        }
    }
}

push @cases,
    ['orphan', $redis->token(user => 'nobody@service')],
    ['unreadable', $redis->token(user => 'u1@service', status => 'odd')],
    ['unknown field', $redis->token(user => 'u1@service', odd => 1)],
    ['unknown', 'some-foreign-token'],
    ['checksum', 'stk_svc_' . 'a' x 38],
    ['malformed', 'a=b'],
    ['long', 'x' x 513];

my %seen;

for my $case (@cases) {
    my ($name, $token) = @$case;

    for my $where (sort keys %require) {
        my $r = $nginx->get("/$where", token => $token);
        my $edge = header_of($r, 'X-Status');
        my ($code, $out) = $st->input("$token\n", 'check',
            @{ $require{$where} });
        my ($word) = $out =~ /^(\S+)/;

        is($word, $edge, "$name at $where");
        is($code, $edge eq 'ALLOWED' ? 0 : $edge eq 'UNAVAILABLE' ? 4 : 1,
            "exit code of $edge");
        $seen{$edge}++;
    }
}

is(join(' ', sort keys %seen), 'ALLOWED EXPIRED MALFORMED ORPHANED REVOKED '
    . 'ROLE SCOPE TYPE UNAVAILABLE UNKNOWN USER_DISABLED', 'all were tried');

# how the token may come

my $good = $redis->token(user => $redis->user('good@service'), id => 'tok_good');

is(($st->input($good, 'check'))[1], "ALLOWED tok_good good\@service member\n",
    'without a line end');
is(($st->input("$good\r\n", 'check'))[0], 0, 'with CR LF');
is(($st->input('', 'check'))[1], "MISSING\n", 'nothing');
is(($st->input("$good\n$good\n", 'check'))[1], "MALFORMED\n", 'two lines');
is(($st->input("\0\1\2" x 1000, 'check'))[1], "MALFORMED\n", 'garbage');

my ($code, $out) = $st->input($good, 'check', '--json');
is($out =~ s/\s+//gr,
    '{"verdict":"ALLOWED","id":"tok_good","user":"good@service","role":"member",'
    . '"key":null}',
    '--json');

is(($st->input($good, 'check', '--role', 'boss'))[0], 2, 'no such role');

# a terminal asks for it and does not show it

my $tty = Stok::Terminal->start($st, ['check']);
$tty->expect(qr/Token \(it is not shown\): /);
$tty->type("$good\n");
my ($ended, $seen) = $tty->end;
is("$ended $seen", "0 Token (it is not shown): \nALLOWED tok_good good\@service member\n",
    'on a terminal');
is(($st->input($good, '--roles', 'boss member', 'check', '--role', 'boss'))[0],
    0, '--roles');

$redis->cli('DEL', $redis->key('meta'));
($code, $out) = $st->input($good, 'check');
is("$code $out", "4 UNAVAILABLE tok_good good\@service member\n" =~ s/ tok.*member//r,
    'no marker');
$redis->init;

# seals

open my $fh, '>', "$st->{dir}/keys" or die;
print $fh "dataset $Stok::Redis::dataset\n", 'k ' . 'ab' x 32 . "\n";
close $fh;
chmod 0600, "$st->{dir}/keys";
$redis->{key} = { name => 'k', secret => pack 'H*', 'ab' x 32 };
$redis->user('sealed@service');
my $sealed = $redis->token(user => 'sealed@service');
my $forged = $redis->token(user => 'sealed@service', seal => undef);
is(($st->input($sealed, '--key-file', "$st->{dir}/keys", 'check'))[0], 0,
    'sealed');
like(($st->input($forged, '--key-file', "$st->{dir}/keys", 'check'))[1],
    qr/^TAMPERED /, 'forged');

# Redis that is away

$redis->down;
my $err;
($code, $out, $err) = $st->input($good, 'check');
is($code, 4, 'away');
is(() = $err =~ /\n/g, 1, 'one line');

finish;
