# What answers at the API server's port in a stand-in control plane: to plain HTTP, what a TLS server of Go's does.
# Without modules, which the image has not.
socket(my $s, 2, 1, 0) or die "socket: $!";
bind($s, pack("S n a4 x8", 2, 6443, "\0" x 4)) or die "bind: $!";
listen($s, 8) or die "listen: $!";
while (accept(my $c, $s)) {
    sysread($c, my $asked, 65536);
    syswrite($c, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
    close($c);
}
