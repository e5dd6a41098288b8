import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../../src/index.js';
import { adminOf, type Caller } from '../caller.js';
import { aBinding, ADMISSION, aPolicy, BINDINGS, POLICIES } from './policy-support.js';

const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };

let server: DevApiServer;
let admin: Caller;

beforeAll(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
});
afterAll(() => server.stop());

describe('a strategic merge patch', () => {
  it('changes one webhook of a configuration, by its name', async () => {
    const hook = (name: string): object => ({
      name,
      clientConfig: { url: 'https://127.0.0.1/' },
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
    });
    const path = `${ADMISSION}/validatingwebhookconfigurations`;
    const webhooks = [hook('a.example.com'), hook('b.example.com')];
    await admin.call('POST', path, { metadata: { name: 'w' }, webhooks });
    const change = { webhooks: [{ name: 'b.example.com', failurePolicy: 'Ignore' }] };
    const { body } = await admin.call('PATCH', `${path}/w`, change, STRATEGIC);
    expect(body['webhooks']).toMatchObject([
      { name: 'a.example.com', failurePolicy: 'Fail' },
      { name: 'b.example.com', failurePolicy: 'Ignore', sideEffects: 'None' },
    ]);
  });

  it('changes one variable of a policy, and replaces its validations', async () => {
    const variables = [
      { name: 'a', expression: '1' },
      { name: 'b', expression: '2' },
    ];
    const validations = [{ expression: 'true' }, { expression: 'true' }];
    await admin.call('POST', POLICIES, aPolicy('p', { variables, validations }));
    const spec = {
      variables: [{ name: 'b', expression: '3' }],
      validations: [{ expression: 'variables.b == 3' }],
    };
    const { body } = await admin.call('PATCH', `${POLICIES}/p`, { spec }, STRATEGIC);
    expect(body['spec']).toMatchObject({
      variables: [
        { name: 'a', expression: '1' },
        { name: 'b', expression: '3' },
      ],
      validations: [{ expression: 'variables.b == 3' }],
    });
  });

  it('replaces the actions of a binding', async () => {
    await admin.call('POST', BINDINGS, aBinding('p'));
    const change = { spec: { validationActions: ['Warn'] } };
    const { body } = await admin.call('PATCH', `${BINDINGS}/p-everywhere`, change, STRATEGIC);
    expect(body['spec']).toMatchObject({ validationActions: ['Warn'] });
  });
});
