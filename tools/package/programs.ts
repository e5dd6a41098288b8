/** The programs that are packaged, with what a packager would write of each. */
export interface PackagedProgram {
  readonly name: 'kubelet' | 'kube-proxy';
  /** One line, without the program's name. */
  readonly summary: string;
  /** Lines of the long description. */
  readonly description: readonly string[];
  readonly depends: readonly string[];
  readonly recommends: readonly string[];
  /** Packages with a program of the same name. */
  readonly conflicts: readonly string[];
  /** Its configuration below deploy/systemd. */
  readonly configuration: string;
  /** Flags of the service. */
  readonly flags: readonly string[];
  /** Files of the npm package `netlink` that the executable carries. */
  readonly hasNetlink: boolean;
  /** Debian packages below the program in its image; undefined for a program without an image. */
  readonly image?: readonly string[];
  /** Directories that it makes while it runs, removed by a purge. */
  readonly state: readonly string[];
}

export const PROGRAMS: readonly PackagedProgram[] = [
  {
    name: 'kubelet',
    summary: 'Kubernetes node agent',
    description: [
      'The kubelet runs the pods of a node by a container runtime, and reports their',
      'status and the status of the node to the API server of a Kubernetes cluster.',
    ],
    depends: ['iptables', 'kmod', 'mount'],
    recommends: ['containerd', 'containernetworking-plugins'],
    conflicts: ['kubelet'],
    configuration: 'kubelet.yaml',
    flags: ['--config=/etc/nodeagent/kubelet.yaml', '--kubeconfig=/etc/kubernetes/kubelet.conf'],
    hasNetlink: false,
    state: ['/var/lib/kubelet'],
  },
  {
    name: 'kube-proxy',
    summary: 'Kubernetes Service proxy',
    description: [
      'kube-proxy makes the Services of a Kubernetes cluster work on a node: it writes',
      'packet filter rules by iptables or nftables, or virtual servers of IPVS.',
    ],
    depends: ['conntrack', 'iptables', 'kmod'],
    recommends: ['ipset', 'nftables'],
    conflicts: ['kube-proxy'],
    configuration: 'kube-proxy.yaml',
    flags: ['--config=/etc/nodeagent/kube-proxy.yaml'],
    hasNetlink: true,
    image: [
      ...['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1'],
      ...['conntrack', 'ipset', 'iptables', 'kmod', 'nftables'],
    ],
    state: ['/var/lib/kube-proxy'],
  },
];

/** Processors of Debian, with their names in Node.js. */
export const ARCHITECTURES = { amd64: 'x64', arm64: 'arm64' } as const;

export type Architecture = keyof typeof ARCHITECTURES;

export const packageOf = ({ name }: PackagedProgram): string => `nodeagent-${name}`;
