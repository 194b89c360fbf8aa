# A zero, or any other byte, in a field that no seal is over does not keep a
# record from being stopped, changed, sealed or rotated: what was read goes
# back to Redis with its length.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $user = 'pipeline@service';
my $zero = "a\0b\xff\r\n";

open my $keys, '>', "$st->{dir}/keys" or die;
print $keys 'k1 ', '01' x 32, "\n";
close $keys;
chmod 0600, "$st->{dir}/keys";

for my $with ([], ['--key-file', "$st->{dir}/keys"]) {
    my $name = @$with ? 'with keys' : 'without';

    $redis->cli('FLUSHALL');
    $st->run(@$with, 'init');
    $st->run(@$with, 'user', 'create', 'Pipeline', '--purpose', 'p',
        '--owner', 'o', '--role', 'member');

    my ($one, $two, $three) = map { $st->json(@$with, 'token', 'create',
        '--user', $user, '--name', $_, '--env', 'testing')->{id} }
        'one', 'two', 'three';

    $redis->cli('HSET', $redis->key("user:$user"), 'purpose', $zero);
    $redis->cli('HSET', record($_), 'created_by', $zero) for $one, $two, $three;

    for my $verb (['token', 'revoke', $one], ['token', 'restore', $one],
        ['token', 'rotate', $one, '--expires-in', '1d', '--name', 'four'],
        ['user', 'set-role', $user, 'admin'],
        ['user', 'describe', $user, '--owner', 'x'],
        ['incident', 'token', $two], ['user', 'disable', $user],
        ['user', 'enable', $user], (@$with ? ['seal'] : ()),
        ['incident', 'user', $user])
    {
        my ($code, $out, $err) = $st->run(@$with, @$verb);
        is("$code " . ($err =~ /^service-token/m ? $err : ''), '0 ',
            "$name: " . join(" ", grep { defined } @$verb[0, 1]));
    }

    is($redis->cli('HGET', record($_), 'status'), 'revoked', "$name: stopped")
        for $one, $two, $three;
    is($redis->cli('HGET', record($three), 'created_by'), $zero, "$name: kept");
}

finish;

sub record { $redis->key('token:' . $redis->cli('GET', $redis->key("id:$_[0]"))) }
