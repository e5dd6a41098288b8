import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../src/index.js';
import { adminOf, type Answer, type Caller } from './caller.js';

const SERVICES = '/api/v1/namespaces/default/services';
const MERGE = { 'content-type': 'application/merge-patch+json' };

let server: DevApiServer;
let admin: Caller;

beforeAll(async () => {
  server = await startDevApiServer({
    serviceCidrs: ['10.96.0.0/28', 'fd00:10:96::/120'],
    nodePorts: { first: 30_000, last: 30_005 },
  });
  admin = await adminOf(server);
});
afterAll(() => server.stop());

function create(name: string, spec: object): Promise<Answer> {
  const ports = [{ port: 80 }];
  return admin.call('POST', SERVICES, { metadata: { name }, spec: { ports, ...spec } });
}

async function remove(...names: readonly string[]): Promise<void> {
  for (const name of names) await admin.call('DELETE', `${SERVICES}/${name}`);
}

describe('service addresses over HTTPS', () => {
  it('keeps the first address for the kubernetes Service', async () => {
    const { body } = await admin.call('GET', `${SERVICES}/kubernetes`);
    expect(body).toMatchObject({
      spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ipFamilies: ['IPv4'] },
    });
  });

  it('gives a chosen address to its Service only', async () => {
    const first = await create('chosen', { clusterIP: '10.96.0.9' });
    expect(first.body).toMatchObject({ spec: { clusterIP: '10.96.0.9' } });
    const second = await create('late', { clusterIP: '10.96.0.9' });
    expect(second.body).toMatchObject({
      code: 422,
      message:
        'Service "late" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.9"]: failed to allocate IP: provided IP is already allocated',
    });
    await remove('chosen');
    expect((await create('late', { clusterIP: '10.96.0.9' })).status).toBe(201);
    await remove('late');
  });

  it('assigns addresses of both families in the requested order', async () => {
    const spec = { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] };
    const { body } = await create('dual', spec);
    const { clusterIPs, clusterIP } = body['spec'] as never as Record<string, string[]>;
    expect(clusterIPs?.map((ip) => ip.includes(':'))).toEqual([true, false]);
    expect(clusterIP).toBe(clusterIPs?.[0]);
    await remove('dual');
  });

  it('answers 500 when the range is used up, and continues after a deletion', async () => {
    const names = Array.from({ length: 13 }, (_, i) => `many-${i}`);
    for (const name of names) expect((await create(name, {})).status).toBe(201);
    expect((await create('one-more', {})).body).toMatchObject({
      code: 500,
      message: 'Internal error occurred: failed to allocate a serviceIP: range is full',
    });
    await remove('many-7');
    expect((await create('one-more', {})).status).toBe(201);
    await remove('one-more', ...names);
  });

  it('releases addresses taken by refused writes and dry runs', async () => {
    await admin.call('POST', `${SERVICES}?dryRun=All`, {
      metadata: { name: 'tried' },
      spec: { type: 'NodePort', clusterIP: '10.96.0.5', ports: [{ port: 80, nodePort: 30_003 }] },
    });
    const refused = await create('refused', {
      type: 'NodePort',
      clusterIP: '10.96.0.5',
      ports: [{ port: 0, nodePort: 30_003 }],
    });
    expect(refused.status).toBe(422);
    const spec = {
      type: 'NodePort',
      clusterIP: '10.96.0.5',
      ports: [{ port: 1, nodePort: 30_003 }],
    };
    expect((await create('taken', spec)).status).toBe(201);
    await remove('taken');
  });
});

describe('node ports over HTTPS', () => {
  it('shares a node port between the protocols of one port', async () => {
    const ports = [
      { name: 'udp', port: 53, protocol: 'UDP' },
      { name: 'tcp', port: 53, protocol: 'TCP' },
      { name: 'metrics', port: 9153 },
    ];
    const { body } = await create('dns', { type: 'NodePort', ports });
    const given = (body['spec'] as never as { ports: { nodePort: number }[] }).ports;
    const [udp, tcp, metrics] = given.map(({ nodePort }) => nodePort);
    expect(tcp).toBe(udp);
    expect(metrics).not.toBe(udp);
    await remove('dns');
  });

  it('refuses ports out of the range and ports in use', async () => {
    await create('owner', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_002 }] });
    const message = async (nodePort: number): Promise<unknown> =>
      (await create('other', { type: 'NodePort', ports: [{ port: 80, nodePort }] })).body[
        'message'
      ];
    expect(await message(30_002)).toBe(
      'Service "other" is invalid: spec.ports[0].nodePort: Invalid value: 30002: provided port is already allocated',
    );
    expect(await message(29_999)).toBe(
      'Service "other" is invalid: spec.ports[0].nodePort: Invalid value: 29999: provided port is not in the valid range. The range of valid ports is 30000-30005',
    );
    await remove('owner');
  });

  it('keeps the node port through updates, and releases it with the type', async () => {
    await create('moving', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_004 }] });
    const path = `${SERVICES}/moving`;
    const patch = (spec: object): Promise<Answer> => admin.call('PATCH', path, { spec }, MERGE);
    expect((await patch({ ports: [{ port: 80, targetPort: 8080 }] })).body).toMatchObject({
      spec: { ports: [{ nodePort: 30_004, targetPort: 8080 }] },
    });
    // A refused change of type must not release the port.
    expect((await patch({ type: 'ClusterIP', ports: [{ port: 0 }] })).status).toBe(422);
    const spec = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_004 }] };
    expect((await create('thief', spec)).status).toBe(422);
    const { body } = await patch({ type: 'ClusterIP' });
    expect((body['spec'] as never as { ports: object[] }).ports[0]).not.toHaveProperty('nodePort');
    expect((await create('heir', spec)).status).toBe(201);
    await remove('moving', 'heir');
  });

  it('assigns a port for health checks to a load balancer with local policy', async () => {
    const { body } = await create('balanced', {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
    });
    const port = (body['spec'] as never as { healthCheckNodePort: number }).healthCheckNodePort;
    expect(port).toBeGreaterThanOrEqual(30_000);
    const ports = [{ port: 80, nodePort: port }];
    expect((await create('clash', { type: 'NodePort', ports })).status).toBe(422);
    await remove('balanced');
    expect((await create('clash', { type: 'NodePort', ports })).status).toBe(201);
    await remove('clash');
  });
});
