import { beforeEach, describe, expect, it } from 'vitest';

import type { Conntrack, Flow, FlowProtocol, FlowTuple } from '../../src/conntrack.js';

/** A flow to track: where the client sends, and where a translation leads it. */
export interface Traffic {
  readonly protocol: FlowProtocol;
  readonly original: FlowTuple;
  readonly server: Readonly<{ ip: string; port: number }>;
}

export interface ConntrackUnderTest {
  readonly conntrack: Conntrack;
  /** Makes the table track exactly these flows; it may also hold flows of other protocols. */
  track(traffic: readonly Traffic[]): Promise<void>;
}

const signal = new AbortController().signal;

const client = (n: number): FlowTuple => ({
  source: '10.77.0.1',
  sourcePort: 40_000 + n,
  destination: '10.77.1.1',
  destinationPort: 53,
});
const udp = (n: number, ip: string): Traffic => ({
  protocol: 'udp',
  original: client(n),
  server: { ip, port: 5353 },
});

const TRAFFIC: readonly Traffic[] = [
  udp(1, '10.77.2.1'),
  udp(2, '10.77.2.2'),
  udp(3, '10.77.2.2'),
  { ...udp(4, '10.77.2.1'), protocol: 'tcp' },
];

const ports = (flows: readonly Flow[]): number[] =>
  flows.map(({ original }) => original.sourcePort - 40_000).toSorted((a, b) => a - b);

/** Tests that every {@link Conntrack} passes. */
export function conntrackContract(name: string, create: () => Promise<ConntrackUnderTest>): void {
  describe(name, () => {
    let conntrack: Conntrack;
    beforeEach(async () => {
      const made = await create();
      conntrack = made.conntrack;
      await made.track(TRAFFIC);
    });
    const listed = async (protocol: FlowProtocol = 'udp'): Promise<number[]> =>
      ports(await conntrack.list({ protocol }, signal));

    it('shows both directions of the flows of one protocol', async () => {
      const flows = await conntrack.list({ protocol: 'udp' }, signal);
      expect(ports(flows)).toEqual([1, 2, 3]);
      expect(flows.find(({ original }) => original.sourcePort === 40_001)).toMatchObject({
        protocol: 'udp',
        original: client(1),
        reply: {
          source: '10.77.2.1',
          sourcePort: 5353,
          destination: '10.77.0.1',
          destinationPort: 40_001,
        },
        zone: 0,
      });
      expect(await listed('tcp')).toEqual([4]);
      expect(await listed('sctp')).toEqual([]);
    });

    it.each([
      ['source', { original: { sourcePort: 40_002 } }, [2]],
      ['destination', { original: { destination: '10.77.1.1', destinationPort: 53 } }, [1, 2, 3]],
      ['a destination that they do not have', { original: { destination: '10.77.1.9' } }, []],
      ['the answering server', { reply: { source: '10.77.2.2' } }, [2, 3]],
      ['both', { original: { sourcePort: 40_003 }, reply: { sourcePort: 5353 } }, [3]],
      [
        'both, one of which does not match',
        { original: { sourcePort: 40_003 }, reply: { sourcePort: 1 } },
        [],
      ],
      ['nothing', { original: {}, reply: {} }, [1, 2, 3]],
    ])('picks flows by %s', async (_by, query, wanted) => {
      expect(ports(await conntrack.list({ protocol: 'udp', ...query }, signal))).toEqual(wanted);
    });

    it('picks flows by any test', async () => {
      const where = ({ original }: Flow): boolean => original.sourcePort % 2 === 1;
      expect(ports(await conntrack.list({ protocol: 'udp', where }, signal))).toEqual([1, 3]);
    });

    it('forgets the given flows and no others', async () => {
      const stale = await conntrack.list(
        { protocol: 'udp', reply: { source: '10.77.2.2' } },
        signal,
      );
      expect(await conntrack.delete(stale, signal)).toBe(2);
      expect(await listed()).toEqual([1]);
      expect(await listed('tcp')).toEqual([4]);
      expect(await conntrack.delete(stale, signal)).toBe(0);
      expect(await conntrack.delete([], signal)).toBe(0);
      expect(await listed()).toEqual([1]);
    });

    it('spares a flow that took the place of the given one', async () => {
      const [flow] = await conntrack.list({ protocol: 'udp', original: client(1) }, signal);
      expect(flow).toBeDefined();
      const other =
        flow!.id === undefined
          ? { ...flow!, reply: { ...flow!.reply, source: '10.77.2.9' } }
          : { ...flow!, id: (flow!.id + 1) % 2 ** 32 };
      expect(await conntrack.delete([other], signal)).toBe(0);
      expect(await listed()).toEqual([1, 2, 3]);
    });
  });
}
