import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../../src/index.js';
import { adminOf, type Caller, callerFor } from '../caller.js';
import { aBinding, aPolicy, BINDINGS, POLICIES, said } from './policy-support.js';

const GROUP = 'rbac.authorization.k8s.io';
const USER = '&{ann  [system:authenticated] map[]}';
const POLICY = aPolicy('p', {
  paramKind: { apiVersion: 'v1', kind: 'Secret' },
  validations: [{ expression: 'true' }],
});
const BINDING = aBinding('p', {
  paramRef: { name: 's', namespace: 'default', parameterNotFoundAction: 'Deny' },
});

let server: DevApiServer;
let admin: Caller;
let ann: Caller;

beforeEach(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
  ann = await callerFor(server, 'ann', []);
  await grant('policies', { apiGroups: ['admissionregistration.k8s.io'], resources: ['*'] });
});
afterEach(() => server.stop());

/** Permits `ann` something in the whole cluster. */
async function grant(name: string, rule: object): Promise<void> {
  const path = `/apis/${GROUP}/v1`;
  const metadata = { name };
  await admin.call('POST', `${path}/clusterroles`, {
    metadata,
    rules: [{ verbs: ['*'], ...rule }],
  });
  await admin.call('POST', `${path}/clusterrolebindings`, {
    metadata,
    roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name },
    subjects: [{ apiGroup: GROUP, kind: 'User', name: 'ann' }],
  });
}

describe('the author of', () => {
  it('a policy must be permitted to read all parameters', async () => {
    expect(said(await ann.call('POST', POLICIES, POLICY))).toEqual([
      422,
      `ValidatingAdmissionPolicy.admissionregistration.k8s.io "p" is invalid: spec.paramKind: Forbidden: user ${USER} must have "get" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)`,
    ]);
    await grant('secrets', { apiGroups: [''], resources: ['secrets'], verbs: ['get'] });
    expect((await ann.call('POST', POLICIES, POLICY)).status).toBe(201);
  });

  it('a change that leaves the parameters alone needs no permission', async () => {
    await admin.call('POST', POLICIES, POLICY);
    const merge = { 'content-type': 'application/merge-patch+json' };
    const change = (spec: object) => ann.call('PATCH', `${POLICIES}/p`, { spec }, merge);
    expect((await change({ failurePolicy: 'Ignore' })).status).toBe(200);
    expect((await change({ paramKind: { kind: 'ConfigMap' } })).status).toBe(422);
  });

  it.each([
    [
      'whose policy is there',
      true,
      `user ${USER} does not have "get" permission on the object referenced by paramRef`,
    ],
    [
      'whose policy is not there',
      false,
      `unable to get policy p to determine minimum required permissions and user ${USER} does not have "get" permission for all groups, versions and resources`,
    ],
  ])('a binding %s must be permitted to read its parameters', async (_, isThere, why) => {
    if (isThere) await admin.call('POST', POLICIES, POLICY);
    expect(said(await ann.call('POST', BINDINGS, BINDING))).toEqual([
      422,
      `ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io "p-everywhere" is invalid: spec.paramRef: Forbidden: ${why}`,
    ]);
    const resources = isThere ? ['secrets'] : ['*'];
    await grant('secrets', { apiGroups: isThere ? [''] : ['*'], resources, verbs: ['get'] });
    expect((await ann.call('POST', BINDINGS, BINDING)).status).toBe(201);
  });
});
