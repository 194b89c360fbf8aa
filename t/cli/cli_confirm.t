# A change that cannot be undone is confirmed on a terminal by typing the id.
# --yes answers before; off a terminal nothing is asked.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Terminal;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $user = 'etl@service';
my ($id, $dump) = ('', "$st->{dir}/dump");

for my $case (
    ['user delete', qr/^This deletes $user: it has 1 active token, 1 of 1 was used today\.$/m,
        $user, sub { status("user:$user") }, 'deleted'],
    ['user revoke-all', qr/^This revokes all tokens of $user: it has 1 active token, /m,
        $user, sub { status(record()) }, 'revoked'],
    ['incident user', qr/^This disables $user and revokes all its tokens: it has 1 /m,
        $user, sub { status("user:$user") }, 'disabled'],
    ['token delete --force', qr/^This deletes \S+ \(t\) of $user, whether or not /m,
        undef, sub { status(record()) // 'gone' }, 'gone'],
    ['import --overwrite', qr/^This replaces 1 record of the dataset at \S+, database 0, prefix "\{st\}:"\.$/m,
        'overwrite', sub { owner() }, 'o'],
) {
    my ($verb, $asks, $word, $is, $done) = @$case;
    my ($group, $name, @more) = split / /, $verb;

    my $args = sub {
        $group eq 'import' ? ('import', $dump, '--overwrite')
            : ($group, $name, $group eq 'token' ? $id : $user, @more);
    };

    # typed

    dataset($group);
    my $tty = Stok::Terminal->start($st, [$args->()]);
    $tty->expect(qr/Type \S+ to go on: /);
    is_not($is, $done, "$verb: not before it is typed");
    $tty->type(($word // $id) . "\n");
    my ($code, $seen) = $tty->end;
    is($code, 0, "$verb: typed");
    like($seen, $asks, 'what it is about to do');
    is($is->(), $done, 'is done');

    # anything else, or the end of the input

    for my $answer ("y\n", "\n", "\cD", uc($word // $id) . "\n") {
        dataset($group);
        $tty = Stok::Terminal->start($st, [$args->()]);
        $tty->expect(qr/to go on: /);
        $tty->type($answer);
        ($code, $seen) = $tty->end;
        is($code, 3, "$verb: refused");
        like($seen, qr/^service-token: nothing was changed: that is not \S+$/m,
            'and says so');
        is_not($is, $done, 'nothing is done');
    }

    # --yes; a script, whichever of the two is not a terminal

    for my $how (['--yes'], [in => '/dev/null'], [err => '/dev/null']) {
        dataset($group);
        $tty = Stok::Terminal->start($st, [$args->(), @$how == 1 ? @$how : ()],
            @$how == 2 ? @$how : ());
        ($code, $seen) = $tty->end;
        is($code, 0, "$verb: @$how");
        unlike($seen, qr/to go on/, 'does not ask');
        is($is->(), $done, 'is done');
    }

    dataset($group);
    ($code) = $st->run($args->());
    is("$code " . $is->(), "0 $done", "$verb: a script is not asked");
}

# what there is not is not asked for, nor is an import that replaces nothing

my ($code, $seen) = Stok::Terminal->start($st, ['user', 'delete', 'none@service'])->end;
is($code, 3, 'no such user');
unlike($seen, qr/to go on/, 'is not asked for');

dataset('import');
$st->run('import', $dump, '--overwrite');
($code, $seen) = Stok::Terminal->start($st, ['import', $dump, '--overwrite'])->end;
is($code, 0, 'the same once more');
unlike($seen, qr/to go on/, 'replaces nothing');

finish;


sub dataset {
    my $group = shift;

    $redis->cli('FLUSHALL');
    unlink $dump;
    $st->run('init');
    $st->run('user', 'create', 'Etl', '--purpose', 'p', '--owner', 'o');
    $id = $st->json('token', 'create', '--user', $user, '--name', 't', '--env',
        'testing')->{id};
    $redis->cli('ZADD', $redis->key('last_used'), time, $id);
    $st->run('token', 'revoke', $id) if $group eq 'token';
    $st->run('export', $dump);
    $st->run('user', 'describe', $user, '--owner', 'new') if $group eq 'import';
}

sub record { 'token:' . ($redis->cli('GET', $redis->key("id:$id")) // 'none') }
sub status { $redis->cli('HGET', $redis->key(shift), 'status') }
sub owner { $redis->cli('HGET', $redis->key("user:$user"), 'owner') }
sub is_not { my ($is, $done, $name) = @_; isnt($is->(), $done, $name) }
