import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { aPod, type Caller } from './caller.js';
import { aWidget, DEFINITIONS, WIDGET_DEFINITION, WIDGETS } from './custom/widgets.js';
import {
  type Asked,
  CONFIGURATIONS,
  everyWrite,
  Hooked,
  MAPS,
  MERGE,
  patch,
  PODS,
} from './webhook-support.js';

let hooked: Hooked;
let admin: Caller;
let asked: readonly Asked[];

beforeEach(async () => {
  hooked = await Hooked.start();
  ({ admin, asked } = hooked);
});
afterEach(() => hooked.stop());

const LABEL = { op: 'add', path: '/metadata/labels', value: { hooked: 'yes' } };

describe('a mutating webhook', () => {
  it('sees a pod with what the server adds, and its changes are stored', async () => {
    await hooked.register('mutating', ['pods']);
    hooked.respond = () =>
      patch(LABEL, { op: 'add', path: '/spec/containers/0/command', value: ['x'] });
    const { status, body } = await admin.call('POST', PODS, aPod('p'));
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { metadata: { labels: { hooked: 'yes' } }, spec: { containers: [{ command: ['x'] }] } },
    });
    expect(asked).toMatchObject([
      {
        operation: 'CREATE',
        name: 'p',
        kind: { version: 'v1', kind: 'Pod' },
        userInfo: { username: 'admin' },
        object: { spec: { serviceAccountName: 'default' } },
        oldObject: null,
        dryRun: false,
      },
    ]);
  });

  it('leaves an object that is then checked as any other', async () => {
    await hooked.register('mutating', ['pods']);
    hooked.respond = () => patch({ op: 'replace', path: '/spec/containers/0/image', value: '' });
    const { body } = await admin.call('POST', PODS, aPod('p'));
    expect(body['message']).toContain('spec.containers[0].image: Required value');
  });

  it('gives a Service labels, and the Service keeps one address', async () => {
    await hooked.register('mutating', ['services']);
    hooked.respond = () => patch(LABEL);
    const services = '/api/v1/namespaces/default/services';
    const spec = { ports: [{ port: 80 }], clusterIP: '10.96.0.77' };
    const first = await admin.call('POST', services, { metadata: { name: 'a' }, spec });
    expect(first.body).toMatchObject({ metadata: { labels: { hooked: 'yes' } }, spec });
    await admin.call('DELETE', `${services}/a`);
    const again = await admin.call('POST', services, { metadata: { name: 'b' }, spec });
    expect(again.status).toBe(201);
  });

  it('that wants it is asked again when a later one has changed the object', async () => {
    await hooked.register('mutating', ['configmaps'], { reinvocationPolicy: 'IfNeeded' });
    await hooked.register('mutating', ['configmaps'], { name: 'second.example.com' });
    let turn = 0;
    hooked.respond = () => {
      turn += 1;
      return turn === 2 ? patch(LABEL) : { allowed: true };
    };
    await admin.call('POST', MAPS, { metadata: { name: 'm' } });
    expect(
      asked.map(
        ({ object }) => (object as { metadata?: { labels?: object } } | null)?.metadata?.labels,
      ),
    ).toEqual([undefined, undefined, { hooked: 'yes' }]);
  });

  it('is asked again when the object has changed while it thought', async () => {
    await admin.call('POST', MAPS, { metadata: { name: 'm' }, data: { a: '1' } });
    await hooked.register('mutating', ['configmaps'], {
      rules: [{ ...everyWrite(['configmaps']), operations: ['UPDATE'] }],
    });
    hooked.respond = () => patch(LABEL);
    const change = (data: object) => admin.call('PATCH', `${MAPS}/m`, { data }, MERGE);
    await Promise.all([change({ b: '2' }), change({ c: '3' })]);
    const { body } = await admin.call('GET', `${MAPS}/m`);
    expect(body['data']).toEqual({ a: '1', b: '2', c: '3' });
  });
});

describe('a validating webhook', () => {
  it('refuses in the words of a real server, and warns', async () => {
    await hooked.register('validating', ['pods']);
    hooked.respond = () => ({
      allowed: false,
      status: { code: 403, message: 'not today', reason: 'Forbidden' },
      warnings: ['careful'],
    });
    const { status, body, warnings } = await admin.call('POST', PODS, aPod('p'));
    expect({ status, body, warnings }).toMatchObject({
      status: 403,
      body: {
        reason: 'Forbidden',
        message: 'admission webhook "validating.example.com" denied the request: not today',
      },
    });
    hooked.respond = () => ({ allowed: false });
    const bare = await admin.call('POST', PODS, aPod('p'));
    expect(bare.body).toMatchObject({
      code: 400,
      message: 'admission webhook "validating.example.com" denied the request without explanation',
    });
  });

  it('passes warnings on', async () => {
    await hooked.register('validating', ['configmaps']);
    hooked.respond = () => ({ allowed: true, warnings: ['is "old"'] });
    const { warnings } = await admin.call('POST', MAPS, { metadata: { name: 'm' } });
    expect(warnings).toEqual(['is "old"']);
  });

  it('sees updates, subresources and deletions with the old state, and dry runs', async () => {
    await admin.call('POST', PODS, aPod('p'));
    await hooked.register('validating', ['pods', 'pods/status']);
    await admin.call('PATCH', `${PODS}/p`, { metadata: { labels: { a: 'b' } } }, MERGE);
    await admin.call('PATCH', `${PODS}/p/status`, { status: { message: 'x' } }, MERGE);
    await admin.call('DELETE', `${PODS}/p?dryRun=All`);
    await admin.call('DELETE', PODS);
    // a real server names no object of a collection
    expect(asked.at(-1)).not.toHaveProperty('name');
    expect(asked).toMatchObject([
      { operation: 'UPDATE', object: { metadata: { labels: { a: 'b' } } }, oldObject: {} },
      { operation: 'UPDATE', subResource: 'status', object: { status: { message: 'x' } } },
      { operation: 'DELETE', object: null, oldObject: { metadata: { name: 'p' } }, dryRun: true },
      { operation: 'DELETE', object: null, oldObject: { metadata: { name: 'p' } }, dryRun: false },
    ]);
  });

  it('is not asked about what its rules and selectors leave out', async () => {
    const objectSelector = { matchLabels: { watched: 'yes' } };
    const names = {
      key: 'kubernetes.io/metadata.name',
      operator: 'NotIn',
      values: ['kube-system'],
    };
    const namespaceSelector = { matchExpressions: [names] };
    await hooked.register('validating', ['configmaps'], { objectSelector, namespaceSelector });
    const watched = { name: 'watched', labels: { watched: 'yes' } };
    await admin.call('POST', MAPS, { metadata: { name: 'free' } });
    await admin.call('POST', '/api/v1/namespaces/kube-system/configmaps', { metadata: watched });
    await admin.call('POST', PODS, aPod('p', {}));
    await admin.call('POST', MAPS, { metadata: watched });
    expect(asked.map(({ name }) => name)).toEqual(['watched']);
  });

  it('sees equivalent kinds in the version that its rule names', async () => {
    await admin.call('POST', DEFINITIONS, WIDGET_DEFINITION);
    const rules = [{ ...everyWrite(['widgets']), apiVersions: ['v1beta1'] }];
    await hooked.register('validating', [], { rules });
    await admin.call('POST', WIDGETS, aWidget('w'));
    expect(asked).toMatchObject([
      {
        kind: { version: 'v1beta1' },
        requestKind: { version: 'v1' },
        object: { apiVersion: 'example.com/v1beta1' },
      },
    ]);
    await admin.call('DELETE', `${CONFIGURATIONS}/validatingwebhookconfigurations`);
    await hooked.register('validating', [], { rules, matchPolicy: 'Exact' });
    await admin.call('POST', WIDGETS, aWidget('other'));
    expect(asked).toHaveLength(1);
  });
});

describe('a webhook that cannot be asked', () => {
  const gone = { url: 'https://127.0.0.1:1/check' };

  it('stops the write, and not the removal of its configuration', async () => {
    await hooked.register('validating', ['*'], { clientConfig: gone });
    const { body } = await admin.call('POST', MAPS, { metadata: { name: 'm' } });
    expect(body).toMatchObject({
      code: 500,
      reason: 'InternalError',
      message:
        'Internal error occurred: failed calling webhook "validating.example.com": failed to call webhook: Post "https://127.0.0.1:1/check?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused',
    });
    const path = `${CONFIGURATIONS}/validatingwebhookconfigurations/validating.example.com`;
    expect((await admin.call('DELETE', path)).status).toBe(200);
  });

  it('is passed over when its failure is to be ignored', async () => {
    await hooked.register('mutating', ['configmaps'], {
      clientConfig: gone,
      failurePolicy: 'Ignore',
    });
    expect((await admin.call('POST', MAPS, { metadata: { name: 'm' } })).status).toBe(201);
  });

  it('is told from one whose certificate nobody has signed', async () => {
    await hooked.register('validating', ['configmaps'], { clientConfig: { url: hooked.url } });
    const { body } = await admin.call('POST', MAPS, { metadata: { name: 'm' } });
    expect(body['message']).toMatch(/x509: certificate signed by unknown authority$/);
  });

  it.each([
    ['another uid', { uid: 'x' }, /expected response.uid=/],
    ['a patch without its type', { allowed: true, patch: 'W10=' }, /but not response.patchType$/],
  ])('counts as one that answers with %s', async (_what, answer, message) => {
    await hooked.register('mutating', ['configmaps']);
    hooked.respond = () => answer;
    const { body } = await admin.call('POST', MAPS, { metadata: { name: 'm' } });
    expect(body).toMatchObject({ code: 500 });
    expect(body['message']).toMatch(message);
  });

  it('that takes too long has failed', async () => {
    await hooked.register('validating', ['configmaps'], { timeoutSeconds: 1 });
    hooked.hook.removeAllListeners('request');
    const { body } = await admin.call('POST', MAPS, { metadata: { name: 'm' } });
    expect(body['message']).toMatch(/\?timeout=1s": context deadline exceeded$/);
  });
});

it.each([
  ['no side effects said', { sideEffects: undefined }, 'webhooks[0].sideEffects'],
  ['side effects in dry runs', { sideEffects: 'Some' }, 'webhooks[0].sideEffects'],
  ['a short name', { name: 'x' }, 'webhooks[0].name'],
  ['a plain URL', { clientConfig: { url: 'http://x/' } }, 'webhooks[0].clientConfig.url'],
  ['a long timeout', { timeoutSeconds: 31 }, 'webhooks[0].timeoutSeconds'],
  [
    'a query in its URL',
    { clientConfig: { url: 'https://x/?a=b' } },
    'webhooks[0].clientConfig.url',
  ],
  [
    'a user in its URL',
    { clientConfig: { url: 'https://u:p@x/' } },
    'webhooks[0].clientConfig.url',
  ],
  [
    'a fragment in its URL',
    { clientConfig: { url: 'https://x/#a' } },
    'webhooks[0].clientConfig.url',
  ],
  ['an unknown review', { admissionReviewVersions: ['v9'] }, 'webhooks[0].admissionReviewVersions'],
  [
    'a review twice',
    { admissionReviewVersions: ['v1', 'v1'] },
    'webhooks[0].admissionReviewVersions[1]',
  ],
  ['an empty rule', { rules: [{}] }, 'webhooks[0].rules[0].operations'],
  ['an unknown failure policy', { failurePolicy: 'x' }, 'webhooks[0].failurePolicy'],
  ['an unknown match policy', { matchPolicy: 'x' }, 'webhooks[0].matchPolicy'],
  [
    'a label that is none',
    { namespaceSelector: { matchLabels: { 'a b': '' } } },
    'webhooks[0].namespaceSelector.matchLabels',
  ],
])('a configuration with %s is refused', async (_what, change, field) => {
  const webhook = {
    name: 'a.example.com',
    clientConfig: { url: 'https://x/' },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...change,
  };
  const path = `${CONFIGURATIONS}/validatingwebhookconfigurations`;
  const body = { metadata: { name: 'a' }, webhooks: [webhook] };
  const answer = await admin.call('POST', path, body);
  expect(answer.body['code']).toBe(422);
  expect(JSON.stringify(answer.body['details'])).toContain(`"field":"${field}"`);
  const good = { ...webhook, ...GOOD };
  const twice = { metadata: { name: 'a' }, webhooks: [good, good] };
  expect((await admin.call('POST', path, twice)).body).toMatchObject({
    details: { causes: [{ field: 'webhooks[1].name', reason: 'FieldValueDuplicate' }] },
  });
});

const GOOD = {
  name: 'a.example.com',
  clientConfig: { url: 'https://x/' },
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  ...{ timeoutSeconds: 1, rules: [], failurePolicy: 'Fail', matchPolicy: 'Exact' },
  namespaceSelector: {},
};
