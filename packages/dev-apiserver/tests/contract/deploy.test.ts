import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { type DevApiServer, startDevApiServer } from '../../src/index.js';
import { adminOf, type Caller } from '../unit/caller.js';

const DEPLOY = resolve(import.meta.dirname, '../../../../deploy');

let server: DevApiServer;
let admin: Caller;

beforeAll(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
});
afterAll(() => server.stop());

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<{ name: string; namespace?: string }>;
  readonly [field: string]: unknown;
}

/** Finds where objects of a kind live, as `kubectl` does. */
async function pathOf({ apiVersion, kind, metadata }: Manifest): Promise<string> {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const { body } = await admin.call('GET', root);
  const resources = body['resources'] as unknown as readonly Readonly<{
    name: string;
    kind: string;
    namespaced: boolean;
  }>[];
  const found = resources.find((one) => one.kind === kind && !one.name.includes('/'));
  if (found === undefined) throw new Error(`${apiVersion} has no ${kind}`);
  const scope = found.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
  return `${root}${scope}/${found.name}/${metadata.name}`;
}

const manifests = (await readdir(DEPLOY, { recursive: true })).filter((name) =>
  /^(?:kube-proxy|csi-hostpath)\/.*\.yaml$/.test(name),
);

it.each(manifests.sort())(
  'deploy/%s is accepted as it is, without a dropped field',
  async (name) => {
    const text = await readFile(join(DEPLOY, name), 'utf8');
    const documents = parseAllDocuments(text);
    expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
    for (const document of documents) {
      const manifest = document.toJS() as Manifest;
      const query = '?fieldManager=test&fieldValidation=Strict';
      const headers = { 'content-type': 'application/apply-patch+yaml' };
      const path = `${await pathOf(manifest)}${query}`;
      const { status, body } = await admin.call('PATCH', path, manifest, headers);
      expect({ status, message: body['message'] }).toEqual({ status: 201, message: undefined });
      expect(body).toMatchObject(manifest);
    }
  },
);
