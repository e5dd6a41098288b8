import { afterEach, describe, expect, it } from 'vitest';

import type { DevApiServerOptions } from '../../src/index.js';
import { aPod } from './caller.js';
import { aWidget, DEFINITIONS, WIDGET_DEFINITION, WIDGETS } from './custom/widgets.js';
import { CONFIGURATIONS, Hooked, MAPS, MERGE, patch, PODS } from './webhook-support.js';

let hooked: Hooked | undefined;

async function start(names?: readonly string[], options?: DevApiServerOptions): Promise<Hooked> {
  hooked = await Hooked.start(names, options);
  return hooked;
}
afterEach(async () => {
  await hooked?.stop();
});

const NAMESPACED = '/api/v1/namespaces/default';
const SERVICE = { namespace: 'default', name: 'hook', path: '/check' };

function throughService({ server }: Hooked, service: object = SERVICE): object {
  const caBundle = Buffer.from(server.caCertificatePem).toString('base64');
  return { clientConfig: { service, caBundle } };
}

async function makeMap({ admin }: Hooked): Promise<readonly [number, unknown]> {
  const { status, body } = await admin.call('POST', MAPS, { metadata: { name: 'm' } });
  return [status, body['message']];
}

describe('a webhook behind a Service', () => {
  it('is called at a ready endpoint, by the name that its certificate has', async () => {
    const cluster = await start(['hook.default.svc']);
    const { admin, port } = cluster;
    const spec = { ports: [{ name: 'tls', port: 8443 }] };
    await admin.call('POST', `${NAMESPACED}/services`, { metadata: { name: 'hook' }, spec });
    const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
    const labels = { 'kubernetes.io/service-name': 'hook' };
    await admin.call('POST', slices, {
      metadata: { name: 'hook-1', labels },
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['192.0.2.1'], conditions: { ready: false } },
        { addresses: ['127.0.0.1'], conditions: { ready: true } },
      ],
      ports: [{ name: 'tls', port }],
    });
    const service = { ...SERVICE, port: 8443 };
    await cluster.register('validating', ['configmaps'], throughService(cluster, service));
    expect(await makeMap(cluster)).toEqual([201, undefined]);
    expect(cluster.asked).toHaveLength(1);
  });

  it('is called where the option says', async () => {
    const seen: unknown[] = [];
    const cluster: Hooked = await start(undefined, {
      resolveService: (service) => {
        seen.push(service);
        return `https://127.0.0.1:${cluster.port}`;
      },
    });
    await cluster.register('validating', ['configmaps'], throughService(cluster));
    expect(await makeMap(cluster)).toEqual([201, undefined]);
    expect(seen).toEqual([{ namespace: 'default', name: 'hook', port: 443 }]);
    expect(cluster.asked).toHaveLength(1);
  });

  const FAILED =
    'Internal error occurred: failed calling webhook "validating.example.com": failed to call webhook: Post "https://hook.default.svc:443/check": ';

  it.each([
    ['that does not exist', undefined, 'service "hook" not found'],
    ['without the port', { ports: [{ port: 80 }] }, 'no service port 443 found for service "hook"'],
    ['without endpoints', { ports: [{ port: 443 }] }, 'no endpoints available for service "hook"'],
  ])('%s fails', async (_what, spec, why) => {
    const cluster = await start();
    const service = { metadata: { name: 'hook' }, spec };
    if (spec !== undefined) await cluster.admin.call('POST', `${NAMESPACED}/services`, service);
    await cluster.register('validating', ['configmaps'], throughService(cluster));
    expect(await makeMap(cluster)).toEqual([500, FAILED + why]);
  });

  it.each([
    ['no name', { namespace: 'a' }, 'name'],
    ['no namespace', { name: 'a' }, 'namespace'],
    ['a port that does not exist', { ...SERVICE, port: 70_000 }, 'port'],
    ['a relative path', { ...SERVICE, path: 'check' }, 'path'],
  ])('with %s is refused', async (_what, service, name) => {
    const { admin } = await start();
    const webhook = {
      ...{ name: 'a.b.c', sideEffects: 'None', admissionReviewVersions: ['v1'] },
      clientConfig: { service },
    };
    const path = `${CONFIGURATIONS}/validatingwebhookconfigurations`;
    const { body } = await admin.call('POST', path, {
      metadata: { name: 'a' },
      webhooks: [webhook],
    });
    const field = `webhooks[0].clientConfig.service.${name}`;
    expect(body).toMatchObject({ code: 422, details: { causes: [{ field }] } });
  });
});

describe('a webhook whose rules name subresources', () => {
  it('sees what is sent to those of pods and service accounts', async () => {
    const cluster = await start();
    const { admin, asked } = cluster;
    await admin.call('POST', PODS, aPod('p', {}));
    await cluster.register('validating', ['pods/binding', 'pods/eviction', 'serviceaccounts/*']);
    const target = { kind: 'Node', name: 'n' };
    await admin.call('POST', `${PODS}/p/binding`, { metadata: { name: 'p' }, target });
    await admin.call('POST', `${PODS}/p/eviction?dryRun=All`, { metadata: { name: 'p' } });
    const spec = { audiences: ['a'] };
    await admin.call('POST', `${NAMESPACED}/serviceaccounts/default/token`, { spec });
    expect(asked).toMatchObject([
      {
        ...{ operation: 'CREATE', name: 'p', subResource: 'binding', oldObject: null },
        kind: { version: 'v1', kind: 'Binding' },
        object: { kind: 'Binding', target },
      },
      { kind: { kind: 'Eviction' }, subResource: 'eviction', dryRun: true },
      { kind: { kind: 'TokenRequest' }, subResource: 'token', name: 'default', object: { spec } },
    ]);
  });

  it('may refuse them', async () => {
    const cluster = await start();
    await cluster.admin.call('POST', PODS, aPod('p', {}));
    await cluster.register('validating', ['*/*']);
    cluster.respond = ({ subResource }) => ({ allowed: subResource !== 'eviction' });
    const eviction = { metadata: { name: 'p' } };
    const { status } = await cluster.admin.call('POST', `${PODS}/p/eviction`, eviction);
    expect(status).toBe(400);
    expect((await cluster.admin.call('GET', `${PODS}/p`)).status).toBe(200);
  });

  it('sees the Scale before and after, and may change it', async () => {
    const cluster = await start();
    const { admin, asked } = cluster;
    await admin.call('POST', DEFINITIONS, WIDGET_DEFINITION);
    await admin.call('POST', WIDGETS, aWidget('w', { size: 1, replicas: 2 }));
    await cluster.register('mutating', ['widgets/scale']);
    cluster.respond = () => patch({ op: 'replace', path: '/spec/replicas', value: 3 });
    const change = { spec: { replicas: 9 } };
    const { body } = await admin.call('PATCH', `${WIDGETS}/w/scale`, change, MERGE);
    expect(body).toMatchObject({ kind: 'Scale', spec: { replicas: 3 } });
    expect(asked).toMatchObject([
      {
        ...{ operation: 'UPDATE', subResource: 'scale', kind: { kind: 'Scale' } },
        object: { spec: { replicas: 9 } },
        oldObject: { spec: { replicas: 2 } },
      },
    ]);
  });

  it('does not see the resource itself, nor one without subresources the parts', async () => {
    const cluster = await start();
    const { admin, asked } = cluster;
    await cluster.register('validating', ['pods/eviction', '*']);
    await admin.call('POST', PODS, aPod('p', {}));
    await admin.call('POST', `${PODS}/p/binding`, { target: { name: 'n' } });
    expect(asked.map(({ subResource, name }) => [name, subResource])).toEqual([['p', undefined]]);
  });
});
