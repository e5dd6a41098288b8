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
    if (wrong !== undefined) return wrong;
    if (typeof met !== 'string') seen.add(met.server);
    if (want.sticky !== true && seen.size === want.servers.length) return undefined;
  }
  if (want.sticky === true) {
    return seen.size === 1 ? undefined : `one client met ${[...seen].join(' and ')}`;
  }
  return `only ${[...seen].join(' and ')} answered, of ${want.servers.join(', ')}`;
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
