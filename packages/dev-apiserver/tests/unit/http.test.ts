import { once } from 'node:events';
import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { type DevApiServer, startDevApiServer } from '../../src/index.js';
import { adminOf, aPod, type Caller, callerFor, callerWith } from './caller.js';

let server: DevApiServer;
let admin: Caller;

const PODS = '/api/v1/namespaces/default/pods';

beforeAll(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
});
afterAll(() => server.stop());

describe('pods over HTTPS', () => {
  it('creates with defaults, and refuses the same name again', async () => {
    const created = await admin.call('POST', PODS, aPod('one'));
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      kind: 'Pod',
      metadata: { namespace: 'default', generation: 1 },
      spec: {
        restartPolicy: 'Always',
        serviceAccountName: 'default',
        containers: [{ imagePullPolicy: 'IfNotPresent', volumeMounts: [{ readOnly: true }] }],
        tolerations: [{ tolerationSeconds: 300 }, { tolerationSeconds: 300 }],
      },
      status: { phase: 'Pending', qosClass: 'BestEffort' },
    });
    const again = await admin.call('POST', PODS, aPod('one'));
    expect(again.body).toMatchObject({
      code: 409,
      reason: 'AlreadyExists',
      message: 'pods "one" already exists',
    });
  });

  it('names the field of an obvious mistake', async () => {
    const answer = await admin.call('POST', PODS, aPod('bad', { containers: [{ name: 'a' }] }));
    expect(answer.body).toMatchObject({
      code: 422,
      message: 'Pod "bad" is invalid: spec.containers[0].image: Required value',
      details: { causes: [{ reason: 'FieldValueRequired', field: 'spec.containers[0].image' }] },
    });
  });

  it('keeps spec and status apart', async () => {
    await admin.call('POST', PODS, aPod('parts'));
    const type = { 'content-type': 'application/strategic-merge-patch+json' };
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    await admin.call('PATCH', `${PODS}/parts`, { status }, type);
    const before = await admin.call('GET', `${PODS}/parts`);
    expect(before.body).toMatchObject({ status: { phase: 'Pending' } });
    const after = await admin.call('PATCH', `${PODS}/parts/status`, { status }, type);
    expect(after.body).toMatchObject({ status: { phase: 'Running', qosClass: 'BestEffort' } });
  });

  it('deletes in two steps once a node has the pod', async () => {
    await admin.call('POST', PODS, aPod('going'));
    const bound = await admin.call('POST', `${PODS}/going/binding`, { target: { name: 'n1' } });
    expect(bound.status).toBe(201);
    const marked = await admin.call('DELETE', `${PODS}/going`);
    expect(marked.body).toMatchObject({ metadata: { deletionGracePeriodSeconds: 30 } });
    expect((await admin.call('GET', `${PODS}/going`)).status).toBe(200);
    await admin.call('DELETE', `${PODS}/going`, { gracePeriodSeconds: 0 });
    expect((await admin.call('GET', `${PODS}/going`)).status).toBe(404);
  });
});

describe('identities', () => {
  it('refuses requests without credentials', async () => {
    const answer = await callerWith(server).call('GET', '/api/v1/nodes');
    expect(answer.body).toMatchObject({ code: 401, reason: 'Unauthorized' });
  });

  it('restricts a node to its own objects', async () => {
    const node = await callerFor(server, 'system:node:n1', ['system:nodes']);
    expect((await node.call('POST', '/api/v1/nodes', { metadata: { name: 'n1' } })).status).toBe(
      201,
    );
    expect(
      (await node.call('POST', '/api/v1/nodes', { metadata: { name: 'n2' } })).body,
    ).toMatchObject({
      code: 403,
      message: 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    });
    expect((await node.call('GET', '/api/v1/namespaces/default/secrets/x')).status).toBe(403);
  });

  it('reports who cannot do what', async () => {
    const nobody = await callerFor(server, 'jane', []);
    expect((await nobody.call('GET', PODS)).body).toMatchObject({
      message:
        'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
    });
  });
});

describe('kubeconfig', () => {
  it('holds one context with everything inline', async () => {
    const text = await server.kubeconfig({ user: 'admin', groups: ['system:masters'] });
    expect(parse(text)).toMatchObject({ 'current-context': 'nodeagent-dev' });
  });
});

it('stops in spite of connections that never shook hands', async () => {
  const other = await startDevApiServer();
  const port = Number(new URL(other.url).port);
  const [silent, gone] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all([silent, gone].map((socket) => once(socket, 'connect')));
  gone.end();
  // those connections were accepted before this one
  await callerWith(other, {}).call('GET', '/version');
  const closed = once(silent.resume(), 'close');
  await other.stop();
  await closed;
});
