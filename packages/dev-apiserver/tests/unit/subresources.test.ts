import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../src/index.js';
import { adminOf, type Answer, aPod, type Caller, callerWith } from './caller.js';

const PODS = '/api/v1/namespaces/default/pods';
const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };

let server: DevApiServer;
let admin: Caller;

beforeAll(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
});
afterAll(() => server.stop());

async function bind(name: string): Promise<void> {
  await admin.call('POST', `${PODS}/${name}/binding`, { target: { name: 'n1' } });
}

describe('service account tokens', () => {
  const tokens = '/api/v1/namespaces/default/serviceaccounts/default/token';
  const reviews = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

  async function tokenFor(boundObjectRef?: object): Promise<string> {
    const answer = await admin.call('POST', tokens, { spec: { boundObjectRef } });
    return (answer.body['status'] as never as { token: string }).token;
  }

  it('ends with the pod it is bound to, and does not become valid again with the name', async () => {
    await admin.call('POST', PODS, aPod('bound'));
    const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'bound' };
    const pod = callerWith(server, { token: await tokenFor(boundObjectRef) });
    expect((await pod.call('POST', reviews, {})).body).toMatchObject({
      status: {
        userInfo: {
          username: 'system:serviceaccount:default:default',
          extra: { 'authentication.kubernetes.io/pod-name': ['bound'] },
        },
      },
    });
    await admin.call('DELETE', `${PODS}/bound`);
    expect((await pod.call('POST', reviews, {})).status).toBe(401);
    await admin.call('POST', PODS, aPod('bound'));
    expect((await pod.call('POST', reviews, {})).status).toBe(401);
  });

  it('is refused for another pod of that name, for less than ten minutes, for no pod', async () => {
    await admin.call('POST', PODS, aPod('other'));
    const ask = async (spec: object): Promise<number> =>
      (await admin.call('POST', tokens, { spec })).status;
    const ref = { kind: 'Pod', apiVersion: 'v1', name: 'other' };
    expect(await ask({ boundObjectRef: { ...ref, uid: 'not-it' } })).toBe(409);
    expect(await ask({ boundObjectRef: { ...ref, name: 'nobody' } })).toBe(404);
    expect(await ask({ expirationSeconds: 599 })).toBe(422);
  });

  it('lives no longer than the server’s maximum', async () => {
    const strict = await startDevApiServer({ longestTokenSeconds: 60 });
    const user = await adminOf(strict);
    try {
      const { body } = await user.call('POST', tokens, { spec: { expirationSeconds: 3600 } });
      expect(body).toMatchObject({ spec: { expirationSeconds: 60 } });
    } finally {
      await strict.stop();
    }
  });

  it('is accepted only for its audience', async () => {
    const answer = await admin.call('POST', tokens, { spec: { audiences: ['vault'] } });
    const { token } = answer.body['status'] as never as { token: string };
    expect((await callerWith(server, { token }).call('POST', reviews, {})).status).toBe(401);
    const review = '/apis/authentication.k8s.io/v1/tokenreviews';
    const asked = await admin.call('POST', review, { spec: { token, audiences: ['vault'] } });
    expect(asked.body).toMatchObject({ status: { authenticated: true, audiences: ['vault'] } });
  });
});

describe('eviction', () => {
  const evict = (name: string, more: object = {}): Promise<Answer> =>
    admin.call('POST', `${PODS}/${name}/eviction`, { metadata: { name }, ...more });

  it('deletes with the requested grace period', async () => {
    await admin.call('POST', PODS, aPod('evicted'));
    await bind('evicted');
    const answer = await evict('evicted', { deleteOptions: { gracePeriodSeconds: 7 } });
    expect([answer.status, answer.body['status']]).toEqual([201, 'Success']);
    expect((await admin.call('GET', `${PODS}/evicted`)).body).toMatchObject({
      metadata: { deletionGracePeriodSeconds: 7, deletionTimestamp: expect.any(String) as string },
    });
  });

  it('spares the pod when uid or name differ, and in a dry run', async () => {
    await admin.call('POST', PODS, aPod('staying'));
    const preconditions = { uid: 'somebody-else' };
    expect((await evict('staying', { deleteOptions: { preconditions } })).status).toBe(409);
    expect((await evict('staying', { metadata: { name: 'x' } })).status).toBe(400);
    expect((await evict('staying', { deleteOptions: { dryRun: ['All'] } })).status).toBe(201);
    expect((await evict('nobody')).status).toBe(404);
    expect((await admin.call('GET', `${PODS}/staying`)).status).toBe(200);
  });
});

describe('ephemeral containers', () => {
  const part = `${PODS}/debugged/ephemeralcontainers`;
  const add = (containers: readonly object[]): Promise<Answer> =>
    admin.call('PATCH', part, { spec: { ephemeralContainers: containers } }, STRATEGIC);

  it('are added with defaults, and do not change', async () => {
    await admin.call('POST', PODS, aPod('debugged'));
    const added = await add([{ name: 'shell', image: 'busybox:1', targetContainerName: 'app' }]);
    expect(added.body).toMatchObject({
      metadata: { generation: 2 },
      spec: {
        containers: [{ image: 'web:1' }],
        ephemeralContainers: [
          { name: 'shell', targetContainerName: 'app', imagePullPolicy: 'IfNotPresent' },
        ],
      },
    });
    const changed = await add([{ name: 'shell', image: 'busybox:2' }]);
    expect(changed.body).toMatchObject({
      code: 422,
      message:
        'Pod "debugged" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers "shell" may not be changed',
    });
    expect((await add([{ name: 'app', image: 'busybox:1' }])).status).toBe(422);
    expect((await add([{ name: 'second', image: 'busybox:1' }])).status).toBe(200);
    const gone = { spec: { ephemeralContainers: [] } };
    const merge = { 'content-type': 'application/merge-patch+json' };
    expect((await admin.call('PATCH', part, gone, merge)).body['message']).toContain(
      'may not be removed',
    );
  });

  it('change nothing else, and not through the pod itself', async () => {
    const body = { metadata: { labels: { a: 'b' } }, spec: { nodeName: 'n9' } };
    const answer = await admin.call('PATCH', part, body, STRATEGIC);
    expect(answer.body).toMatchObject({ metadata: { labels: { app: 'debugged' } } });
    expect(answer.body['spec']).not.toHaveProperty('nodeName');
    const spec = { ephemeralContainers: [{ name: 'third', image: 'busybox:1' }] };
    const main = await admin.call('PATCH', `${PODS}/debugged`, { spec }, STRATEGIC);
    expect(main.status).toBe(422);
  });
});

describe('resize', () => {
  const resize = (resources: object, more: object = {}): Promise<Answer> => {
    const spec = { containers: [{ name: 'app', resources, ...more }] };
    return admin.call('PATCH', `${PODS}/sized/resize`, { spec }, STRATEGIC);
  };

  it('changes only CPU and memory', async () => {
    const resources = { requests: { cpu: '100m', memory: '64Mi' } };
    const containers = [{ name: 'app', image: 'web:1', resources }];
    await admin.call('POST', PODS, aPod('sized', { containers }));
    const answer = await resize({ requests: { cpu: '200m' } }, { image: 'evil:1' });
    expect(answer.body).toMatchObject({
      metadata: { generation: 2 },
      spec: {
        containers: [{ image: 'web:1', resources: { requests: { cpu: '200m', memory: '64Mi' } } }],
      },
    });
  });

  it('changes resources of the pod as a whole, which decide its quality of service', async () => {
    const both = (cpu: string) => {
      const amounts = { cpu, memory: '64Mi' };
      return { resources: { requests: amounts, limits: amounts } };
    };
    const containers = [{ name: 'app', image: 'web:1' }];
    await admin.call('POST', PODS, aPod('whole', { containers, ...both('100m') }));
    const path = `${PODS}/whole/resize`;
    const answer = await admin.call('PATCH', path, { spec: both('200m') }, STRATEGIC);
    expect(answer.body).toMatchObject({ metadata: { generation: 2 }, spec: both('200m') });
    expect(answer.body['status']).toMatchObject({ qosClass: 'Guaranteed' });
    const less = { resources: { requests: { cpu: '50m' } } };
    expect((await admin.call('PATCH', path, { spec: less }, STRATEGIC)).status).toBe(422);
  });

  it('refuses requests that the pod’s node can never grant, and accepts those that it cannot grant now', async () => {
    await admin.call('POST', '/api/v1/nodes', { metadata: { name: 'small' } });
    const status = { allocatable: { cpu: '1900m', memory: '1Gi' } };
    const merge = { 'content-type': 'application/merge-patch+json' };
    await admin.call('PATCH', '/api/v1/nodes/small/status', { status }, merge);
    const resources = { requests: { cpu: '100m' } };
    const containers = [{ name: 'app', image: 'web:1', resources }];
    await admin.call('POST', PODS, aPod('huge', { containers, nodeName: 'small' }));
    const ask = (requests: object): Promise<Answer> => {
      const spec = { containers: [{ name: 'app', resources: { requests } }] };
      return admin.call('PATCH', `${PODS}/huge/resize`, { spec }, STRATEGIC);
    };
    expect((await ask({ cpu: '1000' })).body).toMatchObject({
      code: 403,
      message:
        'pods "huge" is forbidden: node didn\'t have enough allocatable resources: ' +
        'cpu, requested: 1000000, allocatable: 1900',
    });
    expect((await ask({ cpu: '1900m' })).status).toBe(200);
  });

  it('refuses another quality of service, and other resources', async () => {
    const limits = { cpu: '200m', memory: '64Mi' };
    expect((await resize({ requests: limits, limits })).body).toMatchObject({
      code: 422,
      message:
        'Pod "sized" is invalid: metadata: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing',
    });
    expect((await resize({ limits: { 'ephemeral-storage': '1Gi' } })).body).toMatchObject({
      message: 'Pod "sized" is invalid: spec: Forbidden: only cpu and memory resources are mutable',
    });
  });
});
