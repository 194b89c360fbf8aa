package Stok::Status;

# The answer of service_token_status, as one flat hash: "lookups", "requests
# ALLOWED HIT", "epoch_bumps join".

use strict;
use warnings;

use JSON::PP ();

# a server of its own, so that asking is not counted; port PORT_S

sub server {
    return <<'EOC';
server {
    listen 127.0.0.1:%%PORT_S%%;
    location = /status { service_token_status; }
    location = /json { service_token_status json; }
    location = /metrics { service_token_status prometheus; }
}
EOC
}

sub new {
    my ($class, $nginx) = @_;
    return bless { nginx => $nginx }, $class;
}

sub get {
    my ($self, $uri) = @_;
    my $answer = $self->{nginx}->get($uri,
        port => $self->{nginx}->port('PORT_S'));
    my ($body) = $answer =~ /^HTTP\S+ 200 .*?\r\n\r\n(.*)/s
        or die "no status: $answer\n";
    return $body;
}

sub now {
    my $self = shift;
    my $object = JSON::PP::decode_json($self->get('/status'));

    delete @$object{qw(version nginx node)};

    return flat($object);
}

sub flat {
    my ($object, @path) = @_;
    my %flat;

    for my $key (keys %$object) {
        %flat = (%flat, ref $object->{$key}
            ? %{ flat($object->{$key}, @path, $key) }
            : (join(' ', @path, $key), $object->{$key}));
    }

    return \%flat;
}

# the numbers of a format in their order; the lease goes by

sub numbers {
    my ($self, $uri, $before) = @_;
    my $text = $self->get($uri);

    $text =~ s/^service_token_build_info.*\n//m;
    $text =~ s/"?(?:service_token_)?lease_seconds"?.[\d.]+//;

    return join ' ', $text =~ /$before([\d.]+)/g;
}

# what is true of now, and may fall

sub gauge {
    shift =~ /^(?:waiters|redis_links_down|touches_pending|records .*
        |throttle_addresses .*|lease_\w+|proof_last_seconds|stream .*|tracking_refused
        |redis_aof_enabled|redis_eviction|redis_evicted_keys)$/x;
}

# names in the exposition, without their labels

sub names {
    my $self = shift;
    my %name = map { $_ => 1 } $self->get('/metrics') =~ /^(\w+)/mg;
    return \%name;
}

# what promtool has to say of a text

sub promtool {
    my $text = shift;
    my $file = File::Temp->new;

    print $file $text;
    close $file;

    my $said = `promtool check metrics < $file 2>&1`;
    return $said . ($? ? "exit $?" : '');
}

1;
