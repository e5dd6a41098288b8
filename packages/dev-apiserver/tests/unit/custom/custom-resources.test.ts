import { type KubeObject, resource } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../../src/index.js';
import { adminOf, type Caller } from '../caller.js';
import { aWidget, DEFINITIONS, WIDGET_DEFINITION, WIDGETS } from './widgets.js';

const NAMED = `${DEFINITIONS}/widgets.example.com`;
const MERGE = { 'content-type': 'application/merge-patch+json' };
const APPLY = { 'content-type': 'application/apply-patch+yaml' };

let server: DevApiServer;
let admin: Caller;

beforeEach(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
  const created = await admin.call('POST', DEFINITIONS, WIDGET_DEFINITION);
  expect(created.body).toMatchObject({
    spec: {
      names: { singular: 'widget', listKind: 'WidgetList' },
      conversion: { strategy: 'None' },
    },
    status: { storedVersions: ['v1'] },
  });
});
afterEach(() => server.stop());

describe('a definition', () => {
  it('is established as soon as it is created', async () => {
    const { body } = await admin.call('GET', NAMED);
    expect(body).toMatchObject({
      status: {
        acceptedNames: { plural: 'widgets', kind: 'Widget', shortNames: ['wg'] },
        conditions: [
          { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts' },
          { type: 'Established', status: 'True', reason: 'InitialNamesAccepted' },
        ],
      },
    });
  });

  it('appears in discovery of both forms, with its subresources, newest version first', async () => {
    const group = await admin.call('GET', '/apis/example.com');
    expect(group.body).toMatchObject({
      preferredVersion: { version: 'v1' },
      versions: [{ version: 'v1' }, { version: 'v1beta1' }],
    });
    const list = await admin.call('GET', '/apis/example.com/v1');
    expect(list.body).toMatchObject({
      resources: [
        { name: 'widgets', singularName: 'widget', kind: 'Widget', shortNames: ['wg'] },
        { name: 'widgets/scale', group: 'autoscaling', kind: 'Scale' },
        { name: 'widgets/status', kind: 'Widget' },
      ],
    });
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const { body } = await admin.call('GET', '/apis', undefined, { accept });
    expect(JSON.stringify(body)).toContain('"resource":"widgets"');
  });

  it('has its schema in OpenAPI', async () => {
    const { body } = await admin.call('GET', '/openapi/v3/apis/example.com/v1');
    expect(body).toMatchObject({
      components: {
        schemas: {
          'com.example.v1.Widget': {
            properties: { spec: { properties: { size: { minimum: 1 } } } },
            'x-kubernetes-group-version-kind': [
              { group: 'example.com', version: 'v1', kind: 'Widget' },
            ],
          },
        },
      },
    });
  });

  it('whose names another definition has is not served', async () => {
    const { spec } = WIDGET_DEFINITION;
    const names = { plural: 'gadgets', kind: 'Gadget', shortNames: ['wg'] };
    const metadata = { name: 'gadgets.example.com' };
    await admin.call('POST', DEFINITIONS, { metadata, spec: { ...spec, names } });
    const { body } = await admin.call('GET', `${DEFINITIONS}/gadgets.example.com`);
    expect(body).toMatchObject({
      status: {
        conditions: [
          { type: 'NamesAccepted', status: 'False', message: '"wg" is already in use' },
          { type: 'Established', status: 'False', reason: 'NotAccepted' },
        ],
      },
    });
    expect((await admin.call('GET', '/apis/example.com/v1/gadgets')).status).toBe(404);
  });

  it('takes its objects with it, and waits for their finalizers', async () => {
    const metadata = { name: 'held', finalizers: ['example.com/hold'] };
    await admin.call('POST', WIDGETS, { kind: 'Widget', metadata, spec: { size: 1 } });
    await admin.call('POST', WIDGETS, aWidget('free'));
    expect((await admin.call('DELETE', NAMED)).status).toBe(200);
    expect((await admin.call('GET', `${WIDGETS}/free`)).status).toBe(404);
    const { body } = await admin.call('GET', NAMED);
    expect(JSON.stringify(body['status'])).toContain('InstanceDeletionInProgress');
    await admin.call('PATCH', `${WIDGETS}/held`, { metadata: { finalizers: null } }, MERGE);
    expect((await admin.call('GET', NAMED)).status).toBe(404);
    expect((await admin.call('GET', WIDGETS)).status).toBe(404);
  });
});

it.each([
  ['another name', { metadata: { name: 'x.example.com' } }, 'metadata.name'],
  ['two storage versions', { storage: true }, 'spec.versions'],
  ['conversion by a webhook', { conversion: { strategy: 'Webhook' } }, 'spec.conversion.strategy'],
])('a definition with %s is refused', async (_what, change, field) => {
  const { spec } = WIDGET_DEFINITION;
  const { storage, ...more } = { storage: false, ...change };
  const versions = spec.versions.map((one) => ({ ...one, storage: one.storage || storage }));
  const body = { metadata: { name: 'other.example.com' }, ...more };
  const names = { plural: 'other', kind: 'Other' };
  const sent = { ...body, spec: { ...spec, names, versions, ...more } };
  const answer = await admin.call('POST', DEFINITIONS, sent);
  expect(answer.body).toMatchObject({
    code: 422,
    details: { causes: expect.arrayContaining([expect.objectContaining({ field })]) },
  });
});

it('a watch of a custom resource ends with its definition, after the last event', async () => {
  await admin.call('POST', WIDGETS, aWidget('w'));
  const client = await server.client();
  const widgets = resource<KubeObject>({
    ...{ group: 'example.com', version: 'v1', plural: 'widgets', kind: 'Widget' },
    namespaced: true,
  });
  const seen: string[] = [];
  const events = client.watch(widgets, { resourceVersion: '0' }, AbortSignal.timeout(9_000));
  for await (const { type } of events) {
    seen.push(type);
    if (seen.length === 1) await admin.call('DELETE', NAMED);
  }
  expect(seen).toEqual(['added', 'deleted']);
});

describe('a custom resource', () => {
  it('says its kind, alone and in lists', async () => {
    const { kind: _, ...body } = { ...aWidget('w'), kind: 'Widget' };
    const without = await admin.call('POST', WIDGETS, body);
    expect(without.status).toBe(400);
    expect(without.body['message']).toMatch(
      /must be of type Widget\): Object 'Kind' is missing in/,
    );
    await admin.call('POST', WIDGETS, { ...body, kind: 'Widget' });
    const list = await admin.call('GET', WIDGETS);
    expect(list.body['items']).toMatchObject([{ apiVersion: 'example.com/v1', kind: 'Widget' }]);
  });

  it('is replaced only by those who know its version', async () => {
    const made = await admin.call('POST', WIDGETS, aWidget('w'));
    const answer = await admin.call('PUT', `${WIDGETS}/w`, aWidget('w'));
    expect(answer.body).toMatchObject({
      code: 422,
      message:
        'widgets.example.com "w" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    });
    expect((await admin.call('PUT', `${WIDGETS}/w`, made.body)).status).toBe(200);
  });

  it('has no negative scale', async () => {
    await admin.call('POST', WIDGETS, aWidget('w'));
    const body = { spec: { replicas: -1 } };
    const answer = await admin.call('PATCH', `${WIDGETS}/w/scale`, body, MERGE);
    expect(answer.body['message']).toBe(
      'Widget.example.com "w" is invalid: .spec.replicas: Invalid value: -1: should be a non-negative integer',
    );
  });

  it('with a finalizer of no domain is warned about', async () => {
    const metadata = { name: 'w', finalizers: ['hold'] };
    const { warnings } = await admin.call('POST', WIDGETS, { ...aWidget('w'), metadata });
    expect(warnings).toEqual([
      expect.stringMatching(/^metadata.finalizers: "hold": prefer a domain/),
    ]);
  });

  it('gets defaults, loses unknown fields with a warning, and keeps free ones', async () => {
    const spec = { size: 1, free: { any: { thing: 1 } }, parts: [{ name: 'a' }], wrong: true };
    const { status, body, warnings } = await admin.call('POST', WIDGETS, aWidget('w', spec));
    expect(status).toBe(201);
    expect(body['spec']).toEqual({
      size: 1,
      replicas: 1,
      color: 'red',
      free: { any: { thing: 1 } },
      parts: [{ name: 'a', count: 1 }],
    });
    expect(warnings).toEqual(['unknown field "spec.wrong"']);
  });

  it('with unknown fields is refused by strict validation', async () => {
    const path = `${WIDGETS}?fieldValidation=Strict`;
    const { body } = await admin.call('POST', path, aWidget('w', { size: 1, wrong: true }));
    expect(body['message']).toMatch(/strict decoding error: unknown field "spec.wrong"$/);
  });

  it('against its schema is refused with every field in one message', async () => {
    const spec = { size: 0, color: 'green' };
    const { status, body } = await admin.call('POST', WIDGETS, aWidget('w', spec));
    expect({ status, message: body['message'] }).toEqual({
      status: 422,
      message:
        'Widget.example.com "w" is invalid: [spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1, spec.color: Unsupported value: "green": supported values: "red", "blue"]',
    });
  });

  it('counts changes of its spec in its generation, and not of its status', async () => {
    await admin.call('POST', WIDGETS, aWidget('w'));
    const status = { status: { phase: 'Ready' }, spec: { size: 9 } };
    const after = await admin.call('PATCH', `${WIDGETS}/w/status`, status, MERGE);
    expect(after.body).toMatchObject({
      metadata: { generation: 1 },
      spec: { size: 1 },
      status: { phase: 'Ready' },
    });
    const change = { spec: { size: 2 }, status: { phase: 'Lost' } };
    const { body } = await admin.call('PATCH', `${WIDGETS}/w`, change, MERGE);
    expect(body).toMatchObject({ metadata: { generation: 2 }, status: { phase: 'Ready' } });
  });

  it('is scaled through its scale subresource', async () => {
    await admin.call('POST', WIDGETS, aWidget('w', { size: 1, selector: 'app=w' }));
    const scaled = await admin.call(
      'PATCH',
      `${WIDGETS}/w/scale`,
      { spec: { replicas: 4 } },
      MERGE,
    );
    expect(scaled.body).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 4 },
      status: { replicas: 0, selector: 'app=w' },
    });
    const { body } = await admin.call('GET', `${WIDGETS}/w`);
    expect(body).toMatchObject({ spec: { replicas: 4, size: 1 } });
  });

  it('is read in another version, without the fields that it does not have', async () => {
    await admin.call('POST', WIDGETS, aWidget('w', { size: 3 }));
    const other = '/apis/example.com/v1beta1/namespaces/default/widgets/w';
    const { body, warnings } = await admin.call('GET', other);
    expect(body).toMatchObject({ apiVersion: 'example.com/v1beta1', spec: { size: 3 } });
    expect(body['spec']).toEqual({ size: 3 });
    expect(warnings).toEqual(['example.com/v1beta1 Widget is deprecated']);
  });

  it('shows its printer columns in tables', async () => {
    await admin.call('POST', WIDGETS, aWidget('w', { size: 3 }));
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const { body } = await admin.call('GET', WIDGETS, undefined, { accept });
    expect(body).toMatchObject({
      columnDefinitions: [
        { name: 'Name', format: 'name' },
        { name: 'Size', type: 'integer' },
        { name: 'Phase', priority: 1 },
        { name: 'Age', type: 'date' },
      ],
      rows: [{ cells: ['w', 3, null, '0s'] }],
    });
  });

  it('has no strategic merge', async () => {
    await admin.call('POST', WIDGETS, aWidget('w'));
    const type = { 'content-type': 'application/strategic-merge-patch+json' };
    const { status } = await admin.call('PATCH', `${WIDGETS}/w`, { spec: { size: 2 } }, type);
    expect(status).toBe(415);
  });

  it('merges its keyed lists when it is applied by several managers', async () => {
    const apply = (manager: string, spec: object, more = '') =>
      admin.call('PATCH', `${WIDGETS}/w?fieldManager=${manager}${more}`, aWidget('w', spec), APPLY);
    await apply('a', { size: 1, parts: [{ name: 'x', count: 1 }] });
    const second = await apply('b', { size: 1, parts: [{ name: 'y', count: 2 }] });
    expect(second.body).toMatchObject({
      spec: {
        parts: [
          { name: 'x', count: 1 },
          { name: 'y', count: 2 },
        ],
      },
    });
    const conflict = await apply('b', { size: 2 });
    expect(conflict.status).toBe(409);
    expect(conflict.body['message']).toBe(
      'Apply failed with 1 conflict: conflict with "a": .spec.size',
    );
    const forced = await apply('b', { size: 2 }, '&force=true');
    expect(forced.body).toMatchObject({ spec: { size: 2, parts: [{ name: 'x' }] } });
  });
});
