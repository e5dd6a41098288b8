import { expect, test } from 'vitest';

import { parseJson } from '../../src/codec/json.js';
import { isIpvsError } from '../../src/index.js';

const id = { kind: 'address', protocol: 'tcp', address: '10.96.0.1', port: 80 };
const destination = { address: '10.1.0.1', port: 80 };

test.each([
  ['flags that are null', { id, schedulerFlags: null }],
  ['a scheduler that is a list', { id, scheduler: ['rr'] }],
  ['an address that is a number', { id: { ...id, address: 1 } }],
  ['a member named constructor', { id, constructor: 1 }],
  ['persistence that is a text', { id, persistence: 'x' }],
  ['a mark of no family', { id: { kind: 'mark', family: 'x', mark: 1 } }],
  ['destinations that are an object', { id, destinations: {} }],
  ['a tunnel that is null', { id, destinations: [{ ...destination, forwarding: null }] }],
  [
    'a tunnel kind that is a list',
    { id, destinations: [{ ...destination, forwarding: { kind: [] } }] },
  ],
])('a table with %s is refused with an IpvsError', (_, service) => {
  const read = (): unknown => parseJson(JSON.stringify([service]));
  expect(read).toThrow();
  try {
    read();
  } catch (error) {
    expect(isIpvsError(error)).toBe(true);
  }
});
