# The connection is lost in the middle of an answer: the record has come, the
# marker has not.  Two connections may lead to two servers, so the halves make
# no answer; the question is asked once more, and nobody is refused for it.

use strict;
use warnings;
use lib 't/lib';
use Stok::Test;

# a server that closes instead of the marker, so many times

sub answers {
    my ($lose) = @_;
    my $split = 0;

    return sub {
        my ($args) = @_;

        if ($args->[0] eq 'HMGET') {
            return "*2\r\n\$-1\r\n\$-1\r\n" if $args->[1] =~ /tick$/;

            if ($split) {
                $split = 0;
                $lose--;
                return 'CLOSE';
            }

            return Stok::FakeRedis::marker();
        }

        $split = ($lose > 0);

        return Stok::FakeRedis::hash(qw(kind service role member
            status active)) if $args->[1] =~ /user:/;
        return Stok::FakeRedis::hash(qw(id tok_x user u@service name n
            type service status active expires_at 0));
    };
}

for my $valid ('0', '60s') {

    for my $case ([1, 200, 'lost once: asked again'],
                  [2, 503, 'lost twice: Redis cannot answer'])
    {
        my ($times, $status, $name) = @$case;

        my $redis = Stok::FakeRedis->start(answers($times));
        my $nginx = Stok::Nginx->start(redis => $redis, http => <<"EOC");
    service_token_redis %%REDIS_ADDR%% timeout=20s connect_timeout=5s;
    service_token_cache_valid $valid;
    server { listen 127.0.0.1:%%PORT%%; service_token api; }
EOC

        is(status_of($nginx->get('/index.html', token => 'foreign')), $status,
            "$name, cache_valid $valid");

        is(scalar(() = $redis->log =~ /HGETALL/g), $times == 1 ? 3 : 2,
            'as many questions as it needs');

        $nginx->stop;
    }
}

finish;
