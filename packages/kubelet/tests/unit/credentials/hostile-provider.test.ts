import { expect, test } from 'vitest';

import { parseProviderResponse } from '../../../src/credentials/codec/provider-messages.js';

const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';

test.each([
  ['a number', '3600'],
  ['an object without a string form', '{"toString":null}'],
  ['lists nested 10,000 deep', '['.repeat(10_000) + ']'.repeat(10_000)],
])('a credential provider’s answer with %s as cacheDuration is refused', (_, duration) => {
  const answer = `{"kind":"CredentialProviderResponse","apiVersion":"${apiVersion}",
    "cacheKeyType":"Image","cacheDuration":${duration}}`;
  expect(() => parseProviderResponse(answer, { apiVersion })).toThrow(
    "the credential provider's answer cannot be used: its cacheDuration is not a duration",
  );
});
