export type Family = 'IPv4' | 'IPv6';

/** Makes one thing that iptables lacks; both are arguments of the program. */
export interface FilterStep {
  /** Succeeds if the thing is there. */
  readonly check: readonly string[];
  readonly make: readonly string[];
}

/** Waits for other programs that change the tables. */
const WAIT = ['-w', '5'] as const;

/** Succeeds on a machine that has iptables and whose kernel has its tables. */
export const IS_USABLE: readonly string[] = [...WAIT, '-t', 'nat', '-S', 'POSTROUTING'];

const FIREWALL = 'KUBE-FIREWALL';
const LOCAL_NET = '127.0.0.0/8';

/**
 * Drops packets from outside to the node's loopback addresses, which kube-proxy's node ports on
 * localhost would let through. kube-proxy makes the same rule.
 */
const DROP_MARTIANS = [
  ...['-m', 'comment', '--comment', 'block incoming localnet connections'],
  ...['--dst', LOCAL_NET, '!', '--src', LOCAL_NET],
  ...['-m', 'conntrack', '!', '--ctstate', 'RELATED,ESTABLISHED,DNAT', '-j', 'DROP'],
];

function chain(table: string, name: string): FilterStep {
  const tool = [...WAIT, '-t', table];
  return { check: [...tool, '-S', name], make: [...tool, '-N', name] };
}

function rule(how: '-A' | '-I', into: string, words: readonly string[]): FilterStep {
  const tool = [...WAIT, '-t', 'filter'];
  return { check: [...tool, '-C', into, ...words], make: [...tool, how, into, ...words] };
}

/**
 * Chains that other components look for: the hint tells which variant of iptables this node uses.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_network_linux.go, syncIPTablesRules
 */
export function utilChainSteps(family: Family): readonly FilterStep[] {
  const hint = chain('mangle', 'KUBE-IPTABLES-HINT');
  if (family === 'IPv6') return [hint];
  return [
    hint,
    chain('filter', FIREWALL),
    rule('-I', 'OUTPUT', ['-j', FIREWALL]),
    rule('-I', 'INPUT', ['-j', FIREWALL]),
    rule('-A', FIREWALL, DROP_MARTIANS),
  ];
}

/** An empty chain in each table; it is gone once another program has flushed the tables. */
export const CANARIES: readonly [mangle: FilterStep, ...others: FilterStep[]] = [
  chain('mangle', 'KUBE-KUBELET-CANARY'),
  chain('nat', 'KUBE-KUBELET-CANARY'),
  chain('filter', 'KUBE-KUBELET-CANARY'),
];
