import { describe, expect, it } from 'vitest';

import { createConntrack } from '../../src/conntrack.js';
import { ScriptedCommandRunner } from '../../src/testing/index.js';

const signal = new AbortController().signal;

describe(createConntrack, () => {
  it('reads both directions of each flow', async () => {
    const stdout = `udp      17 27 src=10.244.0.9 dst=10.96.0.10 sport=40000 dport=53 [UNREPLIED] src=10.244.0.2 dst=10.244.0.9 sport=5353 dport=40000 mark=0 use=1
udp      17 170 src=fd00::9 dst=fd00::a sport=40001 dport=53 src=fd00::2 dst=fd00::9 sport=53 dport=40001 [ASSURED] mark=0 zone=7 use=1
conntrack v1.4.7 (conntrack-tools): 2 flow entries have been shown.
`;
    const runner = new ScriptedCommandRunner([{ line: 'conntrack -L -f ipv4 -p udp', stdout }]);
    const flows = await createConntrack(runner, 'IPv4').list({ protocol: 'udp' }, signal);
    const tuple = (
      source: string,
      sourcePort: number,
      destination: string,
      destinationPort: number,
    ) => ({ source, sourcePort, destination, destinationPort });
    expect(flows).toEqual([
      {
        protocol: 'udp',
        original: tuple('10.244.0.9', 40_000, '10.96.0.10', 53),
        reply: tuple('10.244.0.2', 5353, '10.244.0.9', 40_000),
        zone: 0,
        id: undefined,
      },
      {
        protocol: 'udp',
        original: tuple('fd00::9', 40_001, 'fd00::a', 53),
        reply: tuple('fd00::2', 53, 'fd00::9', 40_001),
        zone: 7,
        id: undefined,
      },
    ]);
  });

  it('reads exit code 1 as nothing to delete', async () => {
    const line =
      'conntrack -D -f ipv4 -p udp --orig-src 10.244.0.9 --orig-dst 10.96.0.10' +
      ' --orig-port-src 40000 --orig-port-dst 53 --reply-src 10.244.0.2 --reply-dst 10.244.0.9' +
      ' --reply-port-src 5353 --reply-port-dst 40000';
    const stderr = 'conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.';
    const runner = new ScriptedCommandRunner([{ line, exitCode: 1, stderr }]);
    const flow = {
      protocol: 'udp',
      original: {
        source: '10.244.0.9',
        sourcePort: 40_000,
        destination: '10.96.0.10',
        destinationPort: 53,
      },
      reply: {
        source: '10.244.0.2',
        sourcePort: 5353,
        destination: '10.244.0.9',
        destinationPort: 40_000,
      },
      zone: 0,
      id: undefined,
    } as const;
    expect(await createConntrack(runner, 'IPv4').delete([flow], signal)).toBe(0);
  });
});
