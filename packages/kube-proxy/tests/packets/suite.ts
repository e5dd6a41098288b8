import { ifStarted, type Netns, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ProxyMode } from '../../src/index.js';
import { type PacketCase, wantedOf, type World, WORLDS } from './cases.js';
import { checkPackets } from './check.js';
import { FAMILIES } from './hosts.js';
import { createPacketNetwork, type PacketNetwork } from './network.js';
import { configOf, WorldObjects } from './objects.js';

/** A running proxy on the network's node. */
export interface ProxyUnderTest {
  /** Ends the proxy and removes its rules: the next world starts on a clean node. */
  remove(): Promise<void>;
}

export interface SuiteOptions {
  readonly mode: ProxyMode;
  /** All worlds when absent. */
  readonly worlds?: readonly World[];
  /** The node's namespace; a new one when absent. */
  readonly node?: Netns;
  /** The proxy need not be ready yet; the suite waits for its first answers. */
  readonly start: (
    network: PacketNetwork,
    objects: WorldObjects['all'],
    config: object,
  ) => Promise<ProxyUnderTest>;
}

/** Runs the whole table with real packets, as tests. */
export function packetSuite(options: SuiteOptions): void {
  const { mode, start, node, worlds = WORLDS } = options;
  let network: PacketNetwork;
  beforeAll(async () => {
    network = await createPacketNetwork(node);
  });
  afterAll(async () => {
    await ifStarted(network)?.remove();
  });

  describe.each(worlds)('$name', (world) => {
    const objects = new WorldObjects(world.services);
    let proxy: ProxyUnderTest;
    beforeAll(async () => {
      proxy = await start(network, objects.all, configOf(mode, world.settings));
      await untilAnswers(network, { objects, world, mode });
    });
    afterAll(async () => {
      await ifStarted(proxy)?.remove();
    });
    describe.each(FAMILIES)('%s', (family) => {
      it.concurrent.each(world.cases)('$name', async (one) => {
        const want = wantedOf(one, mode, family);
        expect(await checkPackets(one, want, { network, objects, family })).toBeUndefined();
      });
    });
  });
}

/**
 * Waits until the first case of each kind that an outside client gets an answer for has the wanted
 * outcome: a mode may need several steps, and the tests are about the state after them.
 */
async function untilAnswers(
  network: PacketNetwork,
  { objects, world, mode }: Readonly<{ objects: WorldObjects; world: World; mode: ProxyMode }>,
): Promise<void> {
  const name = world.services[0]?.name ?? '';
  for (const family of FAMILIES) {
    const host = objects.address({ clusterIp: name }, family);
    const question = { protocol: 'tcp', host, port: 80, timeoutMs: 1000 } as const;
    const answers = async () => typeof (await network.ask('client', question)) === 'object';
    await waitFor(answers, { what: `${family}: the cluster IP of ${name}`, timeoutMs: 180_000 });
    const kinds = new Map<string, PacketCase>();
    for (const one of world.cases) {
      const want = wantedOf(one, mode, family);
      const isPlain = one.protocol === undefined && one.from === 'client';
      const [kind = ''] = Object.keys(one.to);
      if (isPlain && typeof want === 'object' && !kinds.has(kind)) kinds.set(kind, one);
    }
    for (const one of kinds.values()) {
      const want = wantedOf(one, mode, family);
      const isRight = async () =>
        (await checkPackets(one, want, { network, objects, family })) === undefined;
      await waitFor(isRight, { what: `${family}: ${one.name}`, timeoutMs: 180_000 });
    }
  }
}
