use strict;
use warnings;

# A Redis that tells no changes: nothing is kept, which is said once.

use lib 't/lib';
use Stok::Test;

my %refuse = (
    'CLIENT TRACKING' => '-client|tracking',
    'CLIENT ID'       => '-client|id',
    'SUBSCRIBE'       => '-subscribe',
    'INFO'            => '-info',
);

for my $what (sort keys %refuse) {
    my $redis = Stok::Redis->start;

    $redis->user('user@service');
    $redis->cli('ACL', 'SETUSER', 'edge', 'on', '>secret', '~*', '&*', '+@all',
        $refuse{$what});

    my $token = $redis->token;
    my $nginx = edge(redis => $redis, cold => 1, name => "without $what",
        files => { secret => 'secret' },
        to => '%%REDIS%% user=edge password_file=%%DIR%%/secret');

    ok($nginx->wait_log(qr/\[error\].*refuses \Q$what\E: .*: records are not c/),
        "$what: said so");

    is(said($nginx, $token), '200 ALLOWED BYPASS', "$what: not cached")
        for 1 .. 6;

    $redis->cli('HSET', $redis->token_key($token), status => 'revoked');
    is(said($nginx, $token), '401 REVOKED BYPASS', "$what: at once") for 1 .. 3;

    next if $what ne 'CLIENT TRACKING';

    # asked again later, not said again; then it is allowed

    my $asked = sub { $redis->cli('INFO', 'commandstats')
        =~ /cmdstat_client\|tracking:.*?rejected_calls=(\d+)/ ? $1 : 0 };
    wait_for('asked again', sub { $asked->() > 1 }, 20);
    my $said = () = $nginx->log =~ /records are not cached/g;
    is($said, 1, 'said once');

    $redis->cli('ACL', 'SETUSER', 'edge', '+@all');
    wait_for('cached', sub { said($nginx, $token) eq '401 REVOKED HIT' }, 20);
    ok($nginx->wait_log(qr/\[notice\].*records are cached/), 'and says so');
}

finish();
