import { isConfigError } from '@nodeagent/component-base';
import { describe, expect, it } from 'vitest';

import { parseProviderConfig } from '../../../src/credentials/plan/provider-config.js';

const GOOD = {
  name: 'ecr',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  matchImages: ['*.ecr.example.com'],
  defaultCacheDuration: '12h',
};
const TOKENS = {
  serviceAccountTokenAudience: 'registry',
  cacheType: 'Token',
  requireServiceAccount: true,
};

function fileOf(providers: unknown, kind = 'CredentialProviderConfig'): string {
  return JSON.stringify({ apiVersion: 'kubelet.config.k8s.io/v1', kind, providers });
}

function problemsOf(...texts: readonly string[]): string[] {
  const place = texts.length === 1 ? 'p.yaml' : 'p';
  try {
    parseProviderConfig(
      texts.map((text, at) => ({ source: texts.length === 1 ? 'p.yaml' : `p/${at}.yaml`, text })),
      { place, tokens: true },
    );
    return [];
  } catch (error) {
    if (!isConfigError(error, 'CONFIG_INVALID')) throw error;
    return error.problems.map(({ field, message }) => `${field}: ${message}`);
  }
}

describe(parseProviderConfig, () => {
  it('parses the providers of several files in order', () => {
    const files = [
      { source: 'p/a.json', text: fileOf([{ ...GOOD, env: [{ name: 'A', value: '1' }] }]) },
      {
        source: 'p/b.json',
        text: fileOf([{ ...GOOD, name: 'gcr', args: ['-v'], tokenAttributes: TOKENS }]),
      },
    ];
    expect(parseProviderConfig(files, { place: 'p', tokens: true })).toEqual([
      {
        ...{ name: 'ecr', apiVersion: GOOD.apiVersion, matchImages: ['*.ecr.example.com'] },
        ...{ defaultCacheMs: 43_200_000, args: [], env: { A: '1' } },
      },
      expect.objectContaining({
        ...{ name: 'gcr', args: ['-v'] },
        token: {
          ...{ audience: 'registry', cacheType: 'Token', requireServiceAccount: true },
          ...{ requiredAnnotations: [], optionalAnnotations: [] },
        },
      }),
    ]);
  });

  it('reports all problems at once', () => {
    const bad = [
      { ...GOOD, name: '../ecr', matchImages: ['ok.example.com', 'a b', 'h:port'] },
      { name: 'x', apiVersion: 'v1', matchImages: [], defaultCacheDuration: '-1s', colour: 'red' },
      {
        ...{ ...GOOD, name: 'y', apiVersion: 'credentialprovider.kubelet.k8s.io/v1beta1' },
        tokenAttributes: {
          ...TOKENS,
          requireServiceAccount: false,
          requiredServiceAccountAnnotationKeys: ['example.com/a', 'example.com/a'],
          optionalServiceAccountAnnotationKeys: ['not good!', 'example.com/a'],
        },
      },
      {
        ...GOOD,
        tokenAttributes: { ...TOKENS, cacheType: 'Pod', serviceAccountTokenAudience: '' },
      },
      { ...GOOD, name: 'y' },
    ];
    expect(problemsOf(fileOf(bad)).sort()).toEqual(
      [
        'providers[0].matchImages: match image is invalid: "a b"',
        'providers[0].matchImages: match image is invalid: "h:port"',
        'providers[0].name: must be a file name without spaces, found "../ecr"',
        'providers[1].apiVersion: must be credentialprovider.kubelet.k8s.io/v1 or credentialprovider.kubelet.k8s.io/v1beta1 or credentialprovider.kubelet.k8s.io/v1alpha1',
        'providers[1].defaultCacheDuration: must be a duration such as 12h, not negative',
        'providers[1].matchImages: at least 1 item in matchImages is required',
        'providers[1].colour: is an unknown field',
        'providers[2].tokenAttributes.optionalServiceAccountAnnotationKeys: "example.com/a" is already among the required keys',
        'providers[2].tokenAttributes.optionalServiceAccountAnnotationKeys: "not good!" is not a valid annotation key',
        'providers[2].tokenAttributes.requiredServiceAccountAnnotationKeys: "example.com/a" is a duplicate',
        'providers[2].tokenAttributes.requiredServiceAccountAnnotationKeys: needs requireServiceAccount: true',
        'providers[2].tokenAttributes: needs apiVersion credentialprovider.kubelet.k8s.io/v1',
        'providers[3].tokenAttributes.cacheType: must be ServiceAccount or Token',
        'providers[3].tokenAttributes.serviceAccountTokenAudience: must name an audience',
        'providers[4].name: "y" is a duplicate',
      ].sort(),
    );
  });

  it.each([
    ['no provider', fileOf([]), 'providers: at least 1 provider is required'],
    ['a value that is not a list', fileOf('x'), 'providers: must be a list'],
    [
      'another kind',
      fileOf([GOOD], 'KubeletConfiguration'),
      'kind: must be CredentialProviderConfig, found "KubeletConfiguration"',
    ],
  ])('refuses %s', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  it('refuses token requests without their feature gate', () => {
    const text = fileOf([{ ...GOOD, tokenAttributes: TOKENS }]);
    const parse = () => parseProviderConfig([{ source: 'p', text }], { place: 'p', tokens: false });
    expect(parse).toThrow('KubeletServiceAccountTokenForCredentialProviders');
  });

  it('names the file of a problem', () => {
    const other = fileOf([{ ...GOOD, defaultCacheDuration: 'soon' }]);
    expect(problemsOf(fileOf([GOOD]), fileOf([GOOD]), other)).toEqual([
      'p/2.yaml: providers[0].defaultCacheDuration: must be a duration such as 12h, not negative',
      'p/1.yaml: providers[0].name: "ecr" is a duplicate',
    ]);
  });
});
