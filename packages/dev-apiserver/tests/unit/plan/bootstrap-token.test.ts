import { describe, expect, it } from 'vitest';

import type { ApiObject } from '../../../src/model/object.js';
import { bootstrapSecretName, bootstrapUser } from '../../../src/plan/bootstrap-token.js';

const NOW = Date.UTC(2026, 0, 1);
const TOKEN = '07401b.f395accd246ae52d';

function secretOf(
  data: Readonly<Record<string, string | undefined>>,
  more: object = {},
): ApiObject {
  const all: Readonly<Record<string, string | undefined>> = {
    'token-id': '07401b',
    'token-secret': 'f395accd246ae52d',
    'usage-bootstrap-authentication': 'true',
    ...data,
  };
  const encoded = Object.entries(all).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, Buffer.from(value).toString('base64')]],
  );
  const metadata = { name: 'bootstrap-token-07401b', namespace: 'kube-system' };
  const object = { metadata, type: 'bootstrap.kubernetes.io/token', ...more };
  return { ...object, data: Object.fromEntries(encoded) as object } as unknown as ApiObject;
}

it.each([
  [TOKEN, 'bootstrap-token-07401b'],
  ['07401b.f395accd246ae52', undefined],
  ['07401B.f395accd246ae52d', undefined],
  ['a.b.c', undefined],
])('the secret of %s is %s', (token, name) => {
  expect(bootstrapSecretName(token)).toBe(name);
});

describe('bootstrapUser', () => {
  it('has the group of those who join, and those that the secret names', () => {
    const group = 'system:bootstrappers:kubeadm:default-node-token';
    expect(bootstrapUser(TOKEN, secretOf({ 'auth-extra-groups': group }), NOW)).toEqual({
      username: 'system:bootstrap:07401b',
      groups: ['system:bootstrappers', group, 'system:authenticated'],
    });
  });

  it.each<[string, ApiObject]>([
    ['another secret', secretOf({ 'token-secret': 'f395accd246ae52e' })],
    ['another id', secretOf({ 'token-id': '07401c' })],
    ['a secret of another type', secretOf({}, { type: 'Opaque' })],
    ['no permission to authenticate', secretOf({ 'usage-bootstrap-authentication': undefined })],
    ['its end', secretOf({ expiration: '2026-01-01T00:00:00Z' })],
    ['an end that cannot be read', secretOf({ expiration: 'tomorrow' })],
    ['a group of other people', secretOf({ 'auth-extra-groups': 'system:masters' })],
    ['no data', { metadata: {}, type: 'bootstrap.kubernetes.io/token' } as unknown as ApiObject],
  ])('%s refuses the token', (_, secret) => {
    expect(bootstrapUser(TOKEN, secret, NOW)).toBeUndefined();
  });

  it('ends at the second', () => {
    const secret = secretOf({ expiration: '2026-01-01T00:00:01Z' });
    expect(bootstrapUser(TOKEN, secret, NOW)).toBeDefined();
  });
});
