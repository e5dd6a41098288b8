import { BUILT_IN_RESOURCES, resourceOf } from '@nodeagent/kube-client/resources';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { KINDS } from '../../src/model/kind-table.js';
import { type Connected, startAndConnect } from './connect.js';

const { signal } = new AbortController();
let server: Connected;

beforeAll(async () => {
  server = await startAndConnect();
});
afterAll(() => server.close());

const served = KINDS.map(({ group, version, kind, ...rest }) => {
  return { ...rest, kind, apiVersion: group === '' ? version : `${group}/${version}` };
});

it.each(served)('$apiVersion $kind is where the client looks for it', async (one) => {
  const found = resourceOf(one);
  expect(found).toMatchObject({ plural: one.plural, namespaced: one.namespaced });
  if (found === undefined || found.createOnly === true) {
    expect(one.stored).toBe(false);
    return;
  }
  expect((await server.client.list(found, {}, signal)).resourceVersion).toMatch(/^\d+$/);
});

it('other kinds are not found', async () => {
  const known = new Set(served.map(({ apiVersion, kind }) => resourceOf({ apiVersion, kind })));
  const others = BUILT_IN_RESOURCES.filter((one) => !known.has(one));
  expect(others.length).toBeGreaterThan(0);
  for (const one of others) {
    if (one.createOnly === true) continue;
    const refused = { code: 'KUBE_NOT_FOUND' };
    await expect(server.client.list(one, {}, signal)).rejects.toMatchObject(refused);
  }
});
