import { describe, expect, it } from 'vitest';

import { parseSave } from '../../src/index.js';
import { type Packet, traceOutcomes } from '../../src/testing/index.js';

const tables = parseSave(`*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -s 10.9.0.0/16 -j REJECT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:LB - [0:0]
-A PREROUTING -d 10.0.0.1/32 -p tcp -m tcp --dport 80 -j LB
-A LB -s 10.8.0.0/16 -j MARK --set-xmark 0x1/0x1
-A LB -m statistic --mode random --probability 0.25000000000 -j DNAT --to-destination 10.1.0.1:80
-A LB -j DNAT --to-destination 10.1.0.2:80
-A POSTROUTING -m mark --mark 0x1/0x1 -j MASQUERADE
COMMIT
`);
const host = { addresses: ['192.168.0.1'] };
const packet: Packet = {
  from: 'network',
  protocol: 'tcp',
  source: '10.7.0.1',
  destination: '10.0.0.1',
  destinationPort: 80,
};

describe(traceOutcomes, () => {
  it('follows each random decision, with its probability', () => {
    const outcomes = traceOutcomes(tables, packet, host);
    expect(outcomes.map(({ to, probability }) => ({ to, probability }))).toEqual([
      { to: '10.1.0.1:80', probability: 0.25 },
      { to: '10.1.0.2:80', probability: 0.75 },
    ]);
  });

  it.each([
    { name: 'marks lead to masquerading', change: { source: '10.8.0.1' }, masqueraded: true },
    { name: 'without a mark the source stays', change: {}, masqueraded: false },
  ])('$name', ({ change, masqueraded }) => {
    for (const outcome of traceOutcomes(tables, { ...packet, ...change }, host)) {
      expect(outcome).toMatchObject({ verdict: 'accepted', masqueraded });
    }
  });

  it.each([
    { from: 'network', to: '192.168.0.1:40000' },
    { from: 'host', to: '127.0.0.1:40000' },
  ] as const)('a redirected packet from the $from goes to $to', ({ from, to }) => {
    const hook = from === 'host' ? 'OUTPUT' : 'PREROUTING';
    const redirect = parseSave(
      `*nat\n:${hook} ACCEPT [0:0]\n-A ${hook} -j REDIRECT --to-ports 40000\nCOMMIT\n`,
    );
    const [outcome] = traceOutcomes(redirect, { ...packet, from }, host);
    expect(outcome).toMatchObject({ verdict: 'accepted', to });
    expect(outcome?.path).toEqual([`nat ${hook}: redirect 40000`]);
  });

  it.each([
    { destination: '192.168.0.1', destinationPort: 22, verdict: 'accepted' },
    { destination: '192.168.0.1', destinationPort: 23, verdict: 'dropped' },
    { destination: '10.5.0.1', source: '10.9.1.1', verdict: 'rejected' },
    { destination: '10.5.0.1', from: 'host' as const, verdict: 'accepted' },
  ])('filters: $verdict', ({ verdict, ...change }) => {
    const outcomes = traceOutcomes(tables, { ...packet, ...change }, host);
    expect(outcomes.map((outcome) => outcome.verdict)).toEqual([verdict]);
  });
});
