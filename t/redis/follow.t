use strict;
use warnings;

# Behind one name there is another server from now on, and only the stream has
# noticed: its connection was cut, the data links go on with the old one.  A
# node once stayed there for good, and let in what the new one had revoked.

use lib 't/lib';
use Stok::Test;

my $old = Stok::Redis->start;
my $new = Stok::Redis->start;
my $proxy = Stok::Proxy->start($old);
my $to = '127.0.0.1:' . $proxy->port . ' timeout=5s connect_timeout=5s';

$_->user('user@service') for $old, $new;

my $nginx = edge(redis => $proxy, to => $to, workers => 2);
my $token = $old->token;

$new->token(clear => $token, status => 'revoked');
wait_for('cached', sub { said($nginx, $token) eq '200 ALLOWED HIT' });

$proxy->target($new);
$old->cli('CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');

wait_for('both workers ask the new server',
    sub { !grep { said($nginx, $token) !~ /^401 REVOKED/ } 1 .. 8 }, 10);
pass('both workers follow');

wait_for('the cache is in use again',
    sub { !grep { said($nginx, $token) ne '401 REVOKED HIT' } 1 .. 8 }, 15);
pass('and use the cache again');

# back to the first, in the same way

$proxy->target($old);
$new->cli('CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
wait_for('and back',
    sub { !grep { said($nginx, $token) ne '200 ALLOWED HIT' } 1 .. 8 }, 15);
pass('and back');

finish();
