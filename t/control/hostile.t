# Somebody who can write to Redis, and has no key, against an operator with the
# key file: attacks x verbs.  After each, with a real nginx as the judge:
#
#   - what was to be stopped is refused, or the command said that it failed;
#   - no record has a good seal that had none before: nothing is vouched for;
#   - no other record than those that were named has changed;
#   - no token lets in that did not, but the one that was asked for, and that
#     one has no more than the role of its user;
#   - what shows a record shows the true one, or says that it is not;
#   - there is one line for each failure, and no control character anywhere.

use strict;
use warnings;
use lib 't/lib';
use Stok::Command;
use Stok::Test;

my $key = { name => 'k1', secret => "\1" x 32 };
my ($user, $boss, $off) = ('etl@service', 'boss@service', 'off@service');
my $odd = "a\0b\e[2J\r\n\x7f\xff";
my $sly = "a\e[2J\x7f\xc2\x9b\xe2\x80\xae\xe2\x80\x8b\xe2\x80\xa8";

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis, '--actor', 'anna', '--key-file',
    key_file());
my (%t, %kept);

dataset();
my $nginx = edge(redis => $redis, cold => 1,
    files => { keys => Stok::Redis::key_file($key) },
    conf => 'service_token_key_file keys; service_token_cache_valid 0;');
wait_for('the edge knows T', sub { allowed('T') });

# name of the attack, what it writes, and what has to find it: f fsck, a audit
# verify, s show of T

my @attacks = (
    ['nothing', '', sub { }],

    # an index leads elsewhere

    ['id: leads to an admin\'s token', 'f', sub { set('id:tok_T', digest('V')) }],
    ['id: leads to one of the same user', 'f', sub { set('id:tok_T', digest('W')) }],
    ['id: leads to a revoked one', 'f', sub { set('id:tok_T', digest('R')) }],
    ['id: of the revoked one leads to T', 'f', sub { set('id:tok_R', digest('T')) }],
    ['id: of the revoked one leads to an admin\'s', 'f',
        sub { set('id:tok_R', digest('V')) }],
    ['id: leads to nothing', 'f', sub { set('id:tok_T', '0' x 64) }],
    ['id: is not a digest', 'f', sub { set('id:tok_T', "$odd") }],
    ['id: is gone', 'f', sub { redis('DEL', 'id:tok_T') }],
    ['id: leads to a copy', 'f', sub { decoy() }],
    ['id: leads to a revoked copy', 'f', sub { decoy(status => 'revoked') }],
    ['id: leads to a copy of another user', 'f', sub { decoy(user => $boss) }],
    ['id: leads to a copy without a seal', 'f', sub { decoy(seal => undef) }],
    ['id: leads to a copy, and the true one has lost its seal', 'f', sub {
        decoy();
        redis('HDEL', rec('T'), 'seal');
    }],
    ['a copy of what has lost its seal', 'f', sub {
        decoy();
        redis('HDEL', rec('T'), 'seal');
        set('id:tok_T', digest('T'));
    }],
    ['id: leads to a revoked copy with the seal of R', 'f', sub {
        decoy(status => 'revoked', seal => field('R', 'seal')) }],
    ['id: of the revoked one leads to an active copy', 'f', sub {
        redis('COPY', rec('R'), $redis->key('token:' . 'a' x 64));
        redis('HSET', 'token:' . 'a' x 64, 'status', 'active');
        set('id:tok_R', 'a' x 64);
    }],

    # seals

    ['every seal is taken off', 'f', sub {
        redis('HDEL', $_, 'seal') for names('token:*', 'user:*') }],
    ['every seal is taken off, and the mark', 'f', sub {
        redis('HDEL', $_, 'seal') for names('token:*', 'user:*');
        redis('HDEL', 'meta', 'sealed');
    }],
    ['every seal is taken off, roles are raised, and the mark', 'f', sub {
        redis('HDEL', $_, 'seal') for names('token:*', 'user:*');
        redis('HSET', "user:$user", 'role', 'admin');
        redis('HDEL', 'meta', 'sealed');
    }],
    (map { my $of = $_; ["the seal of $of is taken off", 'f', sub {
        redis('HDEL', rec($of), 'seal') }] } 'T', 'R'),
    ['the seal of the user is taken off', 'f', sub {
        redis('HDEL', "user:$user", 'seal') }],
    ['the seal of another token', 'f', sub {
        redis('HSET', rec('T'), 'seal', field('V', 'seal')) }],
    ['the seal of another user', 'f', sub {
        redis('HSET', "user:$user", 'seal',
            redis('HGET', "user:$boss", 'seal')) }],
    ['a token of another dataset', 'f', sub { elsewhere('T') }],
    ['a revoked token is active in another dataset', 'f',
        sub { elsewhere('R') }],
    ['a user of another dataset', 'f', sub {
        my %user = %{ hash("user:$user") };
        $user{role} = 'admin';
        redis('HSET', "user:$user", role => 'admin',
            seal => sealed_there('user', $user, \%user));
    }],
    ['a key that there is not', 'f', sub {
        redis('HSET', rec('T'), 'seal', 'k9:' . 'a' x 64) }],
    ['the record of T is the admin\'s', 'f', sub {
        redis('COPY', rec('V'), $redis->key(rec('T')), 'REPLACE') }],
    ['the user\'s record is the admin\'s', 'f', sub {
        redis('COPY', "user:$boss", $redis->key("user:$user"), 'REPLACE') }],

    # indexes

    ['user-tokens: lacks it', 'f', sub {
        redis('SREM', "user-tokens:$user", 'tok_T') }],
    ['tokens lacks it', 'f', sub { redis('ZREM', 'tokens', 'tok_T') }],
    (map { my $name = $_; ["$name is gone", 'f', sub { redis('DEL', $name) }] }
        "user-tokens:$user", 'tokens', 'users', 'expiry'),
    ['user-tokens: names one of another', 'f', sub {
        redis('SADD', "user-tokens:$user", 'tok_V') }],
    ['tokens names something that is not an id', 'f', sub {
        redis('ZADD', 'tokens', 1, $odd, 1, 'x' x 10_000) }],
    (map { my $name = $_; ["$name is a list", 'f', sub { other_type($name) }] }
        "user-tokens:$user", 'tokens', 'users', 'expiry', 'last_used',
        'audit', 'audit-head', 'usage:tok_T', 'id:tok_T'),
    ['a record is a list', 'f', sub { other_type(rec('W')) }],

    # the audit and the marker

    ['the audit is gone, and its head', 'af', sub {
        redis('DEL', $_) for 'audit', 'audit-head' }],
    ['an entry of the audit is gone', 'af', sub {
        my $all = redis('XRANGE', 'audit', '-', '+');
        redis('XDEL', 'audit', $all->[1][0]);
    }],
    ['the schema is another', '', sub { redis('HSET', 'meta', 'schema', 1) }],
    ['the dataset is another', '', sub {
        redis('HSET', 'meta', 'dataset', '0' x 32) }],
    ['the dataset has no id', '', sub { redis('HDEL', 'meta', 'dataset') }],
    ['the dataset is not sealed', '', sub { redis('HDEL', 'meta', 'sealed') }],
    ['the marker is gone', '', sub { redis('DEL', 'meta') }],
    ['the marker is a list', '', sub { other_type('meta') }],
    ['the marker has odd values', '', sub {
        redis('HSET', 'meta', 'approval', $odd, 'audit_max', $odd,
            'trust', $odd, 'brand', $odd) }],

    # what decides is changed, under the seal

    (map { my ($name, $value) = @$_; ["T: $name", 'fs', sub {
        redis('HSET', rec('T'), $name, $value) }] }
        ['expires_at', 0], ['status', 'revoked'], ['status', 'x'],
        ['user', $boss], ['scope', 'scim'], ['env', 'testing'], ['env', $odd],
        ['networks', '0.0.0.0/0'], ['rate', '9r/s'], ['name', 'x'],
        ['type', 'personal'], ['id', 'tok_V'], ['id', $odd],
        ['seal', $odd], ['user', $odd]),
    (map { my ($name, $value) = @$_; ["R: $name", 'f', sub {
        redis('HSET', rec('R'), $name, $value) }] }
        ['expires_at', 0], ['status', 'active'], ['user', $boss]),
    (map { my ($name, $value) = @$_; ["the user's $name", 'f', sub {
        redis('HSET', "user:$user", $name, $value) }] }
        ['role', 'admin'], ['status', 'pending'], ['kind', 'human'],
        ['use_case', 'x'], ['name', $odd], ['role', $odd]),
    ['a disabled user is active', 'f', sub {
        redis('HSET', "user:$off", 'status', 'active') }],

    # what does not decide is changed

    (map { my ($what, $value) = @$_; (
        ["T has $what where no seal is", '', sub {
            redis('HSET', rec('T'), created_by => $value) }],
        ["T has $what as its time", '', sub {
            redis('HSET', rec('T'), created_at => $value) }],
        ["R has $what as its time", '', sub {
            redis('HSET', rec('R'), revoked_at => $value) }],
        ["T has $what as links", '', sub {
            redis('HSET', rec('T'), rotated_to => $value,
                rotated_from => $value) }],
        ["T has a field $what", '', sub {
            redis('HSET', rec('T'), $value, $value) }],
        ["the user has $what where no seal is", '', sub {
            redis('HSET', "user:$user", purpose => $value, owner => $value,
                created_by => $value, $value, $value) }],
        ["its usage has $what", '', sub {
            redis('HSET', 'usage:tok_T', map { $_ => $value } qw(uses addrs
                last_addr last_location role_needed refused refused_at
                refused_addr refused_reason), $value) }],
    ) } ['a zero', $odd], ['controls', $sly], ['10 kB', 'x' x 10_000]),
    ['T has 100 fields', 'f', sub {
        redis('HSET', rec('T'), map { ("f$_", 'x') } 1 .. 100) }],
    ['rotated_to is an admin\'s', 'f', sub {
        redis('HSET', rec('T'), rotated_to => 'tok_V') }],
    ['used by nobody knows whom', '', sub {
        redis('ZADD', 'last_used', 9e15, 'tok_T');
        redis('HSET', 'usage:tok_T', uses => '-1', last_addr => '0');
    }],
);

# the verb; whom its change may touch; whose token has to be refused after it

my @verbs = (
    ['token show tok_T', [], 'show'],
    ['token list', []],
    ["token list --user $user", []],
    ['token rotation tok_T', []],
    ['token rotate tok_T', ['T'], 'new'],
    ["token create --user $user --name n --env testing", [], 'new'],
    ["token create --user $off --name n --env testing", [], 'new'],
    ['token revoke tok_T', ['T'], 'stop', 'T'],
    ['token restore tok_R', ['R'], 'restore'],
    ['token restore tok_T', ['T']],
    ['token delete tok_R --force', ['R'], 'stop', 'R'],
    ["user show $user", []],
    ['user list', []],
    ["user disable $user", [$user], 'stop', 'T', 'W'],
    ["user enable $off", [$off], 'restore'],
    ["user set-role $user admin", [$user]],
    ["user revoke-all $user", ['T', 'W', 'R'], 'stop', 'T', 'W'],
    ["user delete $user", [$user], 'stop', 'T', 'W'],
    ['incident token tok_T', ['T'], 'stop', 'T'],
    ["incident user $user", [$user, 'T', 'W', 'R'], 'stop', 'T', 'W'],
    ['review', []],
    ['seal', []],
    ['seal --token tok_T --force', ['T'], 'force'],
    ['seal --first', []],
    ['fsck', [], 'find', 'f'],
    ['fsck --fix', ['T', 'R', 'W', 'V'], 'fix'],
    ['export -', [], 'export'],
    ['audit verify', [], 'find', 'a'],
    ['audit', []],
    ['check', [], 'check'],
);

# STOK_HOSTILE: a part of an attack's name, to look at some

for my $attack (@attacks) {
    my ($name, $found, $do) = @$attack;
    my (@bad, $edge);

    next if $ENV{STOK_HOSTILE} && $name !~ /$ENV{STOK_HOSTILE}/;

    for my $verb (@verbs) {
        back();
        $do->();
        $edge //= { map { $_ => allowed($_) } keys %t };
        push @bad, map { "$verb->[0]: $_" } judge($found, $edge, @$verb);
    }

    is(join("\n", @bad), '', $name);
}

finish;


# what is wrong after a verb

sub judge {
    my ($found, $edge, $verb, $may, $kind, @of) = @_;

    my $before = records();
    my ($code, $out, $err) = $st->input("$t{T}\n", split / /, $verb);
    my $signal = $? & 127;
    my $after = records();
    my $now = "@$before{sort keys %$before}" eq "@$after{sort keys %$after}"
        ? $edge : { map { $_ => allowed($_) } keys %t };
    my %good = map { $_ => good($_, $before->{$_}) } keys %$before;
    my %case = (found => $found, verb => $verb, kind => $kind // '', of => \@of,
        may => { map { /@/ ? ("user:$_" => 1) : (rec($_) => 1) } @$may },
        code => $code, out => $out, err => $err, before => $before,
        after => $after, edge => $edge, now => $now, good => \%good);

    return ($signal ? "signal $signal" : ()), said_well(\%case),
        changed_well(\%case), passes(\%case), shows(\%case);
}

# one line, and nothing that a terminal would obey

sub said_well {
    my $case = shift;
    my $said = "$case->{out}$case->{err}";

    return (
        ($case->{code} > 4 ? "exit $case->{code}" : ()),
        ($case->{code} > 1 && $case->{kind} ne 'check'
            && $case->{err} !~ /^service-token: ./m ? 'no line' : ()),
        ($said =~ /[\0-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]/
            ? 'control characters' : ()),
    );
}

sub changed_well {
    my $case = shift;
    my ($before, $after, $new) = ($case->{before}, $case->{after}, 0);
    my @bad;

    for my $name (sort keys %{ { %$before, %$after } }) {
        next if ($before->{$name} // '') eq ($after->{$name} // '');

        if (!exists $before->{$name} && $case->{kind} eq 'new') {
            my %rec = %{ hash($name) };
            my $whose = $case->{verb} =~ /--user (\S+)/ ? $1 : $user;
            push @bad, 'a new token is not sealed, or of another'
                if $rec{user} ne $whose || !good($name, $after->{$name});
            $new++;
            next;
        }

        # a record without a seal that says that it is the one is stopped, too

        my $says = $case->{verb} =~ /^(?:user revoke-all|incident user)/
            ? "user\x02$user" : $case->{verb} =~ /^incident token/
            ? "id\x02tok_T" : "\x03";
        push @bad, "$name is changed" if !$case->{may}{$name}
            && ($case->{good}{$name} || $before->{$name} !~ /$says/);

        # a revocation may bring back what was sealed, as it was

        push @bad, "$name is vouched for" if defined $after->{$name}
            && good($name, $after->{$name}) && !$case->{good}{$name}
            && !($case->{kind} eq 'force' && $name eq rec('T')
                && !exists $before->{ 'token:' . 'a' x 64 })
            && (values_of($after->{$name})->{seal}
                ne (values_of($before->{$name})->{seal} // ''));
    }

    push @bad, "exit $case->{code}, $new tokens"
        if $case->{kind} eq 'new' && $new != ($case->{code} == 0);

    return @bad;
}

# nobody who did not; and not who was to be stopped

sub passes {
    my $case = shift;
    my ($edge, $now, $verb, $may) = @$case{qw(edge now verb may)};
    my ($token) = $case->{out} =~ /^(stk_\w+)$/m;
    my @bad;

    push @bad, 'a new token passes as admin, or of a disabled user'
        if $token && $case->{kind} eq 'new' && (verdict($token, '/admin/none')
            !~ /^40[13]/ || $verb =~ /$off/ && verdict($token) =~ /^200/);

    for (sort keys %t) {
        my $whose = 'user:' . ($_ eq 'V' ? $boss : $_ eq 'O' ? $off : $user);
        my $named = $may->{rec($_)} || $may->{$whose};

        push @bad, "$_ passes now" if $now->{$_} && !$edge->{$_}
            && !($case->{kind} eq 'restore' && $case->{code} == 0 && $named
                && /[RO]/ || $case->{kind} eq 'force' && $_ eq 'T');
        push @bad, "$_ is refused now" if !$now->{$_} && $edge->{$_} && !$named;
    }

    if ($case->{kind} eq 'stop' && $case->{code} == 0) {
        push @bad, map { "$_ passes, and exit 0" }
            grep { $now->{$_} } @{ $case->{of} };
    }

    return @bad;
}

# what shows or finds something

sub shows {
    my $case = shift;
    my ($kind, $code, $out, $good) = @$case{qw(kind code out good)};

    return $code == 0 && $case->{found} =~ /$case->{of}[0]/ ? 'finds nothing'
        : () if $kind eq 'find';

    return ($code == 0) == !!$case->{now}{T} ? () : "says $code" 
        if $kind eq 'check';

    if ($kind eq 'show' && $code == 0) {
        my ($id) = $out =~ /^id +(\S+)/m;
        my ($state) = $out =~ /^state +(\S+)/m;

        # what is unreadable has no seal at all; of a user, either

        my $right = $good->{rec('T')} && ($good->{"user:$user"} // 1);

        return "shows " . ($id // '') . ' ' . ($state // '')
            if $state ne 'unreadable' && ($id ne 'tok_T'
                    || ($state =~ /^(?:tampered|unsealed)$/) == !!$right)
                || $state eq 'unreadable' && $case->{now}{T};
    }

    if ($kind eq 'export') {
        return map { "exports $_" } grep { !$good->{$_}
            && index($out, /^token:(.*)/ ? $1 : "\"id\":\"$'\"") >= 0 }
            grep { exists $case->{before}{$_} } map { rec($_) } keys %t;
    }

    return ();
}


# tokens T and W of one user, R revoked, O of a user that is disabled, V of an
# admin; kept as Redis has them

sub dataset {
    $st->run('init');
    $redis->{key} = $key;

    $redis->listed_user($user);
    $redis->listed_user($boss, role => 'admin');
    $redis->listed_user($off, status => 'disabled');

    for (['T', $user], ['W', $user], ['R', $user, 'revoked'], ['V', $boss],
        ['O', $off])
    {
        my ($name, $of, $status) = @$_;

        $t{$name} = $redis->token(id => "tok_$name", user => $of,
            name => $name, expires_at => time + 86400,
            status => $status // 'active', revoked_at => $status ? time : 0);
        redis('SADD', "user-tokens:$of", "tok_$name");
        redis('ZADD', 'tokens', field($name, 'created_at'), "tok_$name");
        redis('ZADD', 'expiry', field($name, 'expires_at'), "tok_$name");
        redis('ZADD', 'last_used', time, "tok_$name");
    }

    redis('HSET', 'usage:tok_T', uses => 1, last_addr => '192.0.2.1');
    $st->run('user', 'describe', $user, '--owner', $_) for 'a', 'b', 'ops';

    %kept = map { $_ => $redis->cli('DUMP', $_) } @{ $redis->cli('KEYS', '*') };
}

sub back {
    my @keys = sort keys %kept;

    $redis->send(['FLUSHALL'], map { ['RESTORE', $_, 0, $kept{$_}] } @keys);
    $redis->reply for 0 .. @keys;
}

# every record, and the marker, by name: names and values, or what it is else

sub records {
    my @names = (names('token:*', 'user:*'), 'meta');
    my %all;

    $redis->send(map { ['HGETALL', $redis->key($_)] } @names);

    for (@names) {
        my $pairs = eval { $redis->reply } or $all{$_} = "odd: $@", next;
        my %rec = @$pairs;
        $all{$_} = join "\x01", map { "$_\x02$rec{$_}" } sort keys %rec;
    }

    return \%all;
}

sub good {
    my ($name, $record) = @_;

    return 0 if $record =~ /^odd: /;

    my %rec = %{ values_of($record) };
    my ($what, $of) = $name =~ /^(token|user):(.*)/s or return 0;

    return ($rec{seal} // '') eq Stok::Redis::seal($key, $what, $of, \%rec);
}

sub values_of { return { map { split /\x02/, $_, 2 } split /\x01/, shift } }

sub names {
    return map { substr $_, length $redis->key('') }
        map { @{ $redis->cli('KEYS', $redis->key($_)) } } @_;
}

sub verdict {
    my ($token, $uri) = @_;
    return said($nginx, $token, $uri // '/index.html');
}

sub allowed { verdict($t{ $_[0] }) =~ /^200/ ? 1 : 0 }

# a copy of T's record under another digest, to which the index leads

sub decoy {
    my %change = @_;

    redis('COPY', rec('T'), $redis->key('token:' . 'a' x 64));

    for (keys %change) {
        defined $change{$_} ? redis('HSET', 'token:' . 'a' x 64, $_, $change{$_})
            : redis('HDEL', 'token:' . 'a' x 64, $_);
    }

    set('id:tok_T', 'a' x 64);
}

# a record as another dataset of the same keys has it

sub elsewhere {
    my $name = shift;
    my %rec = (%{ hash(rec($name)) }, status => 'active');

    redis('HSET', rec($name), status => 'active',
        seal => sealed_there('token', digest($name), \%rec));
}

sub sealed_there {
    local $Stok::Redis::dataset = 'e6' x 16;
    return Stok::Redis::seal($key, @_);
}

sub key_file {
    our $dir = File::Temp->newdir;
    open my $fh, '>', "$dir/keys" or die;
    print $fh Stok::Redis::key_file($key);
    close $fh;
    chmod 0600, "$dir/keys";
    return "$dir/keys";
}

sub redis {
    my ($command, $name, @args) = @_;
    return $redis->cli($command, $redis->key($name), @args);
}

sub set { redis('SET', @_) }
sub other_type { redis('DEL', $_[0]); redis('RPUSH', $_[0], 'x') }
sub digest { $redis->digest($t{ $_[0] }) }
sub rec { 'token:' . digest($_[0]) }
sub hash { return { @{ redis('HGETALL', $_[0]) } } }
sub field { redis('HGET', rec($_[0]), $_[1]) }
