import type { Purpose } from '../setup/packages.ts';

export interface Tier {
  readonly name: string;
  readonly about: string;
  /** Programs that the tier needs on the machine; a tier without any runs everywhere. */
  readonly purposes: readonly Purpose[];
  readonly needsRoot: boolean;
  /** Approximate duration; the longest start first. */
  readonly secondsPerFile: number;
  /** Files that take much longer than the others, by their base names. */
  readonly secondsOf?: Readonly<Record<string, number>>;
  /** Each file is a run of its own, because it takes minutes and mostly waits. */
  readonly mostlyWaits?: true;
}

/** The tiers in the order of display: the quickest come first. */
export const TIERS: readonly Tier[] = [
  {
    name: 'unit',
    about: 'unit, golden, contract and README tests',
    purposes: [],
    needsRoot: false,
    secondsPerFile: 1,
  },
  {
    name: 'properties',
    about: 'mutated recorded data against every parser of untrusted data',
    purposes: [],
    needsRoot: false,
    secondsPerFile: 3,
  },
  {
    name: 'integration',
    about: 'real containerd, iptables, registries and API clients',
    purposes: [
      ...(['containers', 'network', 'registry', 'kubectl', 'kernel'] as const),
      ...(['packages', 'musl', 'arm64', 'storage', 'systemd'] as const),
    ],
    needsRoot: true,
    secondsPerFile: 10,
  },
  {
    name: 'kernel',
    about: 'IPVS, dummy devices and cgroup v2 in a user-mode kernel',
    purposes: ['kernel'],
    needsRoot: true,
    secondsPerFile: 15,
  },
  {
    name: 'machine',
    about: 'a whole Debian with systemd and cgroup v2, in a virtual machine',
    purposes: ['machine', 'containers', 'network', 'packages'],
    needsRoot: true,
    secondsPerFile: 850,
    secondsOf: { 'one-node.test.ts': 1500, 'machine.test.ts': 300 },
    mostlyWaits: true,
  },
  {
    name: 'packages',
    about: 'published, installed and imported',
    purposes: [],
    needsRoot: false,
    secondsPerFile: 150,
  },
  {
    name: 'e2e',
    about: 'a whole node',
    purposes: ['containers', 'network', 'kubectl', 'storage'],
    needsRoot: true,
    secondsPerFile: 15,
  },
];
