import { expect, it } from 'vitest';

import {
  defineDestination,
  type DestinationState,
  diff,
  drain,
  formatOperation,
  parseSave,
  type Protocol,
} from '../../src/index.js';
import { NO_STATISTICS } from '../../src/model/state.js';

const one = '-A -t 10.0.0.1:80 -s rr\n';
const server = (n: number, more = '') => `-a -t 10.0.0.1:80 -r 10.1.0.${n}:80 -m${more}\n`;
const other = '-A -u 10.0.0.2:53 -s rr\n';

const cases: readonly { name: string; desired: string; actual: string; want: string[] }[] = [
  {
    name: 'plans nothing for equal tables',
    desired: one + server(1),
    actual: one + server(1),
    want: [],
  },
  {
    name: 'adds a new service, then its destinations',
    desired: one + server(1),
    actual: '',
    want: ['add-service tcp 10.0.0.1:80', 'add-destination tcp 10.0.0.1:80 → 10.1.0.1:80'],
  },
  {
    name: 'adds the new destination before it deletes the old one',
    desired: one + server(2),
    actual: one + server(1),
    want: [
      'add-destination tcp 10.0.0.1:80 → 10.1.0.2:80',
      'delete-destination tcp 10.0.0.1:80 → 10.1.0.1:80',
    ],
  },
  {
    name: 'updates in place',
    desired: '-A -t 10.0.0.1:80 -s sh\n' + server(1, ' -w 3'),
    actual: one + server(1),
    want: [
      'update-service tcp 10.0.0.1:80 (scheduler rr → sh)',
      'update-destination tcp 10.0.0.1:80 → 10.1.0.1:80 (weight 1 → 3)',
    ],
  },
  {
    name: 'says everything that an update changes',
    desired:
      '-A -t 10.0.0.1:80 -s sh -b sh-port,sh-fallback -p 60 -M 255.255.255.0 --pe sip\n' +
      server(1, ' -i --tun-type gue --tun-port 6080 --tun-remcsum -x 9 -y 3').replace(' -m', ''),
    actual: '-A -t 10.0.0.1:80 -s sh\n' + server(1),
    want: [
      'update-service tcp 10.0.0.1:80 (flags none → 1+2, persistence none → 60 s, prefix length none → 24, engine none → sip)',
      'update-destination tcp 10.0.0.1:80 → 10.1.0.1:80 (forwarding masquerade → gue 6080 remote, upper threshold 0 → 9, lower threshold 0 → 3)',
    ],
  },
  {
    name: 'deletes a service last, with its destinations',
    desired: one + server(1),
    actual: '-A -t 10.0.0.9:80\n-a -t 10.0.0.9:80 -r 10.1.0.1\n',
    want: [
      'add-service tcp 10.0.0.1:80',
      'add-destination tcp 10.0.0.1:80 → 10.1.0.1:80',
      'delete-service tcp 10.0.0.9:80',
    ],
  },
];
it.each(cases)('diff: $name', ({ desired, actual, want }) => {
  const operations = diff(parseSave(desired), parseSave(actual));
  expect(operations.map(formatOperation)).toEqual(want);
});

it('leaves unmanaged services alone', () => {
  const operations = diff([], parseSave(one + other), {
    manages: (id) => id.kind === 'address' && id.protocol === 'udp',
  });
  expect(operations.map(formatOperation)).toEqual(['delete-service udp 10.0.0.2:53']);
});

it('refuses entries that are listed twice', () => {
  const [service] = parseSave(one + server(1));
  expect(() => diff([service!, service!], [])).toThrow('service tcp 10.0.0.1:80 is listed twice');
  const double = {
    ...service!,
    destinations: [...service!.destinations, ...service!.destinations],
  };
  expect(() => diff([double], [])).toThrow('destination 10.1.0.1:80 of service');
});

const state = (more: Partial<DestinationState>): DestinationState => ({
  ...defineDestination({ address: '10.1.0.1', port: 80 }),
  activeConnections: 0,
  inactiveConnections: 0,
  persistentConnections: 0,
  statistics: NO_STATISTICS,
  ...more,
});

const drains: readonly {
  name: string;
  protocol?: Protocol;
  destination: Partial<DestinationState>;
  want: string[];
}[] = [
  { name: 'an idle destination is deleted', destination: {}, want: ['delete-destination'] },
  {
    name: 'a busy destination gets no new connections',
    destination: { activeConnections: 1 },
    want: ['update-destination'],
  },
  {
    name: 'a destination with closing connections counts as busy',
    destination: { inactiveConnections: 1 },
    want: ['update-destination'],
  },
  {
    name: 'a busy destination without new connections stays',
    destination: { activeConnections: 1, weight: 0 },
    want: [],
  },
  {
    name: 'a UDP destination is deleted at once',
    protocol: 'udp',
    destination: { activeConnections: 1 },
    want: ['delete-destination'],
  },
];
it.each(drains)('drain: $name', ({ protocol = 'tcp', destination, want }) => {
  const id = { kind: 'address', protocol, address: '10.0.0.1', port: 80 } as const;
  const operations = drain(id, state(destination));
  expect(operations.map(({ kind }) => kind)).toEqual(want);
  for (const operation of operations) {
    if (operation.kind === 'update-destination') expect(operation.destination.weight).toBe(0);
  }
});
