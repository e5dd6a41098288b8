# SCTP for the hosts of the test network: Perl's core has SCTP sockets, Node.js does not.
#   perl sctp.pl serve NAME PORT   sends each client its own name and the client's address
#   perl sctp.pl ask HOST PORT     prints the outcome; keeps waiting when there is no answer
# Many kernels track and rewrite SCTP but have no sockets for it: there packets are made by hand.
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
