import { describe, expect, it } from 'vitest';

import { FEATURE_GATES, featureWarnings, parseFeatures, parseGateValues } from '../../src/index.js';

describe('parseFeatures', () => {
  it('has the defaults of Kubernetes where no gate is set', () => {
    const { features, problems } = parseFeatures();
    expect(problems).toEqual([]);
    expect(features).toMatchObject({ EnvFiles: true, EventedPLEG: false, NodeSwap: true });
    expect(Object.isFrozen(features)).toBe(true);
    for (const [name, { isOn }] of Object.entries(FEATURE_GATES)) {
      expect({ [name]: isOn }).toEqual({ [name]: features[name as keyof typeof FEATURE_GATES] });
    }
  });

  it.each([
    [{ EnvFiles: false }, { EnvFiles: false, EventedPLEG: false }],
    [
      { AllAlpha: true },
      { EventedPLEG: true, EnvFiles: true, ClusterTrustBundleProjection: false },
    ],
    [
      { AllAlpha: true, EventedPLEG: false },
      { EventedPLEG: false, ContainerStopSignals: true },
    ],
    [
      { AllBeta: true, ClusterTrustBundle: true },
      { ClusterTrustBundleProjection: true, EventedPLEG: false },
    ],
  ])('%j switches features', (set, want) => {
    const { features, problems } = parseFeatures(set);
    expect(problems).toEqual([]);
    expect(features).toMatchObject(want);
  });

  it.each([
    [{ NoSuchGate: true }, 'unrecognized feature gate: NoSuchGate'],
    [{ constructor: true }, 'unrecognized feature gate: constructor'],
    [{ NodeSwap: false }, 'cannot set feature gate NodeSwap to false, feature is locked to true'],
    [
      { ClusterTrustBundleProjection: true },
      'ClusterTrustBundleProjection is enabled, but depends on features that are disabled: [ClusterTrustBundle]',
    ],
    [
      { PodLevelResources: false },
      'InPlacePodLevelResourcesVerticalScaling is enabled, but depends on features that are disabled: [PodLevelResources]',
    ],
  ])('%j is refused', (set, problem) => {
    expect(parseFeatures(set).problems).toContain(problem);
  });

  it('reports every gate that cannot be set', () => {
    expect(parseFeatures({ One: true, Two: false, NodeSwap: false }).problems).toHaveLength(3);
  });
});

describe('featureWarnings', () => {
  const fixed = new Set(['EventedPLEG', 'MemoryQoS', 'EnvFiles'] as const);
  it.each([
    [{ EventedPLEG: true }, ['EventedPLEG=true has no effect in this program']],
    [{ EventedPLEG: false, EnvFiles: true }, []],
    [{ ContainerStopSignals: true }, []],
    [{ NodeSwap: true }, ['NodeSwap is generally available; its gate will be removed']],
    [{ AllAlpha: true }, ['AllAlpha=true has no effect on EventedPLEG, MemoryQoS']],
    [{ AllBeta: false, MemoryQoS: false }, ['AllBeta=false has no effect on EnvFiles']],
  ])('%j', (set, want) => {
    expect(featureWarnings(set, fixed)).toEqual(want);
  });
});

describe('parseGateValues', () => {
  it.each([
    ['true', true],
    ['T', true],
    ['1', true],
    ['False', false],
    ['0', false],
  ])('reads %s as Go does', (text, want) => {
    expect(parseGateValues({ EnvFiles: text })).toEqual({ EnvFiles: want });
  });

  it.each(['banana', 'yes', 'TrUe', ''])('refuses %j', (text) => {
    expect(() => parseGateValues({ EnvFiles: text })).toThrow('EnvFiles must be true or false');
  });
});
