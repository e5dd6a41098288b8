# SCTP by the kernel's own sockets: see sctp.pl.
package SctpSockets;
use strict;
use warnings;
use Errno qw(ECONNREFUSED EINPROGRESS);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use IO::Handle;
use IO::Select;
use Socket qw(:DEFAULT AF_INET6 IN6ADDR_ANY IPPROTO_IP IPPROTO_IPV6 IPV6_V6ONLY inet_ntop inet_pton
  pack_sockaddr_in6 unpack_sockaddr_in6);

# Linux include/uapi/linux/in.h, in6.h: with these, "port unreachable" is reported at once
my ($SCTP, $IP_RECVERR, $IPV6_RECVERR) = (132, 11, 25);

sub open_socket {
  my ($family) = @_;
  socket(my $socket, $family, SOCK_STREAM, $SCTP) or die "socket: $!\n";
  # otherwise an association of one family would also have addresses of the other
  $family == AF_INET or setsockopt($socket, IPPROTO_IPV6, IPV6_V6ONLY, 1) or die "v6only: $!\n";
  return $socket;
}

sub serve {
  my ($name, $port) = @_;
  my %families;
  my $select = IO::Select->new(\*STDIN);
  my @addresses = (
    [AF_INET, pack_sockaddr_in($port, INADDR_ANY)],
    [AF_INET6, pack_sockaddr_in6($port, IN6ADDR_ANY)],
  );
  for my $listen (@addresses) {
    my ($family, $address) = @$listen;
    my $socket = open_socket($family);
    bind($socket, $address) or die "bind: $!\n";
    listen($socket, 16) or die "listen: $!\n";
    $families{$socket} = $family;
    $select->add($socket);
  }
  STDOUT->autoflush(1);
  print "ready\n";
  while (1) {
    for my $ready ($select->can_read) {
      return if $ready == \*STDIN;
      my $family = $families{$ready};
      if (!defined $family) {
        next if sysread($ready, my $bytes, 1024);
        $select->remove($ready);
        close $ready;
        next;
      }
      my $peer = accept(my $client, $ready) or next;
      my (undef, $ip) = $family == AF_INET ? unpack_sockaddr_in($peer) : unpack_sockaddr_in6($peer);
      syswrite($client, "$name " . inet_ntop($family, $ip) . "\n");
      $select->add($client);
    }
  }
}

sub ask {
  my ($host, $port) = @_;
  my $family = $host =~ /:/ ? AF_INET6 : AF_INET;
  my $socket = open_socket($family);
  my @option = $family == AF_INET ? (IPPROTO_IP, $IP_RECVERR) : (IPPROTO_IPV6, $IPV6_RECVERR);
  setsockopt($socket, $option[0], $option[1], 1) or die "recverr: $!\n";
  fcntl($socket, F_SETFL, fcntl($socket, F_GETFL, 0) | O_NONBLOCK) or die "fcntl: $!\n";
  my $ip = inet_pton($family, $host);
  my $to = $family == AF_INET ? pack_sockaddr_in($port, $ip) : pack_sockaddr_in6($port, $ip);
  my $select = IO::Select->new($socket);
  if (!connect($socket, $to)) {
    return met($! + 0) if $! != EINPROGRESS;
    $select->can_write;
    my $errno = unpack('i', getsockopt($socket, SOL_SOCKET, SO_ERROR));
    return met($errno) if $errno != 0;
  }
  $select->can_read;
  sysread($socket, my $text, 1024) // return met($! + 0);
  chomp $text;
  return $text;
}

sub met {
  my ($errno) = @_;
  return 'refused' if $errno == ECONNREFUSED;
  local $! = $errno;
  return "error $!";
}

1;
