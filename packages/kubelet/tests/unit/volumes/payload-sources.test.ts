import type { ConfigMap, Secret, Volume } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { createFieldReader } from '../../../src/runtime/run/field-reader.js';
import { aPod } from '../../../src/testing/index.js';
import { volumePayload } from '../../../src/volumes/run/payload-sources.js';

const wrong = (value: unknown) => ({ data: { key: value } }) as ConfigMap & Secret;

function payloadOf(volume: Omit<Volume, 'name'>, found: ConfigMap & Secret = {}) {
  const ports = {
    objects: { configMap: async () => found, secret: async () => found },
    tokens: { token: async () => 'token', forget: () => undefined },
    fields: createFieldReader({ node: () => ({ hostIps: [], allocatable: {} }) }),
  };
  const pod = aPod({ metadata: { labels: { app: 'web' } } });
  return volumePayload(pod, { name: 'v', ...volume }, ports, new AbortController().signal);
}

describe(volumePayload, () => {
  it.each([1, true, ['a'], { length: 5 }])(
    'refuses the value %j and names its key',
    async (value) => {
      const message = 'the value of key key is not a string';
      for (const volume of [{ configMap: { name: 'o' } }, { secret: { secretName: 'o' } }]) {
        await expect(payloadOf(volume, wrong(value))).rejects.toMatchObject({
          code: 'VOLUME_SOURCE',
          message: expect.stringContaining(message) as string,
        });
      }
    },
  );

  it('writes an empty file for a missing label, whatever its name', async () => {
    const fieldRef = { fieldPath: "metadata.labels['constructor']" };
    const payload = await payloadOf({ downwardAPI: { items: [{ path: 'label', fieldRef }] } });
    expect(payload.get('label')?.content.toString()).toBe('');
  });
});
