use strict;
use warnings;

# More tokens than the zone holds: all are right, the busy ones stay, and
# guesses push out none.

use lib 't/lib';
use Stok::Test;

my $redis = Stok::Redis->start;

$redis->user('user@service');

# 64k hold about 300

my $nginx = edge(redis => $redis, workers => 1,
    server => 'keepalive_requests 10000;',
    conf => 'service_token_cache_valid 600s unknown=600s;',
    zone => '64k');

my @busy = map { $redis->token(name => "busy$_") } 1 .. 20;
my @many = map { $redis->token(name => "many$_") } 1 .. 1500;

is_deeply(ask(@busy), { '200 ALLOWED MISS' => 20 }, 'first');
is_deeply(ask(@busy), { '200 ALLOWED HIT' => 20 }, 'kept');

# guesses: each is refused, and none of the busy ones goes

my $said = ask(map { 'guess-' . Stok::Redis::random(16) } 1 .. 3000);
is($said->{'401 UNKNOWN MISS'} // 0, 3000, 'guesses');
is_deeply(ask(@busy), { '200 ALLOWED HIT' => 20 }, 'guesses push out none');

# too many: none is wrong

for my $round (1 .. 2) {
    my %said;

    while (my @some = splice @many, 0, 100) {
        my $part = ask(@some, @busy);
        $said{$_} += $part->{$_} for keys %$part;
        last if !@many;
    }

    is(join(',', grep { !/^200 ALLOWED/ } keys %said), '', 'all are allowed');
    cmp_ok($said{'200 ALLOWED HIT'} // 0, '>=', 15 * 15, 'the busy stay')
        if $round == 1;
    @many = map { $redis->token(name => "more$_") } 1 .. 100;
}

$redis->cli('HSET', $redis->token_key($busy[3]), status => 'revoked');
wait_for('refused', sub { said($nginx, $busy[3]) =~ /^401 REVOKED/ });
pass('a change is heard in a full zone, too');

finish();


# over one connection: how many got which answer

sub ask {
    my %said;
    my $text = '';

    push @Stok::Redis::tokens, @_;

    for my $i (0 .. $#_) {
        my $close = $i == $#_ ? 'close' : 'keep-alive';
        $text .= "GET /index.html HTTP/1.1\r\nHost: h\r\nConnection: $close\r\n"
            . "Authorization: Bearer $_[$i]\r\n\r\n";
    }

    my $answer = $nginx->raw($text);
    $said{"$1 $2 $3"}++ while $answer =~
        /HTTP\S+ (\d+) .*?X-Status: (\S+)\r\nX-Cache: (\S+)\r/gs;

    return \%said;
}
