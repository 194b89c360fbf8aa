# Times: one grammar for every option, lengths and moments alike, and how a
# date is printed.

use strict;
use warnings;
use lib 't/lib';
use POSIX qw(strftime);
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $user = 'etl@service';
my $day = 86400;
my ($code, $out, $err, $n);

$st->run('init');
$st->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');

# lengths, and moments to the second

for my $case (['1d', $day], ['24h', $day], ['1440m', $day], ['86400s', $day],
    ['86400000ms', $day], ['2w', 14 * $day], ['1y', 365 * $day],
    ['365d', 365 * $day])
{
    my ($in, $length) = @$case;
    my $token = token('--expires-in', $in);
    is($token->{expires_at} - $token->{created_at}, $length, "--expires-in $in");
    $token = $st->json('token', 'rotate', $token->{id}, '--overlap', $in,
        '--expires-in', $in);
    is($token->{expires_at} - $token->{created_at}, $length, 'of a rotation');
}

my $at = int((time + 100 * $day) / $day) * $day;

for my $case (['%F', $at], ['%FT%TZ', $at + 3661], ['%F %H:%M', $at + 60],
    ['%FT%H:%M+00:00', $at + 120])
{
    my ($format, $date) = @$case;
    my $in = strftime($format, gmtime $date);
    my $old = token('--expires-in', $in);
    is($old->{expires_at}, $date, "--expires-in $in");

    my $new = $st->json('token', 'rotate', $old->{id}, '--expires-in', $in,
        '--overlap', strftime($format, gmtime $date - 50 * $day));
    is($new->{expires_at}, $date, 'of a rotation');
    is($st->json('token', 'show', $old->{id})->{expires_at}, $date - 50 * $day,
        '--overlap, too');
    $st->run('token', 'extend', $new->{id}, '--expires-in',
        strftime($format, gmtime $date + $day));
    is($st->json('token', 'show', $new->{id})->{expires_at}, $date + $day,
        'and an extension');
}

# moments that are over, too near or too far

my $old = token('--expires-in', '30d');

for my $case (['2020-01-01', 'in the past'], ['2100-01-01', 'too far away'],
    [strftime('%FT%TZ', gmtime time + 3600), 'too near'])
{
    my ($in, $is) = @$case;

    for my $args (['token', 'create', '--user', $user, '--name', 'x', '--env',
            'testing'], ['token', 'rotate', $old->{id}],
        ['token', 'extend', $old->{id}])
    {
        refused(qr/bad --expires-in: \Q$in\E\S* is $is: 1d to 1y.*; it is now 20/, @$args,
            '--expires-in', $in);
    }
}

refused(qr/bad --overlap: 2020\S+ is in the past: 1s to 1y.*; it is now 20/, 'token', 'rotate',
    $old->{id}, '--overlap', '2020-01-01');
refused(qr/bad --wait "$_": 1ms to 1h/, 'user', 'disable', $user, '--wait', $_)
    for '0s', '61m', '2h', '1d', 'never';
refused(qr/bad --wait: $_->[0]\S+ is $_->[1]: 1ms to 1h/, 'user', 'disable', $user,
    '--wait', $_->[0]) for ['2020-01-01', 'in the past'], ['2100-01-01', 'too far away'];
refused(qr/bad --unused "2100-01-01": that is in the future/, 'token', 'list',
    '--unused', '2100-01-01');

# "never" is for an end alone

is(token('--expires-in', 'never')->{expires_at}, undef, 'never');
refused(qr/bad --expires-in "never": 1d to 1y, as in 30d, 12w or 2026-12-31$/, 'token',
    'extend', $old->{id}, '--expires-in', 'never');
refused(qr/bad --overlap/, 'token', 'rotate', $old->{id}, '--overlap', 'never');
refused(qr/bad --since/, 'audit', '--since', 'never');
refused(qr/bad --timeout/, 'token', 'rotation', $old->{id}, '--wait-until',
    'safe', '--timeout', 'never');

# a moment is a time to wait, as well

is(($st->run('user', 'disable', $user, '--wait', strftime('%FT%TZ',
    gmtime time + 60)))[0], 0, '--wait until a moment');

# lengths back

for my $since ('1y', '52w', '1000d', '999999999w', '1970-01-01') {
    cmp_ok(scalar @{ $st->json('audit', '--since', $since) }, '>', 20,
        "--since $since");
}

for my $in ('', '1', 'd', '1 d', '-1d', '+1d', '1.5d', '1dd', '1D', '0x1d',
    '1000000000d', '999999999y', '1d12h', '1mo')
{
    refused(qr/bad --since "\Q$in\E": 30m, 24h/, 'audit', "--since=$in");
    refused(qr/bad --expires-in "\Q$in\E": 1d to 1y/, 'token', 'extend', $old->{id},
        "--expires-in=$in");
    refused(qr/bad --overlap "\Q$in\E": 1s to 1y/, 'token', 'rotate', $old->{id},
        "--overlap=$in");
    refused(qr/bad --wait "\Q$in\E": 1ms to 1h/, 'user', 'enable', $user, "--wait=$in");
}

finish;


sub token {
    return $st->json('token', 'create', '--user', $user, '--name',
        'n' . ++$n, '--env', 'testing', @_);
}

sub refused {
    my ($says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    ($code, $out, $err) = $st->run(@args);
    is("$code $out", '2 ', "@args: refused");
    like($err, qr/^service-token: $says/, 'says why');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
