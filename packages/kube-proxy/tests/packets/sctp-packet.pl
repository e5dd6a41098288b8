# The part of SCTP packets, RFC 9260 §3, that associations of one message need.
package SctpPacket;
use strict;
use warnings;
use Exporter qw(import);

our @TYPES = qw(T_DATA T_INIT T_INIT_ACK T_SACK T_ABORT T_COOKIE_ECHO T_COOKIE_ACK);
our %EXPORT_TAGS = (all => [qw(encode decode chunk init data), @TYPES]);
our @EXPORT_OK = @{ $EXPORT_TAGS{all} };

# Types of chunks
use constant {
  T_DATA => 0,
  T_INIT => 1,
  T_INIT_ACK => 2,
  T_SACK => 3,
  T_ABORT => 6,
  T_COOKIE_ECHO => 10,
  T_COOKIE_ACK => 11,
};

# CRC32c, reflected: RFC 9260 appendix A
my @CRC = map {
  my $crc = $_;
  $crc = $crc & 1 ? ($crc >> 1) ^ 0x82F63B78 : $crc >> 1 for 1 .. 8;
  $crc;
} 0 .. 255;

sub checksum {
  my ($bytes) = @_;
  my $crc = 0xFFFFFFFF;
  $crc = $CRC[($crc ^ $_) & 0xFF] ^ ($crc >> 8) for unpack('C*', $bytes);
  return pack('V', $crc ^ 0xFFFFFFFF);
}

sub encode {
  my ($from, $to, $tag, @chunks) = @_;
  my $packet = pack('nnNN', $from, $to, $tag, 0) . join('', @chunks);
  substr($packet, 8, 4) = checksum($packet);
  return $packet;
}

# Undefined for an invalid packet or a wrong checksum: a NAT that rewrites ports must correct it.
sub decode {
  my ($bytes) = @_;
  return undef if length($bytes) < 12;
  my ($from, $to, $tag) = unpack('nnN', $bytes);
  my $sum = substr($bytes, 8, 4);
  substr($bytes, 8, 4) = "\0" x 4;
  return undef if $sum ne checksum($bytes);
  my %chunks;
  for (my $at = 12; $at + 4 <= length $bytes;) {
    my ($type, $flags, $length) = unpack('CCn', substr($bytes, $at, 4));
    last if $length < 4;
    $chunks{$type} = substr($bytes, $at + 4, $length - 4);
    $at += ($length + 3) & ~3;
  }
  return { from => $from, to => $to, tag => $tag, chunks => \%chunks };
}

sub chunk {
  my ($type, $value, $flags) = @_;
  $value //= '';
  return pack('CCn', $type, $flags // 0, 4 + length $value) . $value . "\0" x (-length($value) & 3);
}

# INIT, or INIT ACK with a state cookie: tag, window, one stream either way, first TSN
sub init {
  my ($tag, $tsn, $cookie) = @_;
  my $value = pack('NNnnN', $tag, 65_536, 1, 1, $tsn);
  return chunk(T_INIT, $value) if !defined $cookie;
  return chunk(T_INIT_ACK, $value . pack('nn', 7, 4 + length $cookie) . $cookie);
}

# A whole message on stream 0
sub data {
  my ($tsn, $text) = @_;
  return chunk(T_DATA, pack('NnnN', $tsn, 0, 0, 0) . $text, 3);
}

1;
