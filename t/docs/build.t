# The Makefile's promises to people who build, package and release: flags of
# the environment, the nginx of their choice, the same tarball from the same
# tree, and an uninstall that takes what install gave.

use strict;
use warnings;

use Cwd ();
use Digest::SHA;
use File::Temp ();
use Test::More;

delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS CFLAGS CPPFLAGS LDFLAGS CC WERROR)};

my $dir = File::Temp->newdir('stok-build-XXXXXX', TMPDIR => 1);
my $version = read_file('lib/stok.h') =~ /STOK_VERSION\s+"(.*)"/ ? $1 : 'none';

# flags

my $object = "$dir/b/lib/stok_class.o";
my $plain = make($object);

like($plain, qr/-O3 .*-Werror .*stok_class\.c$/m, 'by default');
like($plain, qr/-D_FORTIFY_SOURCE=2/, 'hardened');

{
    local @ENV{qw(CC CFLAGS CPPFLAGS LDFLAGS)} = qw(gcc -O1 -DMINE=1 -Lmine);

    like(make($object), qr/^gcc -DMINE=1 -O1 /m, 'CC, CPPFLAGS and CFLAGS');
    unlike(make($object), qr/-O3|FORTIFY/, 'instead of ours');
    like(make("$dir/b/service-token"), qr/^gcc -O1 -Lmine .*-o \S+service-token/m,
        'LDFLAGS of the command');

    my $configure = make("$dir/b/nginx/objs/Makefile");
    like($configure, qr/--with-cc="gcc"/, 'the module: CC');
    like($configure, qr/--with-cc-opt="-O1 -DMINE=1 /, 'the module: flags');
    like($configure, qr/--with-ld-opt="-Lmine /, 'the module: LDFLAGS');
}

unlike(make($object, 'WERROR='), qr/-Werror/, 'WERROR= leaves warnings alone');
like(make("$dir/b/nginx/objs/Makefile", 'WERROR='), qr/test -n "" \|\| sed/,
    'also of the module');
unlike(make("$dir/b/unit/same", 'SANITIZE='), qr/-fsanitize/, 'no sanitizers');

# other flags: it is compiled again

like(qx(make $object B=$dir/b), qr/stok_class\.c$/m, 'compiled');
is(qx(make $object B=$dir/b), '', 'once');
like(qx(make $object B=$dir/b CFLAGS=-O1), qr/-O1.*stok_class\.c$/m,
    'other flags: again');

# nginx's own sources

mkdir "$dir/nginx";
write_file("$dir/nginx/configure", "#!/bin/sh\n");
chmod 0755, "$dir/nginx/configure";

my $own = make("$dir/b/nginx/objs/Makefile", "NGINX_SRC=$dir/nginx");
like($own, qr/ \.\/configure\s+--with-compat .*--with-http_ssl_module/,
    'a release of nginx');
unlike($own, qr/conf_flags/, 'without what Debian adds');

mkdir "$dir/nginx/auto";
rename "$dir/nginx/configure", "$dir/nginx/auto/configure";
like(make("$dir/b/nginx/objs/Makefile", "NGINX_SRC=$dir/nginx",
    'NGINX_CONF=--with-debug'), qr/ auto\/configure\s+--with-debug /,
    'a checkout of nginx, and options of their own');

# one version

is(read_file('debian/changelog') =~ /\(([^)]+)-\d+\)/ ? $1 : '', $version,
    'debian/changelog has the version of lib/stok.h');

# a tarball, and one of the tree that it unpacks to

is(qx(util/dist $version $dir/one), "$dir/one/ngx_service_token_module-$version.tar.gz\n",
    'its name');
system('tar', '-xzf', tarball('one'), '-C', "$dir");
my $unpacked = "$dir/ngx_service_token_module-$version";
ok(-x "$unpacked/quickstart" && -e "$unpacked/debian/control", 'the tree');
ok(!-e "$unpacked/build" && !-e "$unpacked/.git", 'and nothing else');
system "cd $unpacked && umask 077 && util/dist $version build > /dev/null";
rename "$unpacked/build", "$dir/two";
is(digest('two'), digest('one'), 'the same bytes from an unpacked tree');

# install and uninstall

my $root = "$dir/root";
system "make -s install DESTDIR=$root > /dev/null";
my @installed = files($root);
ok(grep({ $_ eq "/usr/bin/service-token" } @installed), 'the command');
ok(grep({ $_ eq "/usr/lib/nginx/modules/ngx_service_token_module.so" } @installed),
    'the module');

for my $name (qw(README.md LICENSE docs/upgrade.md conf/redis.acl
              conf/systemd/nginx.service.d/hardening.conf))
{
    ok(grep({ $_ eq "/usr/share/doc/service-token/$name" } @installed), $name);
}

# whatever is installed is in a package: debhelper refuses to leave any out

my @packaged = map { "/$_" } map { split /\n/, read_file($_) } glob 'debian/*.install';
is(join(' ', grep { my $file = $_; !grep { index($file, $_) == 0 } @packaged }
    @installed), '', 'debian/*.install have all of it');

write_file("$root/usr/share/doc/service-token/mine", "mine\n");
system "make -s uninstall DESTDIR=$root";
is(join(' ', files($root)), '/usr/share/doc/service-token/mine',
    'uninstall leaves what is not its own');

done_testing;


# what make would do

sub make {
    my ($target, @set) = @_;
    my $set = join ' ', map { "'$_'" } "B=$dir/b", @set;
    return qx(make -n $target $set 2>&1);
}

sub tarball { "$dir/$_[0]/ngx_service_token_module-$version.tar.gz" }

sub digest { Digest::SHA->new(256)->addfile(tarball($_[0]))->hexdigest }

sub files {
    my $top = shift;
    return sort map { chomp; substr $_, length $top } qx(find $top -type f);
}

sub read_file {
    open my $fh, '<', shift or return '';
    local $/;
    return scalar <$fh>;
}

sub write_file {
    my ($name, $text) = @_;
    open my $fh, '>', $name or die "$name: $!";
    print $fh $text;
    close $fh;
}
