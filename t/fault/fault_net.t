use strict;
use warnings;

# The way to Redis breaks: it swallows, resets, refuses, is slow, or brings
# one byte at a time.  See Stok::Fault for what must hold.

use lib 't/lib';
use Stok::Fault;
use Stok::Test;

plan(skip_all => 'under valgrind nothing is in time')
    if ($ENV{TEST_RUNNER} // '') eq 'valgrind';

my $redis = Stok::Redis->start;
my $proxy = Stok::Proxy->start($redis);
my $fault = Stok::Fault->new(redis => $redis, proxy => $proxy);
my @both = qw(data stream);

# name, and what is done

my @table = (
    ['both links swallow', down => 1, lasts => 2,
        begin => sub { $proxy->hold($_) for @both },
        end => sub { $proxy->release($_) for @both }],
    ['the data links swallow', down => 1, lasts => 2,
        begin => sub { $proxy->hold('data') },
        end => sub { $proxy->release('data') }],
    ['the stream swallows', up => 1, lasts => 2.5,
        begin => sub { $proxy->hold('stream') },
        end => sub { $proxy->release('stream') }],

    ['both links are reset', up => 1,
        begin => sub { $proxy->reset($_) for @both }],
    ['the data links are reset again and again', lasts => 0.1,
        begin => sub { $proxy->reset('data') for 1 .. 30 }],
    ['the stream is reset again and again', up => 1, lasts => 0.1,
        begin => sub { $proxy->reset('stream') for 1 .. 30 }],
    ['new connections are reset', down => 1,
        begin => sub { $proxy->refuse(1); $proxy->reset($_) for @both },
        end => sub { $proxy->refuse(0) }],

    ['one byte a write', up => 1,
        begin => sub { $proxy->drip($_, 1) for @both },
        end => sub { $proxy->drip($_, 0) for @both }],
    ['answers come after 100 ms', up => 1,
        begin => sub { $proxy->delay('data', 0.1) },
        end => sub { $proxy->delay('data', 0) }],
    ['answers come after the timeout', lasts => 2.5, down => 1,
        begin => sub { $proxy->delay('data', 0.8) },
        end => sub { $proxy->delay('data', 0) }],
    ['changes come after 400 ms', up => 1, lasts => 2,
        begin => sub { $proxy->delay('stream', 0.4) },
        end => sub { $proxy->delay('stream', 0) }],
);

$fault->try(@$_) for @table;

finish();
