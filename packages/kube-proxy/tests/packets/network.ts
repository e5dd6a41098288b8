import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { createNetns, type Netns } from '@nodeagent/testbed';

import type { HostName, ServerName } from './cases.js';
import { HOSTS } from './hosts.js';
import { TCP_PORT, UDP_PORT } from './objects.js';

/**
 * A host's outcome: the server that answered and the client address that it saw, else the form of
 * refusal.
 */
export type Met = Readonly<{ server: string; sawClient: string }> | 'refused' | 'no answer';

export interface Question {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly host: string;
  readonly port: number;
  /** For UDP only; any free port when absent. */
  readonly sourcePort?: number;
  /** The outcome is `no answer` after this time. */
  readonly timeoutMs: number;
}

/** The node under test in the middle, and every other host on its own cable. */
export interface PacketNetwork {
  readonly node: Netns;
  readonly host: (name: HostName) => Netns;
  ask(from: HostName, question: Question): Promise<Met>;
  remove(): Promise<void>;
}

const NAMES = { podA: 'a', podB: 'b', remotePod: 'remote' } as const;

/** @param given the node's namespace; a new one when absent */
export async function createPacketNetwork(given?: Netns): Promise<PacketNetwork> {
  const node = given ?? (await createNetns());
  const spaces = new Map<HostName, Netns>([['node', node]]);
  await node.run(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
  for (const [name, { device, address, gateway }] of Object.entries(HOSTS)) {
    const space = await createNetns();
    spaces.set(name as HostName, space);
    // inherited from a node that is the machine itself; hosts are not routers
    await space.run(['sysctl', '-qw', 'net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0']);
    const near = [`${gateway.IPv4}/24`, `${gateway.IPv6}/64`];
    const far = [`${address.IPv4}/24`, `${address.IPv6}/64`];
    await node.connect(device, near, { netns: space, device: 'eth0', addresses: far });
    await addDefaultRoutes(space, gateway);
  }
  // Service addresses have no route: the node needs one before rules see its own packets
  await addDefaultRoutes(node, HOSTS.remotePod.address);
  const hosts = new Map<HostName, AskingHost>();
  for (const [name, space] of spaces) {
    hosts.set(name, await AskingHost.start(space, name));
  }
  const of = <T>(map: ReadonlyMap<HostName, T>, name: HostName): T => {
    const found = map.get(name);
    if (found === undefined) throw new Error(`no host ${name}`);
    return found;
  };
  return {
    node,
    host: (name) => of(spaces, name),
    ask: (from, question) => of(hosts, from).ask(question),
    remove: async () => {
      for (const host of hosts.values()) await host.stop();
      for (const space of spaces.values()) await space.remove();
    },
  };
}

async function addDefaultRoutes(space: Netns, via: Readonly<{ IPv4: string; IPv6: string }>) {
  await space.run(['ip', 'route', 'add', 'default', 'via', via.IPv4]);
  await space.run(['ip', '-6', 'route', 'add', 'default', 'via', via.IPv6]);
}

/** One process per host serves and connects: a request costs a line, not a process. */
class AskingHost {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (answer: string) => void>();
  #next = 0;

  static async start(space: Netns, host: HostName): Promise<AskingHost> {
    // the node itself must not listen where its node ports are tried; SCTP is served in pods only
    const script = join(import.meta.dirname, 'host.mjs');
    const pod = NAMES[host as keyof typeof NAMES] as ServerName | undefined;
    const ports = [TCP_PORT, UDP_PORT, ...(pod === undefined ? [] : [TCP_PORT])];
    const argv = [process.execPath, script, pod ?? host, ...ports.map(String)];
    const [program = '', ...args] = [...space.enter, ...argv];
    const asking = new AskingHost(spawn(program, args));
    await asking.#ready;
    return asking;
  }

  readonly #ready: Promise<void>;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    this.#ready = new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`host ended with ${code}: ${stderr}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        const { ready, id, answer } = JSON.parse(line) as {
          ready?: boolean;
          id: number;
          answer: string;
        };
        if (ready === true) return resolve();
        this.#waiting.get(id)?.(answer);
        this.#waiting.delete(id);
      });
    });
  }

  async ask(question: Question): Promise<Met> {
    const id = this.#next++;
    const answer = await new Promise<string>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.stdin.write(`${JSON.stringify({ id, ...question })}\n`);
    });
    if (answer === 'refused' || answer === 'no answer') return answer;
    const [server = '', sawClient = ''] = answer.split(' ');
    if (!/^[\da-f.:]+$/.test(sawClient)) throw new Error(`${JSON.stringify(question)}: ${answer}`);
    return { server, sawClient };
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin.end();
    await gone;
  }
}
