package Stok::Sample;

# conf/nginx.conf as a test runs it: in front of an application of ours, on
# free ports, also with HTTP/2 (%%PORT_H2%%).

use strict;
use warnings;

use Cwd ();

my $conf = Cwd::abs_path('conf');

sub http {
    my ($application, %opt) = @_;

    open my $fh, '<', 'conf/nginx.conf' or die "conf/nginx.conf: $!";
    local $/;
    my ($http) = <$fh> =~ /^http \{\n(.*)^\}\n/ms;

    # the harness has switched the log off for all servers

    my $h2 = 'listen 127.0.0.1:%%PORT_H2%% http2;';
    my $server = $opt{server} // '';

    $http =~ s/^    access_log .*\n//m;
    $http =~ s/listen 127\.0\.0\.1:8080;/listen 127.0.0.1:%%PORT%%; $h2
        access_log %%DIR%%\/access.log service_token; $server/;
    $http =~ s/127\.0\.0\.1:8081/127.0.0.1:%%PORT_STATUS%%/;
    $http =~ s/server 127\.0\.0\.1:3000/server 127.0.0.1:$application/;
    $http =~ s/include identity\.conf;/include $conf\/identity.conf;/g;

    return "service_token_redis %%REDIS%%;\n$http";
}

1;
