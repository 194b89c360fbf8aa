# How a new token leaves: to standard output, or to a file that nobody else
# reads and that was not there; as it is, as JSON, as a line of an environment,
# as a Secret.  A token that cannot be delivered is not made.

use strict;
use warnings;
use lib 't/lib';
use Cwd ();
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Stok::Command;
use Stok::Test;

my $redis = Stok::Redis->start(empty => 1);
my $st = Stok::Command->new($redis);
my $dir = "$st->{dir}";
my $user = 'pipeline@service';
my $clear = qr/stk_svc_[0-9A-Za-z]{38}/;
my $binary = Cwd::abs_path($ENV{SERVICE_TOKEN} // 'build/service-token');
my $n = 0;

$st->run('init');
$st->run('user', 'create', 'Pipeline', '--purpose', 'p', '--owner', 'o');

# both verbs, the same way

for my $verb ('create', 'rotate') {
    my ($code, $out, $err) = $st->run(args($verb));
    is("$code $out" =~ /^0 $clear\n\z/, 1, "$verb: to standard output");

    # formats

    ($code, $out, $err) = $st->run(args($verb), '--format', 'env');
    like($out, qr/^SERVICE_TOKEN=$clear\n\z/, "$verb: env");
    known($out, $err, "$verb: env");
    is(shell($out), sha256_hex($out =~ /($clear)/), 'as a shell reads it');

    ($code, $out, $err) = $st->run(args($verb), '--format', 'json');
    my $json = eval { JSON::PP->new->utf8->decode($out) };
    like($json->{token}, qr/^$clear\z/, "$verb: json");
    known($out, $json->{id}, "$verb: json");
    ($code, $out, $err) = $st->run(args($verb), '--json');
    is(join(' ', sort keys %{ JSON::PP->new->utf8->decode($out) }),
        join(' ', sort keys %$json), 'as with --json');

    ($code, $out, $err) = $st->run(args($verb), '--format', 'k8s-secret');
    known($out, $err, "$verb: k8s-secret");

    # a file

    my $file = "$dir/$verb";
    ($code, $out, $err) = $st->run(args($verb), '--out', $file);
    is($code, 0, "$verb: --out");
    like($out, qr/^tok_\w{16}\n\z/, 'standard output has the id alone');
    my $text = Stok::Command::slurp($file);
    like($text, qr/^$clear\n\z/, 'the file has the token');
    known($text, $out, "$verb: --out");
    is(sprintf('%o', (stat $file)[2] & 07777), '600', 'for its owner alone');

    {
        my $old = umask 0777;
        ($code) = $st->run(args($verb), '--out', "$file-umask");
        umask $old;
        is(sprintf('%o', (stat "$file-umask")[2] & 07777), '600',
            'whatever the umask');
    }

    for my $format (qw(env json k8s-secret)) {
        ($code, $out, $err) = $st->run(args($verb), '--json', '--out',
            "$file-$format", '--format', $format);
        $json = JSON::PP->new->utf8->decode($out);
        ok(!exists $json->{token} && $out !~ $clear,
            "$format in a file: the record on standard output has no token");
        known(Stok::Command::slurp("$file-$format"), $json->{id}, $format);
    }

    # never one that was there, not even behind a link

    symlink $file, "$file-link" or die;
    symlink "$dir/nothing-$verb", "$file-dangling" or die;
    mkdir "$file-folder" or die;

    for my $there ($file, "$file-link", "$file-dangling", "$file-folder") {
        refused(3, qr/cannot make the file ".*": it exists already/,
            $verb, '--out', $there);
    }

    is(Stok::Command::slurp($file), $text, 'the file is as it was');
    ok(!-e "$dir/nothing-$verb", 'and none is behind the link');

    # what cannot be written is not made

    refused(3, qr/cannot make the file .*: No such file/, $verb, '--out',
        "$dir/none/file");
    refused(3, qr/cannot make the file .*: Not a directory/, $verb, '--out',
        "$file/x");
    refused(2, qr/bad --out/, $verb, '--out', '');
    refused(2, qr/bad --out/, $verb, '--out', '-');
    refused(2, qr/bad --format/, $verb, '--format', 'xml');
    refused(2, qr/both want standard output/, $verb, '--json', '--format',
        'env');

    # a disk that is full: here, a file that may not grow

    my $full = "$file-full";
    my @argv = args($verb);
    my $before = Stok::Command::snapshot($redis);
    $err = limited($full, @argv);
    like($err, qr/^service-token: cannot write the file .*: nothing was made$/,
        "$verb: a full disk");
    ok(!-e $full, 'no file is left');
    is(Stok::Command::snapshot($redis), $before, 'and no change');

    # a reader that is gone

    @argv = args($verb);
    $before = Stok::Command::snapshot($redis);
    broken_pipe(@argv);
    is(Stok::Command::snapshot($redis), $before,
        "$verb: a reader that is gone: no change");
}

is(Stok::Command::broken($redis), '', 'all keys agree');

finish;


# the words that make a token, of a new name or of this one

sub args {
    my ($verb, $name) = @_;
    my @create = ('token', 'create', '--user', $user, '--env', 'testing',
        '--name');

    $n++;
    $name //= "$verb $n";
    return (@create, $name) if $verb eq 'create';

    my ($code, $out, $err) = $st->run(@create, "to rotate $n");
    return ('token', 'rotate', Stok::Command::made($err), '--name', $name);
}

# the token that was delivered is the one of that id; the answer is the id

sub known {
    my ($text, $told, $what) = @_;
    my ($token) = $text =~ /($clear)/;
    my $id = Stok::Command::made($told) || $told =~ s/.*(tok_\w{16}).*/$1/sr;
    is($redis->cli('GET', $redis->key("id:$id")), sha256_hex($token // ''),
        "$what: it is the token");
    return $id;
}

# what a shell that reads the line then holds

sub shell {
    open my $fh, '>', "$dir/env" or die;
    print $fh shift;
    close $fh;
    my $value = `. '$dir/env'; printf %s "\$SERVICE_TOKEN"`;
    return sha256_hex($value);
}

sub limited {
    my ($file, @argv) = @_;
    my $quoted = join ' ', map { "'" . s/'/'\\''/gr . "'" } $binary, '--redis',
        'unix://' . $redis->socket, @argv, '--out', $file;
    open my $fh, '>', "$dir/limited" or die;
    print $fh "trap '' XFSZ\nulimit -f 0\nexec $quoted 2>&1 > /dev/null\n";
    close $fh;
    return scalar `bash '$dir/limited' | cat`;
}

sub broken_pipe {
    my @argv = @_;
    pipe my $read, my $write or die;
    close $read;
    my $pid = fork // die;
    if (!$pid) {
        open STDOUT, '>&', $write;
        $SIG{PIPE} = 'DEFAULT';
        exec $binary, '--redis', 'unix://' . $redis->socket,
            @argv or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    isnt($?, 0, "$argv[1]: a reader that is gone");
}

sub refused {
    my ($code, $says, $verb, @options) = @_;
    refused_argv($code, $says, args($verb), @options);
}

sub refused_argv {
    my ($code, $says, @args) = @_;

    my $before = Stok::Command::snapshot($redis);
    my ($got, $out, $err) = $st->run(@args);

    is($got, $code, "@args: refused");
    like($err, qr/^service-token: .*$says/, 'says why');
    is(() = $err =~ /\n/g, 1, 'in one line');
    is($out, '', 'with no output');
    is(Stok::Command::snapshot($redis), $before, 'and no change');
}
