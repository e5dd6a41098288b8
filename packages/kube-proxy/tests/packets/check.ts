import { setTimeout as pause } from 'node:timers/promises';

import type { IpFamily } from '../../src/index.js';
import type { Answered, Expected, HostName, PacketCase } from './cases.js';
import { HOSTS, nodeAddresses } from './hosts.js';
import type { Met, PacketNetwork } from './network.js';
import type { WorldObjects } from './objects.js';

export interface CheckInput {
  readonly network: PacketNetwork;
  readonly objects: WorldObjects;
  readonly family: IpFamily;
}

/** After this time without an answer, the outcome is silence. */
const SILENCE_MS = 1500;
/** An answer may take this long on a busy machine. */
const PATIENCE_MS = 15_000;

/** With two servers, the chance that this many connections all miss one of them is 2^-59. */
const MOST_TRIES = 60;
const STICKY_TRIES = 12;
/**
 * Longest pause before a try after the first few, chosen by chance. Cases run side by side, and a
 * proxy that takes servers in turn gives each of two cases in step the same server for ever.
 */
const OUT_OF_STEP_MS = 20;
const TRIES_IN_STEP = 6;

/**
 * Sends real packets until the case is decided.
 *
 * @returns the difference from the wanted outcome, undefined when there is none
 */
export async function checkPackets(
  one: PacketCase,
  want: Expected,
  input: CheckInput,
): Promise<string | undefined> {
  const { network, objects, family } = input;
  const question = {
    protocol: one.protocol ?? 'tcp',
    host: objects.address(one.to, family),
    port: one.port,
    timeoutMs: want === 'no answer' ? SILENCE_MS : PATIENCE_MS,
  } as const;
  const ask = (): Promise<Met> => network.ask(one.from, question);
  if (typeof want === 'string') {
    const met = await ask();
    return met === want ? undefined : `wanted "${want}", met ${show(met)}`;
  }
  const seen = new Set<string>();
  for (let i = 0; i < (want.sticky === true ? STICKY_TRIES : MOST_TRIES); i += 1) {
    if (i >= TRIES_IN_STEP) await pause(Math.random() * OUT_OF_STEP_MS);
    const met = await ask();
    const wrong = wrongWith(met, want, { from: one.from, family });
    if (wrong !== undefined) {
      return met === 'no answer'
        ? `${wrong}, try ${i + 1}\n${await evidence(one, network)}`
        : wrong;
    }
    if (typeof met !== 'string') seen.add(met.server);
    if (want.sticky !== true && seen.size === want.servers.length) return undefined;
  }
  if (want.sticky === true) {
    return seen.size === 1 ? undefined : `one client met ${[...seen].join(' and ')}`;
  }
  return `only ${[...seen].join(' and ')} answered, of ${want.servers.join(', ')}`;
}

/** Describes what the kernel knows of a connection that got no answer, for the test's message. */
async function evidence(one: PacketCase, { node, host }: PacketNetwork): Promise<string> {
  const port = String(one.port);
  const hex = one.port.toString(16).toUpperCase().padStart(4, '0');
  const looks = [
    { at: node, argv: ['conntrack', '-L'], about: port },
    { at: node, argv: ['conntrack', '-S'], about: '' },
    { at: node, argv: ['cat', '/proc/net/ip_vs_conn'], about: hex },
    { at: node, argv: ['ip', 'neigh'], about: '' },
    { at: host(one.from), argv: ['ip', 'neigh'], about: '' },
  ];
  const seen = looks.map(async ({ at, argv, about }) => {
    const { stdout, stderr } = await at.try(argv);
    const lines = `${stdout}${stderr}`.split('\n').filter((line) => line.includes(about));
    return `$ ${argv.join(' ')}\n${lines.join('\n')}`;
  });
  return (await Promise.all(seen)).join('\n');
}

function wrongWith(
  met: Met,
  { servers, sees }: Answered,
  { from, family }: Readonly<{ from: HostName; family: IpFamily }>,
): string | undefined {
  if (typeof met === 'string') return `wanted ${servers.join(' or ')}, met ${show(met)}`;
  const { server, sawClient } = met;
  if (!servers.some((name) => name === server)) {
    return `wanted ${servers.join(' or ')}, met ${show(met)}`;
  }
  const asNode = nodeAddresses(family).includes(sawClient);
  const asSender = from === 'node' ? asNode : sawClient === HOSTS[from].address[family];
  const isRight = sees === undefined || (sees === 'node' ? asNode : asSender);
  return isRight ? undefined : `${server} saw ${sawClient}, wanted the ${sees}`;
}

function show(met: Met): string {
  return typeof met === 'string' ? `"${met}"` : `${met.server} that saw ${met.sawClient}`;
}
