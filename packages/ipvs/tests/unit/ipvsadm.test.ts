import { describe, expect, it } from 'vitest';

import { decodeStatistics } from '../../src/codec/statistics-attrs.js';
import { parseJson, parseSave, renderJson, renderSave } from '../../src/index.js';
import { NO_STATISTICS } from '../../src/model/state.js';

/** Printed by ipvsadm 1.31, `-S -n`. */
const SAVED = `\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r [fd00::9]:80 -i -w 1 --tun-type ipip
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 5
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 1
-a -t 10.0.0.1:80 -r 10.1.0.4:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
-a -t 10.0.0.1:80 -r 10.1.0.6:80 -i -w 1 --tun-type gre --tun-nocsum
-A -t 10.0.0.2:80 -s sh -b sh-fallback,sh-port
-A -t 10.0.0.3:80 -s mh -b mh-port
-A -t 10.0.0.4:80 -s lc -b flag-1,flag-3
-A -t 10.0.0.11:80 -s none
-A -t 10.0.0.19:0 -s rr -p 10
-A -u 10.0.0.1:53 -s wrr -p 100 -M 255.255.255.0 -o
-A -u 10.0.0.9:5060 -s rr -p 10 --pe sip
-A --sctp-service 10.0.0.2:80 -s wlc
-A -t [fd00::1]:80 -s rr -p 60 -M 64
-a -t [fd00::1]:80 -r [fd00::2]:80 -m -w 1
-A -f 7 -s rr -p 360
-A -f 7 -6 -s rr
-a -f 7 -6 -r [fd00::2]:0 -g -w 1
`;

it('reads a table saved by ipvsadm, and writes it unchanged', () => {
  expect(renderSave(parseSave(SAVED))).toBe(SAVED);
});

it('keeps thresholds, which ipvsadm does not save', () => {
  const text = '-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1 -x 9 -y 5\n';
  expect(renderSave(parseSave(text))).toBe(text);
});

it('reads a table written by hand', () => {
  const text = `
# the web
--add-service --tcp-service=10.0.0.1:80 -p
-a -t 10.0.0.1:80 --real-server 10.1.0.1
-A -f 3 --scheduler rr
-a -f 3 -r 10.1.0.1
`;
  expect(renderSave(parseSave(text))).toBe(`\
-A -t 10.0.0.1:80 -s wlc -p 360
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1
-A -f 3 -s rr
-a -f 3 -r 10.1.0.1:0 -g -w 1
`);
});

const wrong: readonly { text: string; why: string }[] = [
  { text: '-A -t 10.0.0.1:http -s rr', why: 'Line 1: Address "10.0.0.1:http"' },
  { text: '-a -t 10.0.0.1:80 -r 10.1.0.1:80', why: 'must be added (-A) before' },
  { text: '-A -t 10.0.0.1:80\n\n-A -t 10.0.0.1:80', why: 'Line 3: Service "tcp 10.0.0.1:80"' },
  { text: '-D -t 10.0.0.1:80', why: '-A and -a only' },
  { text: '-A -s rr', why: '-t, -u, --sctp-service or -f is missing' },
  { text: '-A -t 10.0.0.1:80 --frob', why: 'Option "--frob"' },
  { text: '-A -t 10.0.0.1:80 -s', why: 'needs an argument' },
  { text: '-A -t 10.0.0.1:80 -p x', why: 'Timeout "x"' },
  { text: '-A -t 10.0.0.1:80 -p 5 -M 255.0.255.0', why: 'ones, then zeros' },
  { text: '-A -t 10.0.0.1:80 -b what', why: 'Scheduler flag "what"' },
  { text: '-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80', why: '-r is missing' },
  { text: '-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r [fd00::1]:80 -m', why: 'only tunnels' },
];
it.each(wrong)('refuses $text', ({ text, why }) => {
  expect(() => parseSave(text)).toThrow(
    expect.objectContaining({ code: 'IPVS_PARSE', message: expect.stringContaining(why) }),
  );
});

describe('JSON', () => {
  const counters = { activeConnections: 3, inactiveConnections: 2, persistentConnections: 1 };
  const observed = parseSave(SAVED).map(({ service, destinations }) => ({
    service: { ...service, statistics: { ...NO_STATISTICS, bytesIn: 2n ** 63n } },
    destinations: destinations.map((each) => ({
      ...each,
      ...counters,
      statistics: NO_STATISTICS,
    })),
  }));

  it('reads back its own text, without members that only the kernel sets', () => {
    const text = renderJson(observed);
    expect(text).toContain('"bytesIn": "9223372036854775808"');
    expect(parseJson(text)).toEqual(parseSave(SAVED));
  });

  it('prints statistics that were read, without help', () => {
    const read = { connections: 2n ** 63n, connectionRate: 3n };
    const decoded = decodeStatistics(read);
    expect(JSON.parse(JSON.stringify([decoded, decodeStatistics(undefined)]))).toMatchObject([
      { connections: '9223372036854775808', bytesIn: '0', rates: { connections: 3 } },
      { connections: '0' },
    ]);
    expect(Object.keys(decoded)).toEqual(Object.keys(NO_STATISTICS));
  });

  const id = '{"kind":"address","protocol":"tcp","address":"10.0.0.1","port":80}';
  it.each([
    { text: '{', code: 'IPVS_PARSE', why: 'Not JSON' },
    { text: '{}', code: 'IPVS_PARSE', why: 'Not an array' },
    { text: '[5]', code: 'IPVS_INVALID', why: 'must be an object' },
    { text: `[{"id":${id},"shceduler":"rr"}]`, code: 'IPVS_INVALID', why: 'shceduler' },
    { text: '[{"id":{"kind":"mark","family":"IPv4"}}]', code: 'IPVS_INVALID', why: 'Mark' },
    { text: `[{"id":${id},"destinations":[{}]}]`, code: 'IPVS_INVALID', why: 'IP address' },
    { text: `[{"id":${id},"destinations":{}}]`, code: 'IPVS_INVALID', why: 'must be list' },
  ])('refuses $text', ({ text, code, why }) => {
    expect(() => parseJson(text)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(why) }),
    );
  });
});
