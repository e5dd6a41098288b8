import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createJournal } from '../../../src/server/adapters/journal.js';
import { createSystemLogs } from '../../../src/server/adapters/system-logs.js';
import { parseNodeLogQuery } from '../../../src/server/codec/node-log-query.js';
import { Refusal } from '../../../src/server/model/exchange.js';
import { systemLogHandler } from '../../../src/server/run/system-logs.js';

const { signal } = new AbortController();

function refused(text: string): number | 'accepted' {
  try {
    parseNodeLogQuery(new URLSearchParams(text));
    return 'accepted';
  } catch (error) {
    if (error instanceof Refusal) return error.answer.status;
    throw error;
  }
}

describe(parseNodeLogQuery, () => {
  it('ignores requests without query', () => {
    expect(parseNodeLogQuery(new URLSearchParams('tailLines=1'))).toBeUndefined();
  });

  it.each([
    ['query=kubelet', 'accepted'],
    ['query=kubelet&query=containerd&tailLines=100000&boot=-1&pattern=a.*b', 'accepted'],
    ['query=', 400],
    ['query=kubelet&sinceTime=yesterday', 400],
    ['query=kubelet&tailLines=many', 400],
    ['query=kubelet&boot=1', 406],
    ['query=kubelet&tailLines=100001', 406],
    ['query=kubelet&pattern=(', 406],
    ['query=kubelet&sinceTime=2026-01-02T00:00:00Z&untilTime=2026-01-01T00:00:00Z', 406],
    ['query=a&query=b&query=c&query=d&query=e', 406],
    ['query=kubelet;reboot', 406],
    [`query=${'a'.repeat(257)}`, 406],
    ['query=/a.log&query=/b.log', 406],
    ['query=/a.log&query=kubelet', 406],
    ['query=/a.log&tailLines=1', 406],
  ])('%s: %s', (text, want) => {
    expect(refused(text)).toBe(want);
  });
});

describe(systemLogHandler, () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'node-logs-'));
    await mkdir(join(dir, 'log/own'), { recursive: true });
    await writeFile(join(dir, 'log/proxy.log'), 'from a file\n');
    await writeFile(join(dir, 'log/own/own.log'), 'from a folder\n');
    await writeFile(join(dir, 'secret'), 'outside\n');
    await symlink(join(dir, 'secret'), join(dir, 'log/link.log'));
    const script =
      '[ "$1" = --field ] && exec printf "sshd.service\\nkubelet.service\\n"; echo "$@"';
    await writeFile(join(dir, 'journalctl'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  async function ask(text: string, program = join(dir, 'journalctl')): Promise<string> {
    const handle = systemLogHandler(createSystemLogs(join(dir, 'log')), createJournal(program));
    const query = new URLSearchParams(text);
    const request = {
      ...{ method: 'GET', path: '/logs/', query },
      credentials: {},
      upgrade: false,
    };
    const answer = await handle({ request, params: {} }, signal);
    if (answer.kind === 'body') return String(answer.body);
    if (answer.kind !== 'stream') throw new Error(answer.kind);
    let said = '';
    for await (const chunk of answer.chunks) said += Buffer.from(chunk).toString();
    return said;
  }

  it('reads units from the journal', async () => {
    const options =
      'sinceTime=2026-01-01T00:00:00Z&untilTime=2026-01-02T03:04:05%2B01:00&tailLines=5&boot=-1&pattern=err';
    expect(await ask(`query=kubelet&query=sshd&${options}`)).toBe(
      '--utc --no-pager --output=short-precise --since=2026-01-01 00:00:00 UTC --until=2026-01-02 02:04:05 UTC --pager-end --lines=5 --unit=kubelet --unit=sshd --grep=err --case-sensitive=false --boot -1\n',
    );
  });

  it.each([
    ['query=proxy', 'from a file\n'],
    ['query=own', 'from a folder\n'],
    ['query=/proxy.log', 'from a file\n'],
    ['query=link', '\nlog not found for link\n'],
    ['query=nobody', '\nlog not found for nobody\n'],
    [
      'query=proxy&tailLines=1',
      '\noptions present and query resolved to log files for [proxy]\ntry without specifying options\n',
    ],
  ])('%s reads files', async (text, want) => {
    expect(await ask(text)).toBe(want);
  });

  it('works without a journal', async () => {
    expect(await ask('query=proxy', join(dir, 'absent'))).toBe('from a file\n');
  });

  it('stays inside the log directory', async () => {
    await expect(ask('query=/../secret')).rejects.toBeInstanceOf(Refusal);
  });
});
