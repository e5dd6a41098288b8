# SCTP for the hosts of the test network, as Node.js has no such sockets; Perl's core has.
#   perl sctp.pl serve NAME PORT             tells whoever associates its own name and whom it sees
#   perl sctp.pl ask HOST PORT               says what it met; when there is no answer it waits on
# Many a kernel tracks and rewrites SCTP but has no sockets for it: there packets are made by hand.
use strict;
use warnings;
use Errno qw(EPROTONOSUPPORT ESOCKTNOSUPPORT);
use File::Basename qw(dirname);
use Socket qw(AF_INET SOCK_STREAM);

my $has_sockets = socket(my $probe, AF_INET, SOCK_STREAM, 132);
$has_sockets || $! == EPROTONOSUPPORT || $! == ESOCKTNOSUPPORT or die "socket: $!\n";
my $stack = $has_sockets ? 'SctpSockets' : 'SctpByHand';
require(dirname(__FILE__) . ($has_sockets ? '/sctp-sockets.pl' : '/sctp-by-hand.pl'));

my ($what, @arguments) = @ARGV;
if ($what eq 'serve') { $stack->can('serve')->(@arguments) }
else { print $stack->can('ask')->(@arguments), "\n" }
