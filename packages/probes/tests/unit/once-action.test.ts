import { expect, it } from 'vitest';

import { planOnce } from '../../src/plan/once-action.js';

it.each([
  ['http://h/ok?full=1', 'h', { kind: 'http', scheme: 'http', port: 80, path: '/ok?full=1' }],
  ['https://[fd00::1]', 'fd00::1', { kind: 'http', scheme: 'https', port: 443, path: '/' }],
  ['tcp://10.0.0.1:5432', '10.0.0.1', { kind: 'tcp', port: 5432 }],
  ['grpc://[::1]:9090/a.b%20c', '::1', { kind: 'grpc', port: 9090, service: 'a.b c' }],
])('reads %s', (text, address, action) => {
  expect(planOnce(text)).toMatchObject({ address, action });
});

it('completes an action', () => {
  expect(planOnce({ kind: 'http', port: 'web' })).toEqual({
    action: { kind: 'http', scheme: 'http', port: 'web', path: '/', headers: [] },
  });
  expect(planOnce({ kind: 'grpc', port: 1, service: 's' })).toEqual({
    action: { kind: 'grpc', port: 1, service: 's' },
  });
});

it.each([
  ['localhost', 'is not an address'],
  ['ftp://h/x', 'begins with none of'],
  ['tcp://h', 'names no port'],
  ['grpc:///x', 'names no host'],
  ['http://u:p@h/', 'has a user'],
])('refuses %s', (text, problem) => {
  expect(() => planOnce(text)).toThrow(
    expect.objectContaining({
      code: 'PROBE_INVALID',
      message: expect.stringContaining(problem) as string,
    }),
  );
});

it('refuses a kind of action that does not exist', () => {
  expect(() => planOnce({ kind: 'udp', port: 1 } as never)).toThrow('"udp" is not one of');
});
