import { ManualClock } from '@nodeagent/base/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../src/index.js';
import type { ApiRequest } from '../../src/model/api-request.js';
import { Api } from '../../src/run/api.js';
import { createAuthorizer } from '../../src/run/authorizer.js';
import { Catalog } from '../../src/run/catalog.js';
import { Expressions } from '../../src/run/expressions.js';
import { Policies } from '../../src/run/policies.js';
import { Registry } from '../../src/run/registry.js';
import { Store } from '../../src/run/store.js';
import { Webhooks } from '../../src/run/webhooks.js';
import { adminOf, type Caller } from './caller.js';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

interface Page {
  readonly metadata: {
    continue?: string;
    remainingItemCount?: number;
    resourceVersion: string;
  };
  readonly items: readonly { metadata: { name: string } }[];
}

const names = ({ items }: Page): readonly string[] => items.map(({ metadata }) => metadata.name);

describe('paging over HTTPS', () => {
  let server: DevApiServer;
  let admin: Caller;
  beforeAll(async () => {
    server = await startDevApiServer();
    admin = await adminOf(server);
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await admin.call('POST', CONFIG_MAPS, { metadata: { name, labels: { page: 'yes' } } });
    }
  });
  afterAll(() => server.stop());

  const page = async (query: string): Promise<Page> =>
    (await admin.call('GET', `${CONFIG_MAPS}?${query}`)).body as never;

  it('shows all pages in the state of the first, whatever changes meanwhile', async () => {
    const first = await page('limit=3');
    expect(names(first)).toEqual(['a', 'b', 'c']);
    expect(first.metadata.remainingItemCount).toBe(3); // including kube-root-ca.crt
    await admin.call('POST', CONFIG_MAPS, { metadata: { name: 'cc' } });
    await admin.call('DELETE', `${CONFIG_MAPS}/d`);
    const second = await page(`limit=3&continue=${first.metadata.continue}`);
    expect(names(second)).toEqual(['d', 'e', 'kube-root-ca.crt']);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect(second.metadata.continue ?? '').toBe('');
  });

  it('does not count the remaining objects of a selection', async () => {
    const { metadata, items } = await page('limit=2&labelSelector=page%3Dyes');
    expect([items.length, metadata.remainingItemCount]).toEqual([2, undefined]);
    expect(metadata.continue).not.toBe('');
  });

  it('refuses a token that it did not make', async () => {
    const answer = await admin.call('GET', `${CONFIG_MAPS}?continue=bm9uc2Vuc2U`);
    expect(answer.body).toMatchObject({ code: 400, reason: 'BadRequest' });
  });
});

describe('a page that is too old', () => {
  const store = new Store(1_000, 4);
  const registry = new Registry({
    store,
    clock: new ManualClock(),
    newUid: () => 'u',
    newSuffix: () => 'abcde',
  });
  const catalog = new Catalog();
  const authorizer = createAuthorizer(registry);
  const expressions = new Expressions(() => Promise.reject(new Error('none')));
  const api = new Api({
    registry,
    authorizer,
    catalog,
    webhooks: new Webhooks({
      registry,
      catalog,
      authorizer,
      expressions,
      policies: new Policies({ registry, catalog, authorizer, expressions }),
      call: () => Promise.reject(new Error('none')),
      newUid: () => 'u',
    }),
    subresources: { handle: () => Promise.resolve(undefined) },
    expressions,
  });
  const call = async (method: string, path: string, body?: object): Promise<object> => {
    const { pathname, searchParams } = new URL(path, 'https://x');
    const request: ApiRequest = {
      method,
      path: pathname,
      query: searchParams,
      accept: 'application/json',
      userAgent: 'test',
      contentType: 'application/json',
      body,
      user: { username: 'admin', groups: ['system:masters'] },
    };
    const answer = await api.handle(request);
    if (answer.kind !== 'body') throw new Error(`unexpected answer ${answer.kind}`);
    return answer.body as object;
  };

  it('is answered 410, with a token for an inconsistent rest', async () => {
    for (const name of ['a', 'b', 'c', 'd'])
      await call('POST', CONFIG_MAPS, { metadata: { name } });
    const first = (await call('GET', `${CONFIG_MAPS}?limit=2`)) as Page;
    for (let i = 0; i < 8; i += 1) await call('POST', CONFIG_MAPS, { metadata: { name: `x${i}` } });
    await call('DELETE', `${CONFIG_MAPS}/c`);
    const path = `${CONFIG_MAPS}?limit=2&continue=${first.metadata.continue}`;
    const gone = (await call('GET', path)) as Page;
    expect(gone).toMatchObject({ code: 410, reason: 'Expired' });
    const rest = `${CONFIG_MAPS}?limit=2&continue=${gone.metadata.continue}`;
    expect(names((await call('GET', rest)) as Page)).toEqual(['d', 'x0']);
  });

  it('is answered 410 for an exact version too', async () => {
    const path = `${CONFIG_MAPS}?resourceVersion=1001&resourceVersionMatch=Exact`;
    expect(await call('GET', path)).toMatchObject({ code: 410, reason: 'Expired' });
  });
});
