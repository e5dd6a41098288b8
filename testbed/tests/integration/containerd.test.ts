import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Containerd, startContainerd, sweepLeftovers, tryCommand } from '../../src/index.ts';

describe(startContainerd, () => {
  let containerd: Containerd;
  beforeAll(async () => {
    containerd = await startContainerd({ images: ['web'] });
  });
  afterAll(() => containerd.stop());

  it('lists the imported images for the CRI', async () => {
    const list = await containerd.ctr('images', 'ls', '-q');
    expect(list).toContain('nodeagent.test/web:1');
    expect(list).toContain('nodeagent.test/pause:1');
  });

  it('keeps containers over a restart, reachable from this machine', async () => {
    const { space } = containerd;
    const runcRoot = `${space.dir}/containerd/runc`;
    const args = ['-d', '--net-host', '--runc-root', runcRoot];
    await containerd.ctr('run', ...args, 'nodeagent.test/web:1', 'web');
    await containerd.kill9();
    await containerd.restart();
    expect(await containerd.ctr('tasks', 'ls')).toMatch(/web\s+\d+\s+RUNNING/);
    const { nodeIp, ipv6 } = space.network;
    const hosts = ipv6 === undefined ? [nodeIp] : [nodeIp, `[${ipv6.nodeIp}]`];
    for (const host of hosts) {
      const answer = await fetch(`http://${host}:8080/healthz`);
      expect(await answer.text()).toBe('ok\n');
    }
  });
});

describe(sweepLeftovers, () => {
  it('removes the remains of a killed run', async () => {
    const index = resolve(import.meta.dirname, '../../src/index.ts');
    const script = `
      import { startContainerd, tryCommand } from ${JSON.stringify(index)};
      const { space, ctr } = await startContainerd({ images: ['web'] });
      await ctr('run', '-d', '--net-host', '--runc-root', space.dir + '/containerd/runc', 'nodeagent.test/web:1', 'killed-' + space.id);
      await tryCommand(['truncate', '-s', '1M', space.dir + '/disk']);
      await tryCommand(['losetup', '-f', space.dir + '/disk']);
      console.log(JSON.stringify({ id: space.id, dir: space.dir }));
      process.kill(process.pid, 'SIGKILL');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((done) => child.once('close', done));
    const left = JSON.parse(output) as { id: string; dir: string };
    expect(existsSync(`/run/netns/${left.id}`)).toBe(true);
    expect(await backingFiles()).toContain(`${left.dir}/disk`);

    await sweepLeftovers();

    expect(existsSync(`/run/netns/${left.id}`)).toBe(false);
    expect(existsSync(left.dir)).toBe(false);
    expect(await backingFiles()).not.toContain(left.dir);
    const { stdout } = await tryCommand(['ps', '-eo', 'stat,args']);
    const alive = stdout.split('\n').filter((line) => !line.startsWith('Z'));
    expect(alive.filter((line) => line.includes(`killed-${left.id}`))).toEqual([]);
    const { exitCode } = await tryCommand(['ip', 'link', 'show', left.id]);
    expect(exitCode).not.toBe(0);
  });
});

/** The files of loop devices. */
async function backingFiles(): Promise<string> {
  return (await tryCommand(['losetup', '-n', '-l', '-O', 'BACK-FILE'])).stdout;
}
