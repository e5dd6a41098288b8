# SCTP on raw sockets, for kernels without SCTP sockets: see sctp.pl. Sends an association's four
# packets and one message; lost packets are sent again.
package SctpByHand;
use strict;
use warnings;
use Errno qw(ECONNREFUSED ENOPROTOOPT EPROTO);
use File::Basename qw(dirname);
use IO::Handle;
use IO::Select;
use Socket qw(:DEFAULT AF_INET6 inet_ntop inet_pton pack_sockaddr_in6 unpack_sockaddr_in6);

BEGIN {
  require(dirname(__FILE__) . '/sctp-packet.pl');
  SctpPacket->import(':all');
}

my $SCTP = 132;
my $AGAIN_SECONDS = 0.5;

sub open_socket {
  my ($family) = @_;
  socket(my $socket, $family, SOCK_RAW, $SCTP) or die "raw socket: $!\n";
  return $socket;
}

# Receives a packet and its sender; an IPv4 packet includes its IP header
sub receive {
  my ($socket, $family) = @_;
  my $peer = recv($socket, my $bytes, 65_535, 0);
  return undef if !defined $peer;
  $bytes = substr($bytes, 4 * (ord($bytes) & 0xF)) if $family == AF_INET;
  return (decode($bytes), $peer);
}

sub serve {
  my ($name, $port) = @_;
  my $select = IO::Select->new(\*STDIN);
  my %family_of;
  for my $family (AF_INET, AF_INET6) {
    my $socket = open_socket($family);
    $family_of{$socket} = $family;
    $select->add($socket);
  }
  STDOUT->autoflush(1);
  print "ready\n";
  while (1) {
    for my $ready ($select->can_read) {
      return if $ready == \*STDIN;
      my $family = $family_of{$ready};
      my ($packet, $peer) = receive($ready, $family);
      next if !$packet || $packet->{to} != $port;
      my @address = $family == AF_INET ? unpack_sockaddr_in($peer) : unpack_sockaddr_in6($peer);
      my $answer = answer($packet, "$name " . inet_ntop($family, $address[1]) . "\n") // next;
      send($ready, $answer, 0, $peer) // die "send: $!\n";
    }
  }
}

# The cookie holds all the server's state of an association. A repeated INIT gets the same tag as
# before: the kernel uses the last tag that it has seen, the client the first one.
sub answer {
  my ($packet, $text) = @_;
  my ($port, $peer_port, $chunks) = ($packet->{to}, $packet->{from}, $packet->{chunks});
  if (defined(my $value = $chunks->{+T_INIT})) {
    my ($peer_tag) = unpack('N', $value);
    my ($tag, $tsn) = (1 + $peer_tag % 0xFFFFFFFE, fresh());
    return encode($port, $peer_port, $peer_tag, init($tag, $tsn, pack('NNN', $peer_tag, $tag, $tsn)));
  }
  if (defined(my $cookie = $chunks->{+T_COOKIE_ECHO})) {
    my ($peer_tag, $tag, $tsn) = unpack('NNN', $cookie);
    return undef if $packet->{tag} != $tag;
    return encode($port, $peer_port, $peer_tag, chunk(T_COOKIE_ACK), data($tsn, $text));
  }
  return undef;
}

sub ask {
  my ($host, $port) = @_;
  my $family = $host =~ /:/ ? AF_INET6 : AF_INET;
  my $socket = open_socket($family);
  my $ip = inet_pton($family, $host);
  # connected, so that unreachable ports are reported
  connect($socket, $family == AF_INET ? pack_sockaddr_in(0, $ip) : pack_sockaddr_in6(0, $ip))
    or return met($! + 0);
  my $from = 32_768 + int(rand(28_000));
  my ($tag, $server_tag) = (fresh(), 0);
  my $question = encode($from, $port, 0, init($tag, fresh()));
  my $select = IO::Select->new($socket);
  while (1) {
    send($socket, $question, 0) // return met($! + 0);
    while ($select->can_read($AGAIN_SECONDS)) {
      my ($packet, $peer) = receive($socket, $family);
      return met($! + 0) if !defined $peer;
      next if !$packet || $packet->{to} != $from || $packet->{from} != $port;
      my $chunks = $packet->{chunks};
      return 'refused' if defined $chunks->{+T_ABORT};
      next if $packet->{tag} != $tag;
      if (defined(my $value = $chunks->{+T_INIT_ACK})) {
        next if $server_tag != 0;
        $server_tag = unpack('N', $value);
        # one parameter follows the fixed part: the cookie
        $question = encode($from, $port, $server_tag, chunk(T_COOKIE_ECHO, substr($value, 20)));
        last;
      }
      next if !defined(my $message = $chunks->{+T_DATA});
      my $ack = chunk(T_SACK, pack('NNnn', unpack('N', $message), 65_536, 0, 0));
      send($socket, encode($from, $port, $server_tag, $ack, chunk(T_ABORT)), 0);
      chomp(my $text = substr($message, 12));
      return $text;
    }
  }
}

# Tags and TSNs; a tag is never 0.
sub fresh { return 1 + int(rand(0xFFFFFFFE)) }

sub met {
  my ($errno) = @_;
  # a machine without SCTP answers "protocol unreachable"
  return 'refused' if grep { $errno == $_ } ECONNREFUSED, ENOPROTOOPT, EPROTO;
  local $! = $errno;
  return "error $!";
}

1;
