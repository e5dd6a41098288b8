import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, SERVICE_ACCOUNTS } from '@nodeagent/kube-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ACCESS_RULES, OTHER_ACCESS, ROUTES } from '../../src/server/model/routes.js';
import {
  call,
  type Caller,
  certificateOf,
  type NodeApiFixture,
  startNodeApi,
} from '../support/node-api.js';

const never = new AbortController().signal;

/** Every route with values for its `:words`, once per method. */
const TARGETS = ROUTES.flatMap(({ path, methods }) =>
  methods.map((method) => {
    const target = path
      .replace(':check', 'ping')
      .replace('*', '')
      .replace(/:(\w+)/g, 'x');
    const rule = ACCESS_RULES.find(
      (one) => target === one.path || target.startsWith(`${one.path}/`),
    );
    return { method, target, subresources: rule?.subresources ?? OTHER_ACCESS };
  }),
);
const VERBS = { GET: 'get', POST: 'create', PUT: 'update' } as const;

let api: NodeApiFixture;
let stranger: Caller;
const granted = new Map<string, Caller>();

/** A user with exactly this permission. */
async function grantee(verb: string, subresource: string): Promise<Caller> {
  const name = `${verb}-${subresource}`;
  const rules = [{ apiGroups: [''], resources: [`nodes/${subresource}`], verbs: [verb] }];
  const subject = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name };
  const roleRef = { apiGroup: subject.apiGroup, kind: 'ClusterRole', name };
  const metadata = { name };
  await api.admin.create(CLUSTER_ROLES, { metadata, rules }, never);
  await api.admin.create(CLUSTER_ROLE_BINDINGS, { metadata, roleRef, subjects: [subject] }, never);
  return certificateOf(api, name);
}

beforeAll(async () => {
  api = await startNodeApi();
  stranger = await certificateOf(api, 'jane', ['developers']);
  for (const { method, subresources } of TARGETS) {
    for (const subresource of subresources) {
      const key = `${VERBS[method]} ${subresource}`;
      if (!granted.has(key)) granted.set(key, await grantee(VERBS[method], subresource));
    }
  }
}, 120_000);
afterAll(() => api.stop());

describe.each(TARGETS)(
  '$method $target',
  { timeout: 60_000 },
  ({ method, target, subresources }) => {
    it('refuses requests without credentials', async () => {
      const { status, body } = await call(api.port, target, {}, { method });
      expect([status, body]).toEqual([401, 'Unauthorized\n']);
    });

    it('refuses invalid tokens and certificates', async () => {
      const token = await call(api.port, target, { token: 'not-a-token' }, { method });
      expect(token.status).toBe(401);
      const other = await otherCaCertificate();
      expect((await call(api.port, target, other, { method })).status).toBe(401);
    });

    it('names the missing permission to an authenticated user', async () => {
      const { status, body } = await call(api.port, target, stranger, { method });
      const parts = subresources.join(' ');
      expect([status, body]).toEqual([
        403,
        `Forbidden (user=jane, verb=${VERBS[method]}, resource=nodes, subresource(s)=[${parts}])\n`,
      ]);
    });

    it.each(subresources)('allows nodes/%s', async (subresource) => {
      const caller = granted.get(`${VERBS[method]} ${subresource}`)!;
      const { status } = await call(api.port, target, caller, { method });
      expect([200, 301, 400, 404, 500]).toContain(status);
    });

    it('refuses permissions for other paths', async () => {
      const other = [...granted].filter(([key]) => {
        const [verb = '', part = ''] = key.split(' ');
        return verb !== VERBS[method] || !subresources.includes(part);
      });
      for (const [key, caller] of other) {
        const { status } = await call(api.port, target, caller, { method });
        expect([key, status]).toEqual([key, 403]);
      }
    });
  },
);

describe('a bearer token', () => {
  it('is authenticated and authorized by the API server', async () => {
    const token = await serviceAccountToken();
    const { status, body } = await call(api.port, '/pods', { token });
    expect(status).toBe(403);
    expect(body).toContain('user=system:serviceaccount:default:default');
  });
});

let other: Caller | undefined;

async function otherCaCertificate(): Promise<Caller> {
  if (other !== undefined) return other;
  const elsewhere = await startNodeApi();
  other = await certificateOf(elsewhere, 'admin', ['system:masters']);
  await elsewhere.stop();
  return other;
}

async function serviceAccountToken(): Promise<string> {
  const answer = await api.admin.createSubresource(
    {
      resource: SERVICE_ACCOUNTS,
      name: { namespace: 'default', name: 'default' },
      subresource: 'token',
    },
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    never,
  );
  return (answer as { status: { token: string } }).status.token;
}
