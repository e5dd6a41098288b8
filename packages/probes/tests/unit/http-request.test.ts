import { describe, expect, it } from 'vitest';

import { planHttpRequest, type ProbeAction } from '../../src/index.js';
import { anInstance } from '../builders.js';

type HttpAction = Extract<ProbeAction, { kind: 'http' }>;

const plan = (over: Partial<HttpAction>, ports = {}) =>
  planHttpRequest(
    { kind: 'http', scheme: 'http', port: 80, path: '/', headers: [], ...over },
    anInstance({ ports }),
  );

const given = (value: string) => ({ headers: [{ name: 'Host', value }] });

describe(planHttpRequest, () => {
  it.each([
    ['the default port', {}, { hostname: '10.0.0.7', port: 80, host: '10.0.0.7:80' }],
    ['the default port of https', { scheme: 'https', port: 443 }, { host: '10.0.0.7:443' }],
    ['another port', { port: 8080 }, { host: '10.0.0.7:8080' }],
    ['a name', { port: 'web' }, { port: 8081 }],
    ['a number as text', { port: '90' }, { port: 90 }],
    ['a host', { host: 'db.example' }, { hostname: 'db.example', host: 'db.example:80' }],
    ['an IPv6 host', { host: '[fd00::1]' }, { hostname: 'fd00::1', host: '[fd00::1]:80' }],
    ['a path without a slash', { path: 'x?y' }, { target: '/x?y' }],
    ['a fragment', { path: '/x#y' }, { target: '/x' }],
    ['half a character', { path: '/\ud800' }, { target: '/%EF%BF%BD' }],
    ['a Host in another script', given('čaj.example:1'), { host: 'xn--aj-dma.example:1' }],
    ['a Host that is not a host name', given('a b'), { host: '' }],
    ['a Host with a path', given('a/b'), { host: '' }],
    ['a path that would end the line', { path: '/a\r\nX: y' }, { target: '/a%0D%0AX:%20y' }],
  ] as const)('plans %s', (_, action, want) => {
    expect(plan(action as Partial<HttpAction>, { web: 8081 })).toMatchObject(want);
  });

  it.each([
    ['an unknown port name', { port: 'admin' }, 'there is no port named "admin"'],
    ['a host that would end the line', { host: 'a\r\nX: y' }, 'invalid host name "a\\r\\nX: y"'],
    ['a host that is a URL', { host: 'a/b?c' }, 'invalid host name "a/b?c"'],
    ['port 0', { port: 0 }, 'invalid port number: 0'],
    ['port 70000', { port: 70_000 }, 'invalid port number: 70000'],
  ] as const)('refuses %s', (_, action, want) => {
    expect(plan(action)).toBe(want);
  });

  it('leaves out headers that determine how the request is sent', () => {
    const names = ['Connection', 'content-length', 'Transfer-Encoding', 'Trailer', 'X-Mine'];
    const planned = plan({ headers: names.map((name) => ({ name, value: '5' })) });
    if (typeof planned === 'string') throw new Error(planned);
    expect(planned.headers.map(({ name }) => name)).toEqual(['X-Mine', 'User-Agent', 'Accept']);
  });

  it('refuses an instance without an address', () => {
    const { address, ...rest } = anInstance();
    expect(address).toBeDefined();
    const action = { kind: 'http', scheme: 'http', port: 80, path: '/', headers: [] } as const;
    expect(planHttpRequest(action, rest)).toBe('the instance has no address yet');
  });
});
