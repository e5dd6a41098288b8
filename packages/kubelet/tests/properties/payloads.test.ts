import assert from 'node:assert/strict';

import { type ConfigMap, type Pod, type Secret, withoutNulls } from '@nodeagent/kube-client';
import { checkReader, mapped, mutatedTrees, paired } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { createFieldReader } from '../../src/runtime/run/field-reader.js';
import { checkPod } from '../../src/sources/codec/check-pod.js';
import { aPod } from '../../src/testing/index.js';
import { VolumeError } from '../../src/volumes/model/errors.js';
import { type Payload, payloadPathProblem } from '../../src/volumes/model/payload.js';
import { volumePayload } from '../../src/volumes/run/payload-sources.js';
import { text } from './values.js';

const SIGNAL = new AbortController().signal;
const NODE = { hostIps: ['10.0.0.1'], allocatable: { cpu: '2', memory: '4Gi' } };

const CONFIG_MAP = {
  metadata: { name: 'settings', namespace: 'default' },
  data: { 'app.conf': 'a = b\n', note: 'ü' },
  binaryData: { blob: Buffer.from([0, 255, 1]).toString('base64') },
};

const SECRET = {
  metadata: { name: 'keys', namespace: 'default' },
  type: 'Opaque',
  data: { 'tls.key': Buffer.from('secret').toString('base64'), empty: '' },
};

const ITEMS = [{ key: 'app.conf', path: 'etc/app.conf', mode: 0o400 }];
const FIELDS = [
  { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
  { path: 'inherited', fieldRef: { fieldPath: "metadata.labels['constructor']" } },
  { path: 'note', mode: 0o600, fieldRef: { fieldPath: "metadata.annotations['note']" } },
  {
    path: 'memory',
    resourceFieldRef: { containerName: 'app', resource: 'limits.memory', divisor: '1Mi' },
  },
];

const POD = aPod({
  metadata: { labels: { app: 'web' }, annotations: { note: 'a "quoted" one' } },
  containers: [{ resources: { limits: { memory: '64Mi', cpu: '250m' } } }],
  volumes: [
    { name: 'settings', configMap: { name: 'settings', items: ITEMS, defaultMode: 0o644 } },
    { name: 'settings-all', configMap: { name: 'settings', optional: true } },
    { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o400 } },
    { name: 'fields', downwardAPI: { items: FIELDS } },
    {
      name: 'projected',
      projected: {
        defaultMode: 0o440,
        sources: [
          { configMap: { name: 'settings', items: ITEMS } },
          { secret: { name: 'keys', optional: false } },
          { downwardAPI: { items: FIELDS } },
        ],
      },
    },
  ],
});

const pods = mapped(
  mutatedTrees([POD], {
    kinds: 'typed',
    keep: ([first, second, third]) =>
      first !== 'spec' &&
      (first !== 'metadata' || !['labels', 'annotations'].includes(String(second))) &&
      third === undefined,
    required: (path) =>
      ['key', 'path', 'name', 'fieldPath', 'resource'].includes(String(path.at(-1))),
  }),
  (value) => withoutNulls(structuredClone(value)) as Pod,
);

/** Their types are not checked before the volumes are prepared. */
const sources = mapped(
  mutatedTrees([{ configMap: CONFIG_MAP, secret: SECRET }], { keep: (path) => path.length < 2 }),
  (value) => withoutNulls(JSON.parse(text(value) || 'null') ?? {}) as Partial<Sources>,
);

interface Sources {
  readonly configMap: ConfigMap;
  readonly secret: Secret;
}

describe('Any pod with any config map and any secret that an API server may send', () => {
  test('yields files with valid names, contents and modes, or a VolumeError', async () => {
    let files = 0;
    await checkReader({
      name: 'volumePayload',
      inputs: paired(pods, sources),
      read: async ([pod, { configMap, secret }]) => {
        checkPod(pod);
        const ports = {
          objects: { configMap: async () => configMap, secret: async () => secret },
          tokens: { token: async () => 'token', forget: () => undefined },
          fields: createFieldReader({ node: () => NODE }),
        };
        for (const volume of pod.spec?.volumes ?? []) {
          const payload = await orRefused(volumePayload(pod, volume, ports, SIGNAL));
          for (const [path, { content, mode }] of payload) {
            files += 1;
            assert.ok(typeof path === 'string' && Buffer.isBuffer(content), path);
            assert.ok(Number.isInteger(mode), `${path}: mode ${mode}`);
            payloadPathProblem(path);
          }
        }
      },
      refuses: (error) => error instanceof TypeError && IS_TOLD_BY_CHECK.test(error.message),
      share: 1000,
    });
    assert.ok(files > 1000, `${files} files`);
  });

  async function orRefused(payload: Promise<Payload>): Promise<Payload> {
    try {
      return await payload;
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      return new Map();
    }
  }
});

const IS_TOLD_BY_CHECK = /^[\w.]+: (expected|required)/;
