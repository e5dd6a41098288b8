import { expect, test } from 'vitest';

import { parseProviderResponse } from '../../../src/credentials/codec/provider-messages.js';

const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';

test.each([
  ['a number', '3600'],
  ['an object that hides how it is written', '{"toString":null}'],
  ['lists in lists, 10,000 deep', '['.repeat(10_000) + ']'.repeat(10_000)],
])('a credential provider that answers %s as cacheDuration is refused as such', (_, duration) => {
  const answer = `{"kind":"CredentialProviderResponse","apiVersion":"${apiVersion}",
    "cacheKeyType":"Image","cacheDuration":${duration}}`;
  expect(() => parseProviderResponse(answer, { apiVersion })).toThrow(
    "the credential provider's answer cannot be used: its cacheDuration is no duration",
  );
});
