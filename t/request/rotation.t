use strict;
use warnings;

# A rotation from its first step to its last, against a running nginx.  Time
# is moved by writing dates.

use lib 't/lib';
use JSON::PP ();
use Stok::Command;
use Stok::Test;

my $day = 86400;
my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);

$st->run('init');
my $user = $st->json('user', 'create', 'Pipeline Automation', '--purpose',
    'loads the warehouse', '--owner', 'data-team', '--use-case', 'pipeline')
    ->{id};
my $old = $st->json('token', 'create', '--user', $user, '--name',
    'production-integration-2025', '--env', 'production');

my $nginx = edge(redis => $redis);

is(said($nginx, $old->{token}), '200 ALLOWED MISS', 'the token is in use');
used($old, 60);

# its year is nearly over: 40 days are left

set($old, created_at => time - 325 * $day, expires_at => time + 40 * $day);

# 1 create the successor; it is handed over in a file

my ($code, $out, $err) = $st->run('token', 'rotate', $old->{id}, '--out',
    "$st->{dir}/successor", '--wait', '10s');
is($code, 0, 'rotate');
like($err, qr/^\Q$old->{id}\E is valid until /m, 'the old one goes on');
like($err, qr/^1 of 1 nodes acknowledged/m, 'as nginx knows');
unlike($err, qr/rotate earlier/, 'early enough');

my $new = $st->json('token', 'show', $out =~ s/\n//r);
$new->{token} = Stok::Command::slurp("$st->{dir}/successor") =~ s/\n//r;
push @Stok::Redis::tokens, $new->{token};
my $year = 1900 + (gmtime)[5];
is($new->{name}, "production-integration-$year", 'its name');

my $left = $st->json('token', 'show', $old->{id});
is($left->{state}, 'rotating', 'the old one is rotating');
is(int(($left->{expires_at} - time) / $day + 0.5), 40, 'until its own end');

# 2, 3 handed over, deployed: until the old one ends both are taken

rotation('wait', qr/was never used/, 'nobody has the new one yet');
for my $t ($old, $new) {
    like(said($nginx, $t->{token}), qr/^200 ALLOWED /, 'from Redis');
    like(said($nginx, $t->{token}), qr/^200 ALLOWED HIT/, 'from the cache');
}

# 4, 5 watched: two of three programs have the new one

used($new, 5);
used($old, 3);
rotation('old-still-used', qr/\Q$old->{id}\E was used/, 'somebody is late');

# the last one has it, too; two days later.  The uses that the old workers
# remember are written by the time that the new ones are there.

$nginx->reload;
used($old, 2 * $day);
rotation('safe-to-revoke', qr/\Q$new->{id}\E was used/, 'nobody is late');

# the old one ends, if nobody revokes it before

my $expires = $left->{expires_at};
set($old, expires_at => time - 1);
wait_for('the end of the old one',
    sub { said($nginx, $old->{token}) =~ /^401 EXPIRED/ });
like(said($nginx, $new->{token}), qr/^200 ALLOWED/, 'the new one goes on');
is($st->json('token', 'show', $old->{id})->{state}, 'expired', 'its state');
set($old, expires_at => $expires);

# 6 revoke

is(($st->run('token', 'revoke', $old->{id}, '--wait', '10s'))[0], 0, 'revoke');
like(said($nginx, $old->{token}), qr/^401 REVOKED/, 'in force at once');
like(said($nginx, $new->{token}), qr/^200 ALLOWED/, 'the new one goes on');

# 7 watch: an attempt is refused, recorded and shown

like(said($nginx, $old->{token}), qr/^401 REVOKED/, 'an attempt');
my $key = $redis->key("usage:$old->{id}");
$redis->cli('HSET', $key, 'refused', 1, 'refused_at', time, 'refused_addr',
    '127.0.0.1', 'refused_reason', 'REVOKED');

rotation('old-still-used', qr/was still tried 20/, 'who was that');
like(($st->run('token', 'show', $old->{id}))[1],
    qr/^refused_addr +127\.0\.0\.1$/m, 'shown');

# 8 delete: not before 7 days are over

my $until = qr/20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/;
my $tried = qr/was still tried $until from 127\.0\.0\.1 \(REVOKED\)/;

for my $ago (0, 1, 6.99) {
    set($old, revoked_at => int(time - $ago * $day));
    my $before = snapshot();
    ($code, $out, $err) = $st->run('token', 'delete', $old->{id});
    is($code, 3, "$ago days later: not yet");
    my $free = $ago ? $until : iso($st->json('token', 'show', $old->{id})
        ->{revoked_at} + 7 * $day);
    like($err, qr/^service-token: .* is watched until $free, 7 days after it was revoked, and $tried: --force deletes it now\n\z/,
        'until when, and what was seen');
    is(snapshot(), $before, 'no change');
}

set($old, revoked_at => time - 7 * $day);
($code, $out, $err) = $st->run('token', 'delete', $old->{id}, '--wait', '10s');
is($code, 0, 'a week later: deleted');
like($err, qr/^deleted \Q$old->{id}\E .*, which $tried$/m, 'with what was seen');
like(said($nginx, $old->{token}), qr/^401 UNKNOWN/, 'as if it never was');
like(said($nginx, $new->{token}), qr/^200 ALLOWED/, 'the new one goes on');
is(($st->run('token', 'rotation', $new->{id}))[0], 3, 'the rotation is over');

# the whole story is in the audit

is(join(' ', grep { !/^init|^user/ } map { { @{ $_->[1] } }->{action} }
    @{ $redis->cli('XRANGE', $redis->key('audit'), '-', '+') }),
    'token.create token.create token.rotate token.revoke token.delete',
    'the audit');

# the next one, at once: an overlap of a second ends by itself

wait_for('it is cached',
    sub { said($nginx, $new->{token}) =~ /^200 ALLOWED HIT/ });
my $third = $st->json('token', 'rotate', $new->{id}, '--overlap', '1s',
    '--out', "$st->{dir}/third", '--wait', '10s');
is("@{ $third->{wait} }{qw(nodes acknowledged)}", '1 1',
    'json, with a file: who knows');
wait_for('the end of an overlap',
    sub { said($nginx, $new->{token}) =~ /^401 EXPIRED/ });
like(said($nginx, Stok::Command::slurp("$st->{dir}/third") =~ s/\n//r),
    qr/^200 ALLOWED/, 'and there is no gap');

($code, $out, $err) = $st->run('token', 'rotate', $third->{id}, '--json',
    '--wait', '10s');
my $fourth = JSON::PP->new->decode($out);
is($fourth->{rotated_from}, $third->{id}, 'json: one object');
like($err, qr/^1 of 1 nodes acknowledged/m, 'whether all nodes know is on standard error');

is(Stok::Command::broken($redis), '', 'all keys agree');

finish;


# all but what nginx writes meanwhile

sub snapshot {
    return join "\n", grep { !/^\{st\}:(?:usage:|last_used |refusals |flushed:)/ }
        split /\n/, Stok::Command::snapshot($redis);
}


sub set {
    my ($token, %field) = @_;
    my $digest = $redis->cli('GET', $redis->key("id:$token->{id}"));
    $redis->cli('HSET', $redis->key("token:$digest"), %field);
    $redis->cli('ZADD', $redis->key('expiry'), $field{expires_at},
        $token->{id}) if $field{expires_at};
}

sub used {
    my ($token, $ago) = @_;
    $redis->cli('ZADD', $redis->key('last_used'), time - $ago, $token->{id});
}

sub rotation {
    my ($word, $says, $name) = @_;
    my ($code, $out) = $st->run('token', 'rotation', $old->{id});
    my $exit = $word eq 'safe-to-revoke' ? 0 : 1;
    like("$code $out", qr/^$exit $word: .*$says/, "$word: $name");
}

sub iso {
    my ($s, $m, $h, $day, $month, $year) = gmtime shift;
    return sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', $year + 1900, $month + 1,
        $day, $h, $m, $s;
}
