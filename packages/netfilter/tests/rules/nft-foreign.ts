/** A table as administrators write them; `unknown` holds what the model does not know. */
export const FOREIGN = `
table inet foreign {
  set blocked { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1-192.0.2.9, 203.0.113.7 } }
  set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 22-80 } }
  set typed { typeof ip saddr . tcp dport; elements = { 192.0.2.1 . 80 } }
  map marks { type ipv4_addr : mark; flags interval; elements = { 10.0.0.0/8 : 1, 11.0.0.5 : 2 } }
  counter web { }
  chain target { }
  chain known {
    type filter hook input priority filter; policy accept;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iifname "lo" accept
    iif "lo" ip saddr != 127.0.0.0/8 drop
    tcp sport 1 tcp dport 2 accept
    ip saddr 10.0.0.1 ip daddr 10.0.0.2 counter packets 0 bytes 0 drop
    tcp dport { 22, 80-90 } ct state new limit rate 10/minute burst 5 packets accept
    ip saddr . tcp dport @typed accept
    ip saddr . tcp dport @pairs accept
    meta mark set ip saddr map @marks
    meta mark set ct mark and 0xff or 0x100
    ip6 saddr fd00::/16 tcp dport 22 log prefix "six " accept
    tcp flags & (fin | syn | rst | ack) == syn counter name "web"
    ip protocol icmp icmp type { echo-request, echo-reply } accept
    fib saddr . iif oif missing drop
    udp dport 53 reject with icmpx port-unreachable
    ip daddr 224.0.0.0/4 meta pkttype multicast drop
  }
  chain unknown {
    tcp option maxseg size set rt mtu
    tcp dport 80 tcp option maxseg size 1400 accept
    meta hour "10:00"-"12:00" tcp dport 80 accept
    ct label 1 accept
    tcp dport 22 meta priority set 1:2
  }
}
`;
