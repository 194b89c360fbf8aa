package Stok::Authority;

# A certificate authority of a test, by openssl.
#
#     my $authority = Stok::Authority->new;
#     my ($cert, $key) = $authority->issue('redis.test', days => -1,
#         names => 'DNS:redis.test,IP:127.0.0.1');

use strict;
use warnings;

use File::Temp ();

sub new {
    my $class = shift;

    my $dir = File::Temp->newdir('stok-ca-XXXXXX', TMPDIR => 1);
    my $self = bless { dir => $dir, n => 0 }, $class;

    openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes),
        qw(-subj /CN=authority -days 2), '-keyout', "$dir/ca.key",
        '-out', "$dir/ca.crt");

    return $self;
}

sub cert { "$_[0]{dir}/ca.crt" }

# days -1: it expired yesterday; until: the second when it expires

sub issue {
    my ($self, $name, %opt) = @_;

    my $base = "$self->{dir}/" . ++$self->{n};
    my $start = time + 86400 * (($opt{days} // 1) < 0 ? -2 : -1);
    my $end = $opt{until} // time + 86400 * ($opt{days} // 1);

    openssl(qw(req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes),
        '-subj', "/CN=$name", '-keyout', "$base.key", '-out', "$base.csr");

    write_file("$base.cnf", <<"EOC");
[ca]
default_ca = test
[test]
database = $base.index
rand_serial = yes
new_certs_dir = $self->{dir}
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = ${\($opt{names} // "DNS:$name")}
EOC
    write_file("$base.index", '');

    openssl(qw(ca -batch -notext -config), "$base.cnf",
        '-cert', "$self->{dir}/ca.crt", '-keyfile', "$self->{dir}/ca.key",
        '-startdate', stamp($start), '-enddate', stamp($end),
        '-in', "$base.csr", '-out', "$base.crt");

    return ("$base.crt", "$base.key");
}

sub stamp {
    my ($sec, $min, $hour, $day, $month, $year) = gmtime shift;
    return sprintf '%02d%02d%02d%02d%02d%02dZ', $year % 100, $month + 1, $day,
        $hour, $min, $sec;
}

sub write_file {
    my ($name, $text) = @_;
    open my $fh, '>', $name or die "$name: $!";
    print $fh $text;
    close $fh;
}

sub openssl {
    open my $fh, '-|', 'sh', '-c', 'exec openssl "$@" 2>&1 < /dev/null', 'sh',
        @_ or die "openssl: $!";
    local $/;
    my $said = <$fh> // '';
    close $fh or die "openssl @_: $said";
}

1;
