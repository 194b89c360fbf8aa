package Cases;

# The cases that are compared: each is an nginx of its own that serves the
# same small file, with another check in front of it.  The file is sent from
# memory, as cheaply as nginx can, so that a check is seen the better.

use strict;
use warnings;

use lib 't/lib';
use Stok::Nginx;
use Stok::Process;
use Stok::Redis;

my $connections = 16;

my $ours = <<'EOC';
    service_token_redis %%SOCKET%% timeout=5s connect_timeout=5s;
    service_token_zone service_token 16m;
EOC

my $lua = <<'EOC';
    lua_package_path "/usr/share/lua/5.1/?.lua;;";
EOC

# in the order in which they are shown: name, http, location, token

my @cases = (
    ['no check', '', '', 'valid'],

    ['ours, warm', $ours, 'service_token "bench";', 'valid'],

    ['ours, cache off', $ours . "    service_token_cache_valid 0;\n",
        'service_token "bench";', 'valid'],

    ['ours, unknown token', $ours, 'service_token "bench";', 'unknown'],

    ['auth_request', '', <<'EOC', 'valid'],
auth_request /auth;
EOC

    ['Lua, shared dictionary', $lua . <<'EOC', <<'EOL', 'valid'],
    lua_shared_dict tokens 16m;
    init_by_lua_block {
        local sha = require "nginx.sha256"
        local s = require "nginx.string"
        for _, token in ipairs({ %%TOKENS%% }) do
            local h = sha:new()
            h:update(token)
            ngx.shared.tokens:set(s.to_hex(h:final()),
                "user@service|manager|active")
        end
    }
EOC
access_by_lua_block {
    local header = ngx.var.http_authorization
    local token = header and string.match(header, "^[Bb]earer +(.+)$")
    if not token then return ngx.exit(401) end
    local h = require("nginx.sha256"):new()
    h:update(token)
    local record = ngx.shared.tokens:get(
        require("nginx.string").to_hex(h:final()))
    if not record then return ngx.exit(401) end
    if not string.find(record, "|active", 1, true) then return ngx.exit(401) end
}
EOL

    ['Lua, Redis each time', $lua, <<'EOL', 'valid'],
access_by_lua_block {
    local header = ngx.var.http_authorization
    local token = header and string.match(header, "^[Bb]earer +(.+)$")
    if not token then return ngx.exit(401) end
    local h = require("nginx.sha256"):new()
    h:update(token)
    local red = require("nginx.redis"):new()
    local key = "{st}:token:" .. require("nginx.string").to_hex(h:final())
    red:set_timeout(5000)
    local ok, err = red:connect("%%SOCKET%%")
    if not ok then return ngx.exit(503) end
    local record, err = red:hmget(key, "status", "user", "expires_at")
    if not record then return ngx.exit(503) end
    if record[1] ~= "active" then return ngx.exit(401) end
    local user, err = red:hmget("{st}:user:" .. record[2], "status", "role")
    if not user then return ngx.exit(503) end
    if user[1] ~= "active" then return ngx.exit(401) end
    red:set_keepalive(10000, 10)
}
EOL
);

sub names { map { $_->[0] } @cases }

sub connections { $connections }

# Redis with its tokens; all live as long as the object

sub new {
    my $class = shift;

    my $redis = Stok::Redis->start;
    # each connection has a token and a user of its own: no question is shared

    my @users = map { $redis->user("pipeline_$_\@service", role => 'manager') }
        1 .. $connections;

    my $self = bless {
        redis => $redis,
        valid => [ map { $redis->token(user => $_,
            name => 'production-integration-2026') } @users ],
        unknown => [ map { "unknown-token-of-the-same-length-0000000$_" }
            10 .. 9 + $connections ],
    }, $class;

    # what auth_request asks: the least that a backend can do

    $self->{backend} = Stok::Nginx->start(http => <<'EOC', plain => 1);
    keepalive_requests 1000000000;
    server { listen 127.0.0.1:%%PORT%%; location / { return 204; } }
EOC

    return $self;
}

# an nginx for one case; options as of Stok::Nginx, and steady: what happens
# by time, and not by requests, is put off

sub start {
    my ($self, $name, %opt) = @_;

    my ($case) = grep { $_->[0] eq $name } @cases;
    my (undef, $http, $location, $token) = @$case;
    my $port = $self->{backend}->port;
    my $main = '';

    if ($opt{steady} && $name =~ /^ours/) {
        $http .= "    service_token_lease 60s;\n";
        $http .= "    service_token_cache_valid 1h unknown=1h;\n"
            if $http !~ /cache_valid/;
    }

    if ($name =~ /^Lua/) {
        my $path = '/usr/share/nginx/modules';
        $main = "load_module /usr/lib/nginx/modules/ndk_http_module.so;\n"
            . "load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;";
    }

    my $text = <<"EOC";
    keepalive_requests 1000000000;
    open_file_cache max=16;
    tcp_nodelay on;
$http
    upstream backend { server 127.0.0.1:$port; keepalive 16;
        keepalive_requests 1000000000; }

    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
$location
        }

        location = /auth {
            internal;
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass_request_body off;
        }
    }
EOC

    my $socket = 'unix:' . $self->{redis}->socket;
    $text =~ s/%%SOCKET%%/$socket/g;
    $text =~ s/%%TOKENS%%/join ', ', map { qq("$_") } @{ $self->{valid} }/ge;

    my $nginx = Stok::Nginx->start(redis => $self->{redis}, http => $text,
        main => $main, plain => 1, %opt);

    return $nginx;
}

# the header of the i-th connection, and what is answered

sub header {
    my ($self, $name, $i) = @_;
    my @tokens = $self->tokens($name);
    return "Authorization: $tokens[$i % @tokens]";
}

# the values of Authorization, in turn

sub tokens {
    my ($self, $name) = @_;
    my ($case) = grep { $_->[0] eq $name } @cases;
    my @tokens = map { "Bearer $_" } @{ $self->{ $case->[3] } };

    # where Redis is asked each time, each connection has its own; elsewhere
    # one is enough, and leaves wrk more of its core

    return $name =~ /off|each time/ ? @tokens : $tokens[0];
}

# what runs besides the nginx of a case

sub pids {
    my $self = shift;
    return ($self->{redis}->pid, $self->{backend}->pid,
        $self->{backend}->workers);
}

sub expected { $_[1] =~ /unknown/ ? 401 : 200 }

1;
