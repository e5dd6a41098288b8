import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { clientAuthority, redirectKubeconfig, serverOf } from '../../src/given-kubeconfig.ts';

const GIVEN = `
clusters:
  - { name: a, cluster: { server: 'https://a:1' } }
  - { name: b, cluster: { server: 'https://[fd00::1]/prefix', certificate-authority: ca.crt } }
users:
  - { name: u, user: { client-certificate: /etc/u.crt, client-key: keys/u.key } }
contexts:
  - { name: x, context: { cluster: b, user: u } }
current-context: x
`;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function write(text: string): Promise<string> {
  const path = join(dir, 'config');
  await writeFile(path, text);
  return path;
}

describe('a given kubeconfig', () => {
  it('gets another address, and keeps the server name and valid file paths', async () => {
    const path = await write(GIVEN);
    expect(await serverOf(path)).toEqual({ host: 'fd00::1', port: 443 });
    const text = await redirectKubeconfig(path, { host: '10.0.0.1', port: 7 });
    expect(JSON.parse(text)).toMatchObject({
      clusters: [
        {
          cluster: {
            server: 'https://10.0.0.1:7/prefix',
            'tls-server-name': 'fd00::1',
            'certificate-authority': join(dir, 'ca.crt'),
          },
        },
      ],
      users: [
        { user: { 'client-certificate': '/etc/u.crt', 'client-key': join(dir, 'keys/u.key') } },
      ],
    });
  });

  it.each([
    ['the CA that its cluster publishes', 'echo published', 'published\n'],
    ["the server's CA when none is published", ':', 'of the server'],
  ])('verifies clients with %s', async (_, script, authority) => {
    const path = await write(GIVEN);
    await writeFile(join(dir, 'ca.crt'), 'of the server');
    const kubectl = join(dir, 'kubectl');
    await writeFile(kubectl, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    expect(await clientAuthority(path, kubectl)).toBe(authority);
  });

  it("whose API server does not answer is reported with kubectl's message", async () => {
    const path = await write(GIVEN);
    const kubectl = join(dir, 'kubectl');
    await writeFile(kubectl, '#!/bin/sh\necho connection refused >&2; exit 1\n', { mode: 0o755 });
    await expect(clientAuthority(path, kubectl)).rejects.toThrow('connection refused');
  });

  it.each([
    ['current-context: nowhere', 'current-context'],
    ['clusters: [', 'config'],
  ])('with `%s` is refused by name', async (text, words) => {
    const path = await write(text);
    await expect(serverOf(path)).rejects.toThrow(words);
    await expect(serverOf(path)).rejects.toMatchObject({ code: 'TESTBED_KUBECONFIG' });
  });
});
