import { readdir } from 'node:fs/promises';

import { type CommandOptions, type CommandResult, runCommand, tryCommand } from './command.ts';
import { deleteNetns, enterNetns, netnsPath } from './node-network.ts';
import { identify, isAlive, isGone } from './proc.ts';

/** A bare network namespace with loopback up, for tests of rules and routes. */
export interface Netns {
  readonly name: string;
  /** For setns(2) and `nsenter --net=`. */
  readonly path: string;
  /** The words to put before a command to run it inside. */
  readonly enter: readonly string[];
  run(argv: readonly string[], options?: CommandOptions): Promise<string>;
  try(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /**
   * Joins this namespace to another by a cable.
   *
   * @param device the name of this end, at most 15 bytes; likewise `peer.device`
   * @param addresses with prefix length, either family: `10.0.0.1/24`; likewise `peer.addresses`
   */
  connect(device: string, addresses: readonly string[], peer: CableEnd): Promise<void>;
  remove(): Promise<void>;
}

export interface CableEnd {
  readonly netns: Netns;
  readonly device: string;
  readonly addresses: readonly string[];
}

let count = 0;

/**
 * The name identifies its creator, so that the next call can remove namespaces of killed processes.
 */
export async function createNetns(): Promise<Netns> {
  await sweepNetns();
  const owner = identify(process.pid);
  const name = `testbed-${owner?.pid}-${owner?.startTicks}-${count++}`;
  await runCommand(['ip', 'netns', 'add', name]);
  await runCommand(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
  const enter = enterNetns(name);
  return {
    name,
    path: netnsPath(name),
    enter,
    run: (argv, options) => runCommand([...enter, ...argv], options),
    try: (argv, options) => tryCommand([...enter, ...argv], options),
    connect: (device, addresses, peer) => connect({ name, device, addresses }, peer),
    remove: () => deleteNetns(name),
  };
}

/**
 * The namespace of this process, for machines that belong to the test: guests of the kernel tier.
 * `remove` leaves it unchanged; cables are removed with their other end.
 */
export function thisNetns(): Netns {
  return {
    name: '',
    path: '/proc/self/ns/net',
    enter: [],
    run: (argv, options) => runCommand(argv, options),
    try: (argv, options) => tryCommand(argv, options),
    connect: (device, addresses, peer) => connect({ name: '', device, addresses }, peer),
    remove: () => Promise.resolve(),
  };
}

async function connect(
  { name, device, addresses }: { name: string; device: string; addresses: readonly string[] },
  peer: CableEnd,
): Promise<void> {
  const far = `peer name ${peer.device} netns ${peer.netns.name}`;
  await batch(name, [`link add ${device} type veth ${far}`, ...configure(device, addresses)]);
  await batch(peer.netns.name, configure(peer.device, peer.addresses));
}

function configure(device: string, addresses: readonly string[]): readonly string[] {
  const add = (address: string) =>
    `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`;
  return [...addresses.map(add), `link set ${device} up`];
}

async function batch(netns: string, lines: readonly string[]): Promise<void> {
  const inside = netns === '' ? [] : ['-n', netns];
  await runCommand(['ip', ...inside, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

async function sweepNetns(): Promise<void> {
  const names = await readdir('/run/netns').catch((error: unknown) => {
    if (isGone(error)) return [];
    throw error;
  });
  for (const name of names) {
    const [, pid, startTicks] = /^testbed-(\d+)-(\d+)-\d+$/.exec(name) ?? [];
    if (pid === undefined || startTicks === undefined) continue;
    if (!isAlive({ pid: Number(pid), startTicks })) await deleteNetns(name);
  }
}
