import { writeFile } from 'node:fs/promises';

import { createSystemClock } from '@nodeagent/base/system';
import { expect, it } from 'vitest';

import { createKernelLog } from '../../src/node/adapters/kernel-log.js';
import { parseKernelRecord } from '../../src/node/codec/oom-records.js';

/** Records of programs have a facility of their own, so they cannot pretend to be the kernel. */
it('delivers new records of the kernel log only', { timeout: 30_000 }, async () => {
  const end = new AbortController();
  const [before, after] = ['before', 'after'].map((word) => `nodeagent ${word} ${process.pid}`);
  await writeFile('/dev/kmsg', `<4>${before}\n`);
  const seen: string[] = [];
  const follow = createKernelLog(createSystemClock()).follow(end.signal);
  const reading = (async () => {
    for await (const text of follow) {
      const record = parseKernelRecord(text);
      if (record?.facility === 0) continue;
      seen.push(record?.text ?? '');
      if (record?.text === after) end.abort();
    }
  })();
  const timer = setInterval(() => void writeFile('/dev/kmsg', `<4>${after}\n`), 500);
  await reading;
  clearInterval(timer);
  expect(seen).toContain(after);
  expect(seen).not.toContain(before);
});
