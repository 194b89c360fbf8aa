package Stok::Redis;

# A real server in a temporary folder, on a unix socket and a free TCP port of
# 127.0.0.1, and records written to it without the project's code.  It is Redis,
# or Valkey where there is no Redis; STOK_REDIS=valkey-server chooses.

use strict;
use warnings;

use Compress::Zlib ();
use Digest::SHA qw(sha256_hex hmac_sha256_hex);
use File::Path ();
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use Stok::Process;

# as the command writes them

my @fields = qw(id user kind name type role scope env networks rate status
    purpose owner use_case created_at created_by expires_at revoked_at
    rotated_from rotated_to seal);
my %order = map { $fields[$_] => $_ } 0 .. $#fields;

my ($server) = $ENV{STOK_REDIS} // grep { on_path($_) } 'redis-server',
    'valkey-server';

our @tokens;    # every plaintext token that a test has seen

our $dataset = 'd5' x 16;    # of every server that a test does not say more of

my @digits = ('0' .. '9', 'A' .. 'Z', 'a' .. 'z');

sub on_path {
    my $program = shift;
    return grep { -x "$_/$program" } split /:/, $ENV{PATH};
}

sub start {
    my ($class, %opt) = @_;

    my $dir = File::Temp->newdir('stok-redis-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;

    my $self = bless {
        dir    => $dir,
        prefix => $opt{prefix} // '{st}:',
        opt    => $opt{options} // [],
        auth   => $opt{auth},
        sealed => $opt{sealed},
        aof    => $opt{empty}
            && !(grep { $_ eq '--appendonly' } @{ $opt{options} // [] }),
        port   => $opt{port} // Stok::Process::free_port(),
    }, $class;

    $self->up;
    $self->init unless $opt{empty};

    return $self;
}

# A dataset that the command makes has what it wants, an append-only file, so
# that it warns of nothing; a test cannot get back that way what was there
# before a restart.

sub up {
    my $self = shift;

    File::Path::remove_tree("$self->{dir}/appendonlydir") if $self->{aof};

    $self->{process} = Stok::Process->start(
        log  => "$self->{dir}/redis.log",
        argv => [
            $server,
            '--port', $self->{port}, '--bind', '127.0.0.1',
            '--unixsocket', $self->socket, '--unixsocketperm', '777',
            '--dir', "$self->{dir}", '--save', '',
            $self->{aof} ? ('--appendonly', 'yes') : (),
            @{ $self->{opt} },
        ],
    );

    Stok::Process::wait_for('redis answers',
        sub { eval { $self->cli('PING') } || $@ =~ /NOAUTH/ });
}

sub down {
    my $self = shift;

    delete $self->{sock};
    $self->{process}->stop('TERM') if $self->{process};
    delete $self->{process};
}

# as a crash ends it

sub crash {
    my $self = shift;

    delete $self->{sock};
    $self->{process}->stop('KILL');
}

sub port   { $_[0]{port} }
sub socket { "$_[0]{dir}/redis.sock" }
sub pid    { $_[0]{process}{pid} }
sub dir    { "$_[0]{dir}" }

# one command; dies of an error reply

sub cli {
    my ($self, @args) = @_;
    $self->send(\@args);
    return $self->reply;
}

# the same in two steps, for several commands at once, and to wait elsewhere

sub send {
    my ($self, @commands) = @_;

    if (!$self->{sock}) {
        $self->{sock} = IO::Socket::UNIX->new(Peer => $self->socket)
            or die "cannot connect to redis: $!\n";

        $self->cli('AUTH', @{ $self->{auth} }) if $self->{auth};
    }

    my $sock = $self->{sock};

    print $sock map { my @args = @$_; '*' . @args . "\r\n",
        map { my $arg = "$_"; '$' . length($arg) . "\r\n$arg\r\n" } @args }
        @commands;
    $sock->flush;
}

sub reply {
    my $self = shift;

    my $reply = eval { read_reply($self->{sock}) };

    if (ref $reply eq 'Stok::Redis::Error') {
        die "$$reply\n";
    }

    if ($@) {
        delete $self->{sock};
        die $@;
    }

    return $reply;
}

sub read_reply {
    my $sock = shift;

    my $line = <$sock>;
    die "redis closed the connection\n" if !defined $line;
    $line =~ s/\r\n\z//;

    my $type = substr $line, 0, 1, '';

    return $line if $type eq '+';
    return $line + 0 if $type eq ':';
    return bless \$line, 'Stok::Redis::Error' if $type eq '-';

    if ($type eq '$') {
        return undef if $line < 0;

        my $data = '';
        while (length $data < $line + 2) {
            read $sock, $data, $line + 2 - length $data, length $data
                or die "redis closed the connection\n";
        }

        return substr $data, 0, $line;
    }

    return undef if $line < 0;
    return [ map { read_reply($sock) } 1 .. $line ];
}

# what INFO says of one command: how often it was called

sub calls {
    my ($self, $command) = @_;

    my $info = $self->cli('INFO', 'commandstats');

    return $info =~ /cmdstat_\Q$command\E:calls=(\d+)/ ? $1 : 0;
}

# how often a script ran, however it was sent

sub scripts {
    my $self = shift;

    my $info = $self->cli('INFO', 'commandstats');
    my ($calls) = $info =~ /cmdstat_evalsha:calls=(\d+)/;
    my ($failed) = $info =~ /cmdstat_evalsha:.*failed_calls=(\d+)/;

    return $self->calls('eval') + ($calls // 0) - ($failed // 0);
}

sub key {
    my ($self, $name) = @_;
    return $self->{prefix} . $name;
}

sub init {
    my $self = shift;
    $self->cli('HSET', $self->key('meta'), 'schema', 2, 'created_at', time,
        'brand', 'stk', 'dataset', $dataset,
        $self->{sealed} ? ('sealed', 1) : ());
}

sub user {
    my ($self, $id, %field) = @_;

    my %record = (
        kind => 'service', name => $id, role => 'member', status => 'active',
        purpose => 'tests', owner => 'ops', created_at => time,
        created_by => 'root', %field,
    );

    $record{seal} = seal($self->{key}, 'user', $id, \%record)
        if $self->{key} && !exists $record{seal};

    $self->write($self->key("user:$id"), \%record);

    return $id;
}

# The text of a key file, the current key first.  A server whose {key} is one of
# the keys gets its records sealed by it.

sub key_file {
    my @keys = @_;

    return "dataset $dataset\n" . join '',
        map { "$_->{name} " . unpack('H*', $_->{secret}) . "\n" } @keys;
}

# a token's record; the answer is the plaintext token

sub token {
    my ($self, %field) = @_;

    my $clear = delete $field{clear};
    my $kind = delete $field{kind} // 'svc';

    if (!defined $clear) {
        my $body = "stk_${kind}_" . random(32);
        $clear = $body . checksum($body);
    }

    push @tokens, $clear;

    my %record = (
        id => 'tok_' . random(16), user => 'user@service', name => 'a token',
        type => 'service', scope => '', env => 'production',
        status => 'active', created_at => time, created_by => 'root',
        expires_at => 0, %field,
    );

    my $digest = $self->digest($clear);

    $record{seal} = seal($self->{key}, 'token', $digest, \%record)
        if $self->{key} && !exists $record{seal};

    $self->write($self->key("token:$digest"), \%record);
    $self->cli('SET', $self->key("id:$record{id}"), $digest)
        if defined $record{id};

    return $clear;
}

# a user and a token that stand in the indexes, as the command makes them; the
# answer is the id

sub listed_user {
    my ($self, $id, %field) = @_;

    $field{created_at} //= time;
    $self->user($id, %field);
    $self->cli('ZADD', $self->key('users'), $field{created_at}, $id);
    $self->cli('ZADD', $self->key('pending'), $field{created_at}, $id)
        if ($field{status} // '') eq 'pending';

    return $id;
}

sub listed_token {
    my ($self, %field) = @_;

    $field{id} //= 'tok_' . random(16);
    $field{user} //= 'user@service';
    $field{created_at} //= time;
    $self->token(%field);

    $self->cli('SADD', $self->key("user-tokens:$field{user}"), $field{id});
    $self->cli('ZADD', $self->key('tokens'), $field{created_at}, $field{id});
    $self->cli('ZADD', $self->key('expiry'), $field{expires_at}, $field{id})
        if $field{expires_at};
    $self->cli('ZADD', $self->key('rotating'), $field{expires_at} // 0,
        $field{id}) if $field{rotated_to}
        && ($field{status} // 'active') eq 'active';

    return $field{id};
}

# the use of a token, as the edge writes it

sub used {
    my ($self, $id, %usage) = @_;

    my $last = delete $usage{last_used};
    $self->cli('ZADD', $self->key('last_used'), $last, $id) if $last;
    $self->cli('HSET', $self->key("usage:$id"), %usage) if %usage;

    return $id;
}

# comes back when a node has heard of all changes so far

sub heard {
    my $self = shift;
    my $nonce = random(16);

    $self->cli('SET', "$self->{prefix}watch:mark:$nonce", 1, 'EX', 10);
    Stok::Process::wait_for('a node has heard', sub {
        $self->cli('SCARD', "$self->{prefix}ack:$nonce") });
}

sub token_key {
    my ($self, $clear) = @_;
    return $self->key('token:' . $self->digest($clear));
}

sub digest {
    my ($self, $clear) = @_;
    return $self->{key} ? hmac_sha256_hex($clear, $self->{key}{secret})
                        : sha256_hex($clear);
}

# undef as a value: the field is left out

sub write {
    my ($self, $key, $record) = @_;

    $self->cli('DEL', $key);
    $self->cli('HSET', $key,
        map { ($_, $record->{$_}) } grep { defined $record->{$_} }
        sort { ($order{$a} // 99) <=> ($order{$b} // 99) || $a cmp $b }
        keys %$record);
}

# of a token by its digest, of a user by its id

my %sealed = (
    token => [qw(id user name type scope env status expires_at networks rate)],
    user => [qw(kind name role status use_case)],
);

sub seal {
    my ($key, $what, $of, $record) = @_;

    my @fields = ($of, map { $record->{$_} // '' } @{ $sealed{$what} });
    my $text = "stok-seal-2 $what\n" . join '',
        map { length($_) . ":$_\n" } $dataset, @fields;

    return "$key->{name}:" . hmac_sha256_hex($text, $key->{secret});
}

sub random {
    my $n = shift;
    return join '', map { $digits[rand @digits] } 1 .. $n;
}

sub checksum {
    my $crc = Compress::Zlib::crc32(shift);
    my $text = '';

    for (1 .. 6) {
        $text = $digits[$crc % 62] . $text;
        $crc = int($crc / 62);
    }

    return $text;
}

sub DESTROY { local ($@, $?); $_[0]->down }

1;
