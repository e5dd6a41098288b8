import { expect, test } from 'vitest';

import { parseExecCredential } from '../../../src/codec/exec-credential.js';
import { KubeError } from '../../../src/index.js';

test('a reply whose apiVersion is nested 10,000 levels deep is a KubeError', () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const reply = `{"kind":"ExecCredential","apiVersion":${deep}}`;
  expect(() => parseExecCredential(reply, 'v1', 'plug-in')).toThrow(KubeError);
});
