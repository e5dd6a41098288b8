import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { withoutNulls } from '@nodeagent/kube-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { recordedWatch } from '../../../../vitest.recorded.js';
import { type DevApiServer, startDevApiServer } from '../../src/index.js';
import { KINDS } from '../../src/model/kind-table.js';
import { asGoWrites } from '../../src/render/go-form.js';
import { adminOf, type Caller } from './caller.js';

const FOLDER = join(import.meta.dirname, '../../../../testbed/recorded');
const PLURALS = readdirSync(FOLDER).flatMap(
  (file) => /^(\w+)\.watch\.jsonl$/.exec(file)?.[1] ?? [],
);

/**
 * Members that do not count: the writers of fields, and the members that controllers add and
 * remove, because no controllers run here.
 */
const ELSEWHERE =
  /^\.metadata\.(managedFields|finalizers)|^\.status\.lastPhaseTransitionTime|^\.metadata\.annotations\.deployment/;

interface Typed {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function kindOf({ apiVersion, kind }: Typed) {
  const found = KINDS.find((each) => {
    const version = each.group === '' ? each.version : `${each.group}/${each.version}`;
    return each.kind === kind && version === apiVersion;
  });
  if (found === undefined) throw new Error(`no ${apiVersion} ${kind}`);
  return found;
}

/** `spec.ports[0].port: number`, one line for each member. */
function shapeOf(value: unknown, path = ''): string[] {
  if (value === null) return [`${path}: null`];
  if (Array.isArray(value)) {
    return [`${path}: list`, ...value.flatMap((item, i) => shapeOf(item, `${path}[${i}]`))];
  }
  if (typeof value !== 'object') return [`${path}: ${typeof value}`];
  const members = Object.entries(value).flatMap(([name, member]) =>
    shapeOf(member, `${path}.${name}`),
  );
  return [`${path}: object`, ...members];
}

describe(asGoWrites, () => {
  it.each(PLURALS)('writes the nulls of %s as a real API server does, and no others', (plural) => {
    for (const { object } of recordedWatch(plural)) {
      const bare = withoutNulls(structuredClone(object)) as object;
      const whole = asGoWrites(kindOf(object as unknown as Typed), bare);
      expect(shapeOf(whole).sort()).toEqual(shapeOf(object).sort());
    }
  });
});

describe('objects created from the same manifests', () => {
  let server: DevApiServer;
  let admin: Caller;
  const text = readFileSync(join(FOLDER, 'manifests.yaml'), 'utf8');
  const manifests = parseAllDocuments(text)
    .map((document) => document.toJS() as Typed)
    .filter(({ kind }) => kind !== 'Namespace');

  beforeAll(async () => {
    server = await startDevApiServer();
    admin = await adminOf(server);
    const shop = { metadata: { name: 'default', namespace: 'shop' } };
    await admin.call('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
    await admin.call('POST', '/api/v1/namespaces/shop/serviceaccounts', shop);
  });
  afterAll(() => server.stop());

  it.each(manifests.map((manifest) => [manifest.kind, manifest.metadata.name, manifest] as const))(
    '%s %s has the members that a real API server gives it',
    async (_, name, manifest) => {
      const kind = kindOf(manifest);
      const root = kind.group === '' ? '/api' : `/apis/${kind.group}`;
      const { namespace } = manifest.metadata;
      const place = namespace === undefined ? '' : `/namespaces/${namespace}`;
      const path = `${root}/${kind.version}${place}/${kind.plural}`;
      const note = {
        'kubectl.kubernetes.io/last-applied-configuration': 'as kubectl apply has it',
      };
      const metadata = { ...manifest.metadata, annotations: note };
      const made = await admin.call('POST', path, { ...manifest, metadata });
      expect(made.status).toBe(201);
      const found = PLURALS.includes(kind.plural)
        ? recordedWatch(kind.plural).find(({ type, object: { metadata } }) => {
            return type === 'ADDED' && metadata.name === name;
          })
        : undefined;
      if (found === undefined) return;
      const line = (text: string): boolean => !ELSEWHERE.test(text);
      const want = shapeOf(found.object).filter(line);
      const got = shapeOf(made.body).filter(line);
      expect({
        missing: want.filter((each) => !got.includes(each)),
        more: got.filter((each) => !want.includes(each)),
      }).toEqual({ missing: [], more: [] });
    },
  );
});
