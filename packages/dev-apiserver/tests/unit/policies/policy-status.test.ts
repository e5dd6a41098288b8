import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../../src/index.js';
import { adminOf, type Caller } from '../caller.js';
import { DEFINITIONS, WIDGET_DEFINITION } from '../custom/widgets.js';
import { aPolicy, POLICIES } from './policy-support.js';

let server: DevApiServer;
let admin: Caller;

beforeEach(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
});
afterEach(() => server.stop());

function about(group: string, resources: readonly string[]): object {
  const rule = { apiGroups: [group], apiVersions: ['v1'], operations: ['*'], resources };
  return { matchConstraints: { resourceRules: [rule] } };
}

async function statusOf(name: string, generation: number): Promise<unknown> {
  return vi.waitFor(async () => {
    const { body } = await admin.call('GET', `${POLICIES}/${name}`);
    expect(body).toMatchObject({ status: { observedGeneration: generation } });
    return body['status'];
  });
}

describe('the status of a policy', () => {
  it('is that of its generation', async () => {
    const validations = [{ expression: 'object.spec.replicas > 1' }];
    const spec = { ...about('apps', ['deployments']), validations };
    const { body } = await admin.call('POST', POLICIES, aPolicy('p', spec));
    expect(body['status']).toEqual({});
    expect(await statusOf('p', 1)).toEqual({ observedGeneration: 1, typeChecking: {} });
    const merge = { 'content-type': 'application/merge-patch+json' };
    const change = { spec: { failurePolicy: 'Ignore' } };
    await admin.call('PATCH', `${POLICIES}/p`, change, merge);
    await statusOf('p', 2);
  });

  it('warns of fields that the kinds do not have', async () => {
    const variables = [{ name: 'spec', expression: 'object.spec' }];
    const validations = [
      { expression: 'variables.spec.replica > 1', messageExpression: 'string(object.nam)' },
      { expression: 'object.metadata.creationTimestamp < timestamp("2030-01-01T00:00:00Z")' },
    ];
    const spec = { ...about('apps', ['replicasets', 'deployments']), variables, validations };
    await admin.call('POST', POLICIES, aPolicy('p', spec));
    const replica = (kind: string): string =>
      `apps/v1, Kind=${kind}: ERROR: <input>:1:15: undefined field 'replica'\n | variables.spec.replica > 1\n | ..............^\n`;
    expect(await statusOf('p', 1)).toMatchObject({
      typeChecking: {
        expressionWarnings: [
          {
            fieldRef: 'spec.validations[0].expression',
            warning: `${replica('Deployment')}\n${replica('ReplicaSet')}`,
          },
          { fieldRef: 'spec.validations[0].messageExpression' },
        ],
      },
    });
  });

  it.each([
    [
      'a text compared with a number',
      "object.spec.size == 'x'",
      "'_==_' applied to '(int, string)'",
    ],
    ['a field of the parameters', "params.data['a'] == object.spec.colr", "undefined field 'colr'"],
  ])('warns about a custom resource: %s', async (_, expression, want) => {
    await admin.call('POST', DEFINITIONS, WIDGET_DEFINITION);
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
    const validations = [{ expression: 'object.metadata.labels.size() > 0' }, { expression }];
    const spec = { ...about('example.com', ['widgets']), paramKind, validations };
    await admin.call('POST', POLICIES, aPolicy('p', spec));
    expect(await statusOf('p', 1)).toMatchObject({
      typeChecking: {
        expressionWarnings: [
          {
            fieldRef: 'spec.validations[1].expression',
            warning: expect.stringContaining(want) as string,
          },
        ],
      },
    });
  });
});
