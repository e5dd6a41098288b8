import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { configSchema } from '../../../src/config/model/config-file.js';
import { FIXED_FEATURES } from '../../../src/config/model/fixed-features.js';
import { UNUSED_FIELDS } from '../../../src/config/model/unused-fields.js';
import { parseKubeletConfig } from '../../../src/config/plan/parse-config.js';

const warningsOf = (value: object): readonly string[] =>
  parseKubeletConfig({ file: { value: { ...value }, directory: '/' }, source: 'file' }).warnings;

describe('a configuration with settings that the kubelet does not act on', () => {
  it.each([
    [{ qosReserved: { memory: '50%' } }, 'qosReserved has no effect'],
    [{ volumePluginDir: '/plugins' }, 'volumePluginDir has no effect'],
    [{ featureGates: { EventedPLEG: true } }, 'featureGates: EventedPLEG=true has no effect'],
  ])('warns of %j', (value, warning) => {
    expect(warningsOf(value)).toEqual([expect.stringContaining(`file: ${warning}`)]);
  });

  it.each([
    {},
    { iptablesDropBit: 15, evictionSoft: {}, logging: {} },
    { evictionHard: null, shutdownGracePeriod: '0s' },
    { evictionPressureTransitionPeriod: '300s', featureGates: { EventedPLEG: false } },
    { featureGates: { SchedulerQueueingHints: true, AllAlpha: false } },
  ])('says nothing of %j: each is a default, or no setting of a kubelet', (value) => {
    expect(warningsOf(value).filter((line) => line.includes('has no effect'))).toEqual([]);
  });

  it('knows each of the fields and gates that it warns of', () => {
    const fields = Object.keys(configSchema.shape);
    for (const path of Object.keys(UNUSED_FIELDS)) expect(fields).toContain(path.split('.')[0]);
    expect(FIXED_FEATURES.size).toBeGreaterThan(0);
  });

  it('does not warn of a gate that the sources read', async () => {
    const sources = join(import.meta.dirname, '../../../src');
    const read = new Set<string>();
    for await (const path of glob('**/*.ts', { cwd: sources })) {
      const text = await readFile(join(sources, path), 'utf8');
      for (const [, name = ''] of text.matchAll(/\bfeatures\.([A-Z]\w+)/g)) read.add(name);
    }
    expect(read.size).toBeGreaterThan(5);
    expect([...FIXED_FEATURES].filter((name) => read.has(name))).toEqual([]);
  });
});
