/** Rules for every match and target of Debian's iptables, as a person would write them. */

export interface CorpusRule {
  /** Words of a restore line, without `-A CHAIN`. */
  readonly text: string;
  /** `filter` INPUT when absent. */
  readonly at?: readonly [table: string, chain: string];
  /** Both families when absent. */
  readonly family?: 'IPv4' | 'IPv6';
}

const both = (...texts: readonly string[]): CorpusRule[] => texts.map((text) => ({ text }));
const only = (family: 'IPv4' | 'IPv6', ...texts: readonly string[]): CorpusRule[] =>
  texts.map((text) => ({ text, family }));
const at = (table: string, chain: string, rules: readonly CorpusRule[]): CorpusRule[] =>
  rules.map((rule) => ({ ...rule, at: [table, chain] as const }));

const GENERAL = [
  ...both('', '-j ACCEPT', '-j DROP', '-j RETURN', '-j OTHER', '-g OTHER'),
  ...both('! -p tcp -j ACCEPT', '-p tcp', '-p 47 -j DROP', '-p gre', '-p all -j DROP', '-p esp'),
  ...both('-i eth0', '! -i eth+ -j DROP', '-i lo -s ::/0 -j DROP', '! -i eth0.100 -p udp'),
  ...only('IPv4', '-s 10.0.0.1 -j DROP', '! -s 10.0.0.0/8 ! -d 192.0.2.0/24', '-f -j DROP', '! -f'),
  ...only('IPv4', '-s 10.0.0.0/255.0.255.0 -j DROP', '-p icmp -j ACCEPT', '-s 0.0.0.0/0 -i +'),
  ...only('IPv6', '-s fd00::1 -j DROP', '! -s fd00::/8 ! -d 2001:db8::/32', '-p ipv6-icmp'),
  ...at('filter', 'FORWARD', both('-i eth0 ! -o eth1', '-i eth0 -o br-+ -j ACCEPT')),
];

const PORTS = [
  ...both('-p tcp -m tcp --dport 80', '-p tcp -m tcp --dport 80:90 -j DROP', '-p tcp --dport 80'),
  ...both('-p tcp -m tcp ! --dport 80', '-p tcp -m tcp ! --sport 1024:65535 --dport 22 -j ACCEPT'),
  ...both('-p tcp -m tcp --dport :1023', '-p tcp -m tcp --dport 1024:', '-p udp -m udp --sport 53'),
  ...both('-p tcp -m tcp', '-p udp -m udp', '-p tcp -m tcp --syn', '-p tcp ! --syn -j DROP'),
  ...both('-p tcp -m tcp --tcp-flags SYN,RST SYN', '-p tcp ! --tcp-flags ALL NONE -j DROP'),
  ...both('-p tcp -m tcp --tcp-option 8', '-p tcp --dport 80 ! --tcp-option 8'),
  ...both(
    '-p tcp -m comment --comment a -m tcp --dport 80',
    '-p tcp -m limit --limit 1/sec -m tcp',
  ),
  ...both('-p udp -m mark --mark 1 -m udp --dport 53 -m comment --comment last'),
  ...both('-p sctp -m sctp --dport 36412', '-p sctp -m sctp --chunk-types any INIT,DATA'),
  ...both('-p dccp -m dccp --dport 100:200 --dccp-types REQUEST,RESPONSE', '-p udplite -j DROP'),
  ...both('-p tcp -m multiport --dports 22,80,443', '-p udp -m multiport ! --ports 53,5000:5010'),
  ...both('-p tcp -m multiport --sports 1:2 -m tcp --dport 80 -j DROP'),
];

const PLAIN_MATCHES = [
  ...both('-m addrtype --src-type LOCAL', '-m addrtype ! --dst-type LOCAL -j DROP'),
  ...both('-m addrtype --src-type LOCAL,UNICAST ! --dst-type MULTICAST'),
  ...both('-m addrtype --dst-type LOCAL --limit-iface-in'),
  ...both('-m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"'),
  ...both(
    '-m cgroup --cgroup 1',
    '-m cgroup ! --cgroup 1048577',
    '-m cpu --cpu 0',
    '-m cpu ! --cpu 3',
  ),
  ...both('-m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 0xfeed'),
  ...both('-m comment --comment one', '-m comment --comment "two words" -j ACCEPT'),
  ...both('-m comment --comment "a \\"b\\" \\\\ c\'d"', '-m comment --comment "-j DROP"'),
  ...both('-m comment --comment "!" -j ACCEPT', '-m comment --comment "-m tcp ! -s 1.2.3.4"'),
  ...both('-m connbytes --connbytes 10:20 --connbytes-dir both --connbytes-mode bytes'),
  ...both('-m connbytes ! --connbytes 1: --connbytes-dir original --connbytes-mode avgpkt'),
  ...both('-m connlabel --label 40', '-m connlabel ! --label 40 --set'),
  ...both(
    '-m connlimit --connlimit-upto 5',
    '-m connlimit --connlimit-above 3 --connlimit-mask 16 --connlimit-daddr',
  ),
  ...both(
    '-m connmark --mark 99',
    '-m connmark --mark 1/7 -j DROP',
    '-m connmark ! --mark 0x4/0xff',
  ),
  ...both(
    '-m mark --mark 99',
    '-m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-m mark --mark 0xffffffff/0xffffffff',
  ),
  ...both('-m conntrack --ctstate NEW', '-m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP'),
  ...both('-m conntrack --ctstate INVALID,UNTRACKED', '-m conntrack --ctstate DNAT,SNAT'),
  ...both(
    '-m conntrack --ctstate NEW --ctproto 6 ! --ctorigdstport 80:90',
    '-m conntrack --ctdir REPLY',
  ),
  ...both('-m conntrack --ctexpire 1:10', '-m conntrack ! --ctstatus SEEN_REPLY,ASSURED'),
  ...only('IPv4', '-m conntrack --ctorigsrc 10.0.0.0/8 ! --ctrepldst 10.0.0.1'),
  ...both('-m state --state NEW,ESTABLISHED', '-m state ! --state INVALID'),
  ...both('-m devgroup --src-group 2', '-m devgroup ! --src-group 0x1/0x3'),
  ...both('-m dscp --dscp 0x10', '-m dscp ! --dscp 0x00', '-m dscp --dscp-class EF'),
  ...both('-m ecn --ecn-ip-ect 1', '-p tcp -m ecn --ecn-tcp-cwr', '-p tcp -m ecn ! --ecn-tcp-ece'),
  ...both(
    '-p esp -m esp --espspi 1:500',
    '-p esp -m esp ! --espspi 5',
    '-p ipcomp -m ipcomp --ipcompspi 18',
  ),
  ...both('-m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-name one'),
  ...both(
    '-m hashlimit --hashlimit-above 512kb/s --hashlimit-mode srcip,dstport --hashlimit-name two',
  ),
  ...both('-m helper --helper ftp', '-m helper ! --helper "tftp"'),
  ...both(
    '-m length --length 100',
    '-m length ! --length 1:1400',
    '-m length --length 1500: -j DROP',
  ),
  ...both('-m limit --limit 5/sec', '-m limit --limit 3/hour --limit-burst 100 -j ACCEPT'),
  ...both('-m limit --limit 1/min -m limit --limit 2/min -j RETURN'),
  ...both('-m mac --mac-source 42:01:02:03:04:05', '-m mac ! --mac-source 42:01:02:03:04:05'),
  ...both(
    '-m nfacct --nfacct-name packets',
    '-m osf --genre Linux --ttl 2 --log 1',
    '-p tcp -m osf ! --genre Windows',
  ),
  ...at(
    'filter',
    'OUTPUT',
    both('-m owner --uid-owner 0-10', '-m owner ! --gid-owner 5 --socket-exists'),
  ),
  ...at(
    'filter',
    'FORWARD',
    both('-m physdev --physdev-is-bridged', '-m physdev ! --physdev-in veth+ --physdev-is-in'),
  ),
  ...both('-m pkttype --pkt-type broadcast', '-m pkttype ! --pkt-type unicast'),
  ...both(
    '-m policy --dir in --pol none',
    '-m policy --dir in --pol ipsec --strict --reqid 1 --proto esp --mode transport --next --reqid 2',
  ),
  ...both('-m quota --quota 1000', '-m quota ! --quota 5 -j DROP'),
  ...both('-m rateest --rateest re1 --rateest-gt --rateest-bps 10bit'),
  ...both('-m recent --set --name A --rsource', '-m recent --rcheck --seconds 10 --reap --name A'),
  ...both(
    '-m recent --rcheck --hitcount 8 --name foo --rsource -j DROP',
    '-m recent ! --update --seconds 5 --name B',
  ),
  ...both(
    '-m recent --update --seconds 60 --hitcount 4 --rttl --name B --rdest',
    '-m recent --remove',
  ),
  ...only('IPv4', '-m recent --set --name C --mask 255.255.255.0 --rsource'),
  ...only('IPv6', '-m recent --set --name C --mask ffff:: --rsource'),
  ...both(
    '-m set --match-set blue src',
    '-m set ! --match-set blue dst -j DROP',
    '-m set --match-set blue src --return-nomatch',
  ),
  ...both('-m socket --transparent --restore-skmark', '-m socket --nowildcard'),
  ...both(
    '-m statistic --mode nth --every 3 --packet 1',
    '-m statistic --mode nth ! --every 5 --packet 0',
  ),
  ...both(
    '-m statistic --mode random --probability 0.333',
    '-m statistic --mode random ! --probability 0.5',
  ),
  ...both(
    '-m string --algo bm --string "GET /x" --to 100',
    '-m string ! --hex-string "|0a 0d|-j" --algo kmp --icase',
  ),
  ...both('-m string --string "-m" --algo bm -j DROP'),
  ...both('-p tcp -m tcpmss --mss 1:500', '-p tcp -m tcpmss ! --mss 1460 -j DROP'),
  ...both(
    '-m time --timestart 09:00 --timestop 17:00 --weekdays Mon,Tue',
    '-m time --datestart 2030-01-01T00:00:00 --kerneltz',
  ),
  ...both('-m tos --tos 0x10/0x3f', '-m tos ! --tos 0xff/0xff'),
  ...both('-m u32 --u32 "0x0&0xffff=0x100:0xffff"', '-m u32 ! --u32 "0x6&0xff=0x1&&0x4=0x0"'),
  ...only(
    'IPv4',
    '-m ttl --ttl-eq 64',
    '-m ttl ! --ttl-eq 1',
    '-m ttl --ttl-gt 5',
    '-m realm --realm 0x1/0xff',
  ),
  ...only(
    'IPv4',
    '-p ah -m ah --ahspi 1:5',
    '-p icmp -m icmp --icmp-type 8',
    '-p icmp -m icmp ! --icmp-type 3/1 -j DROP',
  ),
  ...only('IPv4', '-p icmp --icmp-type echo-request -j ACCEPT', '-p icmp -m icmp --icmp-type any'),
  ...only('IPv4', '-m iprange --src-range 10.0.0.1-10.0.0.9 ! --dst-range 10.1.0.0-10.1.0.5'),
  ...only('IPv6', '-m iprange --src-range fd00::1-fd00::9', '-m hl --hl-eq 64', '-m hl --hl-lt 5'),
  ...only(
    'IPv6',
    '-p ipv6-icmp -m icmp6 --icmpv6-type 128',
    '-p icmpv6 --icmpv6-type router-solicitation',
  ),
  ...only(
    'IPv6',
    '-m ah --ahspi 1:5 --ahlen 8',
    '-m dst --dst-len 42',
    '-m eui64',
    '-m frag --fragid 1:42 --fragfirst',
  ),
  ...only(
    'IPv6',
    '-m hbh ! --hbh-len 3',
    '-m ipv6header --header ipv6-nonxt --soft',
    '-m rt --rt-type 0 --rt-segsleft 1:3',
  ),
  ...only(
    'IPv6',
    '-p mobility-header -m mh --mh-type binding-refresh-request',
    '-m srh --srh-segs-left-lt 3',
  ),
  ...at(
    'raw',
    'PREROUTING',
    both('-m rpfilter --loose --validmark', '-m rpfilter --invert -j DROP'),
  ),
  ...only('IPv4', '-m ipvs --vaddr 10.0.0.1 --vproto tcp --vport 80', '-m ipvs ! --ipvs'),
];

const TARGETS = [
  ...only(
    'IPv4',
    '-j REJECT',
    '-p tcp -j REJECT --reject-with tcp-reset',
    '-j REJECT --reject-with icmp-host-unreachable',
  ),
  ...only('IPv6', '-j REJECT', '-j REJECT --reject-with icmp6-adm-prohibited'),
  ...both(
    '-j LOG',
    '-j LOG --log-prefix "two words: " --log-level 7',
    '-j LOG --log-prefix "-m tcp" --log-tcp-sequence --log-uid',
  ),
  ...both(
    '-j NFLOG --nflog-group 3 --nflog-prefix "a b" --nflog-size 64',
    '-j NFQUEUE --queue-balance 1:4 --queue-bypass',
  ),
  ...both(
    '-j NFQUEUE',
    '-j AUDIT --type accept',
    '-j LED --led-trigger-id "foo" --led-delay 500',
    '-j ULOG',
  ),
  ...both(
    '-j CONNSECMARK --save',
    '-p tcp -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460',
  ),
  ...both(
    '-j IDLETIMER --timeout 30 --label "idle"',
    '-j RATEEST --rateest-name re1 --rateest-interval 250ms --rateest-ewmalog 500ms',
  ),
  ...both('-j SET --add-set blue src --exist --timeout 10', '-j SET --del-set blue dst'),
  ...at('mangle', 'PREROUTING', [
    ...both(
      '-j MARK --set-mark 5',
      '-j MARK --set-xmark 0x1/0xff',
      '-j MARK --or-mark 4',
      '-j MARK --xor-mark 4',
      '-j MARK --and-mark 4',
    ),
    ...both(
      '-j CONNMARK --set-mark 1',
      '-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff',
      '-j CONNMARK --restore-mark',
    ),
    ...both(
      '-j CHECKSUM --checksum-fill',
      '-j DSCP --set-dscp 0x10',
      '-j TOS --set-tos 0x10/0x3f',
      '-p tcp -j TCPOPTSTRIP --strip-options 2,4',
    ),
    ...both(
      '-j HMARK --hmark-tuple src,dst --hmark-mod 8 --hmark-rnd 0xfeed',
      '-j SECMARK --selctx system_u:object_r:x:s0',
    ),
    ...both('-p tcp -j TPROXY --on-port 50080 --tproxy-mark 0x1/0x1'),
    ...only(
      'IPv4',
      '-j TTL --ttl-set 64',
      '-p tcp -j ECN --ecn-tcp-remove',
      '-j TEE --gateway 10.0.0.1',
      '-j TTL --ttl-inc 1',
    ),
    ...only(
      'IPv6',
      '-j HL --hl-set 64',
      '-j TEE --gateway fd00::1',
      '-j DNPT --src-pfx fd00::/64 --dst-pfx fd01::/64',
    ),
  ]),
  ...at('mangle', 'POSTROUTING', [
    ...both(
      '-j CLASSIFY --set-class 1:2',
      '-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu',
    ),
    ...both('-p tcp --syn -j TCPMSS --set-mss 1400'),
    ...only('IPv6', '-j SNPT --src-pfx fd00::/64 --dst-pfx fd01::/64'),
  ]),
  ...at(
    'raw',
    'PREROUTING',
    both(
      '-j CT --notrack',
      '-j NOTRACK',
      '-j CT --zone 5',
      '-j TRACE',
      '-p tcp -j CT --helper ftp',
    ),
  ),
  ...at('nat', 'PREROUTING', [
    ...both(
      '-p tcp -j REDIRECT --to-ports 40000',
      '-p tcp -j REDIRECT --to-ports 10-20 --random',
      '-j REDIRECT',
    ),
    ...only(
      'IPv4',
      '-p tcp -j DNAT --to-destination 10.0.0.1:80',
      '-j DNAT --to-destination 10.0.0.1',
    ),
    ...only(
      'IPv4',
      '-p udp -j DNAT --to-destination 10.0.0.1-10.0.0.9:1000-2000/5 --random --persistent',
      '-j NETMAP --to 10.0.0.0/24',
    ),
    ...only(
      'IPv4',
      '-d 10.0.0.5 -j CLUSTERIP --new --hashmode sourceip --clustermac 01:02:03:04:05:06 --total-nodes 2 --local-node 1',
    ),
    ...only(
      'IPv6',
      '-p tcp -j DNAT --to-destination [fd00::1]:80',
      '-j DNAT --to-destination fd00::1',
      '-j NETMAP --to fd00::/64',
    ),
  ]),
  ...at('nat', 'POSTROUTING', [
    ...both(
      '-j MASQUERADE',
      '-j MASQUERADE --random-fully',
      '-p tcp -j MASQUERADE --to-ports 1024-2000 --random',
    ),
    ...only(
      'IPv4',
      '-j SNAT --to-source 10.0.0.1',
      '-p tcp -j SNAT --to-source 10.0.0.1-10.0.0.9:1000-2000 --random-fully',
    ),
    ...only(
      'IPv6',
      '-j SNAT --to-source fd00::1',
      '-p tcp -j SNAT --to-source [fd00::1]:1000-2000',
    ),
  ]),
];

export const CORPUS: readonly CorpusRule[] = [...GENERAL, ...PORTS, ...PLAIN_MATCHES, ...TARGETS];

export function corpusOf(family: 'IPv4' | 'IPv6'): readonly CorpusRule[] {
  return CORPUS.filter((rule) => rule.family === undefined || rule.family === family);
}
