import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../src/index.js';
import { adminOf, type Answer, type Caller } from './caller.js';

const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
const CLASSES = '/apis/storage.k8s.io/v1/storageclasses';
const MERGE = { 'content-type': 'application/merge-patch+json' };

let server: DevApiServer;
let admin: Caller;

beforeAll(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
});
afterAll(() => server.stop());

function create(name: string, spec: object = {}): Promise<Answer> {
  const resources = { requests: { storage: '1Gi' } };
  const body = { metadata: { name }, spec: { accessModes: ['ReadWriteOnce'], resources, ...spec } };
  return admin.call('POST', CLAIMS, body);
}

async function bind(name: string): Promise<void> {
  await admin.call('PATCH', `${CLAIMS}/${name}`, { spec: { volumeName: 'v' } }, MERGE);
  const status = { phase: 'Bound', capacity: { storage: '1Gi' } };
  await admin.call('PATCH', `${CLAIMS}/${name}/status`, { status }, MERGE);
}

function ask(name: string, storage: string): Promise<Answer> {
  const body = { spec: { resources: { requests: { storage } } } };
  return admin.call('PATCH', `${CLAIMS}/${name}`, body, MERGE);
}

describe('claims over HTTPS', () => {
  it('get the newest default class, unless they name one or none', async () => {
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    const provisioner = 'd.example.com';
    await admin.call('POST', CLASSES, { metadata: { name: 'usual', annotations }, provisioner });
    expect((await create('plain')).body).toMatchObject({ spec: { storageClassName: 'usual' } });
    const named = await create('named', { storageClassName: 'fast' });
    expect(named.body).toMatchObject({ spec: { storageClassName: 'fast' } });
    const none = await create('none', { storageClassName: '' });
    expect(none.body).toMatchObject({ spec: { storageClassName: '' } });
  });

  it('change only in their binding and their size', async () => {
    await create('fixed', { storageClassName: 'x' });
    const body = { spec: { accessModes: ['ReadWriteMany'] } };
    const answer = await admin.call('PATCH', `${CLAIMS}/fixed`, body, MERGE);
    expect(answer.body).toMatchObject({ code: 422 });
    await bind('fixed');
    const other = { spec: { volumeName: 'w' } };
    expect((await admin.call('PATCH', `${CLAIMS}/fixed`, other, MERGE)).status).toBe(422);
  });

  it('grow when they are bound and their class allows it, and never shrink', async () => {
    const growing = { metadata: { name: 'grows' }, allowVolumeExpansion: true, provisioner: 'd' };
    await admin.call('POST', CLASSES, growing);
    await create('fixed-size', { storageClassName: 'x' });
    await bind('fixed-size');
    expect((await ask('fixed-size', '2Gi')).body).toMatchObject({
      code: 403,
      message: expect.stringContaining('must support resize') as string,
    });
    await create('large', { storageClassName: 'grows' });
    expect((await ask('large', '2Gi')).status).toBe(422);
    await bind('large');
    expect((await ask('large', '2Gi')).status).toBe(200);
    expect((await ask('large', '1500Mi')).status).toBe(200);
    expect((await ask('large', '1Gi')).body).toMatchObject({
      code: 422,
      message: expect.stringContaining('field can not be less than status.capacity') as string,
    });
  });
});

it('a stateful set gets its defaults, and its pods may mount its claims', async () => {
  const spec = {
    selector: { matchLabels: { app: 'db' } },
    template: {
      metadata: { labels: { app: 'db' } },
      spec: {
        containers: [
          { name: 'c', image: 'i', volumeMounts: [{ name: 'data', mountPath: '/data' }] },
        ],
      },
    },
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }],
  };
  const path = '/apis/apps/v1/namespaces/default/statefulsets';
  const { body } = await admin.call('POST', path, { metadata: { name: 'db' }, spec });
  expect(body).toMatchObject({
    spec: {
      replicas: 1,
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: [{ kind: 'PersistentVolumeClaim', status: { phase: 'Pending' } }],
    },
  });
});
