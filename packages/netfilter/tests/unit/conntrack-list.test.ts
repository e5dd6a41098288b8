import { describe, expect, it } from 'vitest';

import { createConntrack } from '../../src/index.js';
import { ScriptedCommandRunner } from '../../src/testing/index.js';

const signal = new AbortController().signal;

describe(createConntrack, () => {
  it('reads both directions of each flow', async () => {
    const stdout = `udp      17 27 src=10.244.0.9 dst=10.96.0.10 sport=40000 dport=53 [UNREPLIED] src=10.244.0.2 dst=10.244.0.9 sport=5353 dport=40000 mark=0 use=1
udp      17 170 src=fd00::9 dst=fd00::a sport=40001 dport=53 src=fd00::2 dst=fd00::9 sport=53 dport=40001 [ASSURED] mark=0 use=1
conntrack v1.4.7 (conntrack-tools): 2 flow entries have been shown.
`;
    const runner = new ScriptedCommandRunner([{ line: 'conntrack -L -f ipv4 -p udp', stdout }]);
    expect(await createConntrack(runner, 'IPv4').list('udp', signal)).toEqual([
      {
        protocol: 'udp',
        original: { source: '10.244.0.9', destination: '10.96.0.10', destinationPort: 53 },
        reply: { source: '10.244.0.2', sourcePort: 5353 },
      },
      {
        protocol: 'udp',
        original: { source: 'fd00::9', destination: 'fd00::a', destinationPort: 53 },
        reply: { source: 'fd00::2', sourcePort: 53 },
      },
    ]);
  });

  it('takes an exit code of 1 as nothing to delete', async () => {
    const line =
      'conntrack -D -f ipv4 -p udp --orig-dst 10.96.0.10 --orig-port-dst 53 --reply-src 10.244.0.2 --reply-port-src 5353';
    const stderr = 'conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.';
    const runner = new ScriptedCommandRunner([{ line, exitCode: 1, stderr }]);
    const filter = {
      protocol: 'udp',
      destination: '10.96.0.10',
      destinationPort: 53,
      replySource: '10.244.0.2',
      replySourcePort: 5353,
    } as const;
    expect(await createConntrack(runner, 'IPv4').delete(filter, signal)).toBe(0);
  });
});
