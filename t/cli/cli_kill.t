# Every verb that changes something, killed at 100 random moments: fsck finds
# nothing, and what was changed stands in the audit, no more and no less.
#
# A script of Redis is all or nothing.  Import and fsck --fix are many of them:
# killed, they leave the first part, whole, and a second run does the rest.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;
use Time::HiRes qw(sleep time);

my $kills = 100;
my $redis = Stok::Redis->start(empty => 1);
my $dir = File::Temp->newdir('stok-kill-XXXXXX', TMPDIR => 1);
my $keys = "$dir/keys";
my $st = Stok::Command->new($redis, '--actor', 'anna');
my %clear;

put($keys, "dataset $Stok::Redis::dataset\n"
    . ($st->run('key', 'new', 'k1'))[1]);

# verb, its arguments for object n, what object n is before, the action in
# the audit, how many changes are seen

my @about = ('--purpose', 'p', '--owner', 'o');
my @user = (user => 'active');
my @token = (tokens => 1);

for my $case (
    ['user create', sub { "New $_[0]", @about }, [], 'user.create',
        sub { users(sub { $_[0] =~ /^new_/ }) }],
    ['user approve', sub { id(@_) }, [user => 'pending'], 'user.approve',
        sub { users(status => 'active') }],
    ['user set-role', sub { id(@_), 'admin' }, [@user], 'user.set-role',
        sub { users(role => 'admin') }],
    ['user describe', sub { id(@_), '--owner', 'x' }, [@user], 'user.describe',
        sub { users(owner => 'x') }],
    ['user disable', sub { id(@_) }, [@user], 'user.disable',
        sub { users(status => 'disabled') }],
    ['user enable', sub { id(@_) }, [user => 'disabled'], 'user.enable',
        sub { users(status => 'active') }],
    ['user delete', sub { id(@_) }, [@user, @token], 'user.delete',
        sub { users(status => 'deleted') }],
    ['user revoke-all', sub { id(@_) }, [@user, tokens => 5], 'token.revoke',
        sub { tokens(status => 'revoked') }],
    ['token create', sub { '--user', id(@_), '--name', 'x', '--env', 'testing' },
        [@user], 'token.create', sub { tokens(name => 'x') }],
    ['token rotate', sub { "tok_$_[0]_1" }, [@user, @token], 'token.rotate',
        sub { tokens(sub { defined $_[1]{rotated_to} }) }],
    ['token extend', sub { "tok_$_[0]_1", '--expires-in', '60d' },
        [@user, @token], 'token.extend', sub { tokens(sub {
            $_[1]{expires_at} > time + 45 * 86400 }) }],
    ['token revoke', sub { "tok_$_[0]_1" }, [@user, @token], 'token.revoke',
        sub { tokens(status => 'revoked') }],
    ['token restore', sub { "tok_$_[0]_1" }, [@user, @token, status => 'revoked'],
        'token.restore', sub { tokens(status => 'active') }],
    ['token delete', sub { "tok_$_[0]_1", '--force' },
        [@user, @token, status => 'revoked', used => 1], 'token.delete',
        sub { $kills + 3 - tokens() }],
    ['incident token', sub { "tok_$_[0]_1" }, [@user, @token, used => 1],
        'token.revoke', sub { tokens(status => 'revoked') }],
    ['incident user', sub { id(@_) }, [@user, tokens => 3, used => 1],
        'token.revoke', sub { tokens(status => 'revoked') }],
    ['seal', sub { '--key-file', $keys, '--force', '--token', "tok_$_[0]_1" },
        [@user, @token], 'token.seal',
        sub { tokens(sub { defined $_[1]{seal} }) }],
    ['scan', sub { put("$dir/scan", $clear{"tok_$_[0]_1"}), '--revoke' },
        [@user, @token], 'token.revoke', sub { tokens(status => 'revoked') }],
) {
    my ($verb, $args, $objects, $action, $changes) = @$case;

    $redis->cli('FLUSHALL');
    $st->run('init');
    $redis->cli('HSET', $redis->key('meta'), dataset => $Stok::Redis::dataset);
    $redis->cli('HSET', $redis->key('meta'), 'trust', 'actor');
    objects($_, @$objects) for -2 .. $kills;

    my ($killed, $done) = killed(sub { split(/ /, $verb), $args->(shift) });
    my ($code, $out) = $st->run('fsck');

    is($code, 0, "$verb: whole after $killed kills, $done were too late")
        or diag($out);
    is(entries($action), $changes->(), 'and each change is in the audit');
    cmp_ok($killed, '>', 10, 'kills have hit');
}

# an import of 600 tokens into a dataset that has none of them

$redis->cli('FLUSHALL');
$st->run('init');
many();
$st->run('export', "$dir/all");
twice('import', sub { $st->run('init') }, 'import', "$dir/all");

# fsck --fix of 60 losses

twice('fsck', sub {
    $st->run('init');
    many(60);
    $redis->cli('DEL', map { $redis->key($_) } 'tokens', 'expiry');
}, 'fsck', '--fix');

finish;


# a verb that is many scripts: whatever a kill leaves, it leaves whole records,
# and again the verb completes

sub twice {
    my ($verb, $before, @args) = @_;
    my ($whole, $again, $part, $ended) = (0, 0, 0, 0);
    my $there = sub { $redis->cli('ZCARD', $redis->key('tokens')) };

    my ($killed) = killed(sub { @args }, sub {
        $redis->cli('FLUSHALL');
        $before->();
    }, sub {
        my $had = $there->();

        $whole++ if $verb eq 'fsck' || whole();

        # found and fixed is 1; a run that did not end well explains the rest

        my ($code, $out, $err) = $st->run(@args);
        $code <= ($verb eq 'fsck') ? $ended++ : diag("again: $code $out$err");

        ($code, $out, $err) = $st->run('fsck');
        $code == 0 ? $again++ : diag("$code $out$err");

        $part++ if $had > 0 && $had < $there->();
    });

    is($whole, $kills, "$verb: what a kill leaves is whole");
    is($ended, $kills, "$verb: a second run ends well");
    is($again, $kills, 'and does the rest');
    cmp_ok($part, '>', 0, "$part of $killed kills left a part");
}

# fsck finds nothing but the mark of an import that has not come to its end

sub whole {
    my ($code, $out, $err) = $st->run('fsck');
    return $code == 0 || "$out$err" =~ /import has not come to its end/
        && $out !~ /^(?!importing)\w[\w-]* +\S+  /m;
}

# runs it for each object and kills it, at any time it may take; the machine
# may be busy, so what the last ones took counts

sub killed {
    my ($args, $before, $after) = @_;
    my ($killed, $done, $took) = (0, 0, 0);

    for my $n (-2 .. $kills) {
        my @args = $args->($n);
        $before->() if $before;

        my $start = time;
        my $pid = $st->start(@args);

        if ($n > 0) {
            sleep rand $took;
            kill 'KILL', $pid;
        }

        waitpid $pid, 0;

        if ($n <= 0) {
            my $time = time - $start;
            $took = $time if $took == 0 || $time < $took;
            next;
        }

        my $hit = $? & 127;

        $hit ? $killed++ : $done++;
        $took *= $hit ? 1.02 : 0.98;
        settled() if $after || $n == $kills;
        $after->() if $after;
    }

    return ($killed, $done);
}

# what they have sent is done

sub settled {
    wait_for('the connections are closed', sub {
        1 == grep { /\S/ } split /\n/, $redis->cli('CLIENT', 'LIST');
    });
}

sub id { 'u' . ($_[0] + 2) . '@service' }

# user n and its tokens, as the command makes them

sub objects {
    my ($n, %is) = @_;

    return if !%is;

    $redis->listed_user(id($n), status => $is{user}, created_by => 'root');

    for my $token (1 .. $is{tokens} // 0) {
        my $id = "tok_${n}_$token";

        $redis->listed_token(id => $id, user => id($n), name => "name $token",
            env => 'testing', expires_at => int(time) + 30 * 86400,
            status => $is{status} // 'active',
            $is{status} ? (revoked_at => 1_700_000_000) : ());
        $redis->used($id, last_used => 1_700_000_000, uses => 5) if $is{used};
        $clear{$id} = $Stok::Redis::tokens[-1];
    }
}

# a user with many tokens

sub many {
    $redis->listed_user('many@service');
    $redis->listed_token(id => "tok_$_", user => 'many@service',
        name => "name $_", expires_at => 2_000_000_000) for 1 .. $_[0] // 600;
}

# how many records are so: a field and its value, or a condition

sub count {
    my ($kind, $is, $value) = @_;
    my $n = 0;

    for my $key (@{ $redis->cli('KEYS', $redis->key("$kind:*")) }) {
        my %rec = @{ $redis->cli('HGETALL', $key) };
        my $id = $key =~ s/.*?:$kind://r;

        $n++ if !defined $is || (ref $is ? $is->($id, \%rec)
            : ($rec{$is} // '') eq $value);
    }

    return $n;
}

sub users { count('user', @_) }
sub tokens { count('token', @_) }

sub entries {
    my $action = shift;

    return scalar grep { my %entry = @{ $_->[1] }; $entry{action} eq $action }
        @{ $redis->cli('XRANGE', $redis->key('audit'), '-', '+') };
}

sub put {
    my ($path, $text) = @_;
    open my $fh, '>', $path or die "$path: $!";
    print $fh "$text\n";
    close $fh;
    return $path;
}
