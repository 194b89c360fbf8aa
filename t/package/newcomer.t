# The packages are installed, and there is no compiler: somebody who is new
# follows docs/getting-started.md to its end.  util/matrix runs this in a tree
# of its own.

use strict;
use warnings;

use Test::More;

my %file = (
    STOK_MODULE => '/usr/lib/nginx/modules/ngx_service_token_module.so',
    SERVICE_TOKEN => '/usr/bin/service-token',
);

for my $name (sort keys %file) {
    ok(-e $file{$name}, "$file{$name} is there");
    $ENV{$name} = $file{$name};
}

is(qx(sh -c 'command -v cc gcc clang make'), '', 'no compiler, and no make');
is(qx(nginx -t 2>&1) =~ /successful/, 1, 'nginx loads the module');

for my $path (qw(README.md docs/getting-started.md conf/redis.acl conf/nginx.conf)) {
    ok(-e "/usr/share/doc/service-token/$path", "$path can be read as it is");
}

like(qx(bash -c '. /usr/share/bash-completion/completions/service-token; complete'),
    qr/service-token/, 'the completion');

my $said = qx(prove t/docs/docs_example.t 2>&1);
is($?, 0, 'the page works with what is installed') or diag($said);

done_testing;
