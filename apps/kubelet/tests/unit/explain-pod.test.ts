import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { runExplainPod } from '../../src/explain-pod.js';

let dir: string;
const at = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'explain-'));
  await writeFile(
    at('pod.yaml'),
    'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, image: "app:1"}]}\n',
  );
  await writeFile(
    at('state.yaml'),
    'sandboxes: [{attempt: 2}]\ncontainers: [{name: app, state: exited, exitCode: 3}]\n',
  );
  await writeFile(at('no-pod.yaml'), 'kind: Service\n');
});
afterAll(() => rm(dir, { recursive: true }));

it('explains a manifest, and a manifest with the state of its node', async () => {
  expect(await runExplainPod(['-f', at('pod.yaml')])).toContain('1. create sandbox, attempt 0');
  const text = await runExplainPod(['-f', at('pod.yaml'), '--state', at('state.yaml')]);
  expect(text).toContain('why: it ended with exit code 3');
});

it('prints JSON', async () => {
  const text = await runExplainPod(['-f', at('pod.yaml'), '--json']);
  const { pod, actions } = JSON.parse(text) as { pod: object; actions: { calls: object[] }[] };
  expect(pod).toMatchObject({ namespace: 'default', name: 'web' });
  expect(actions[0]?.calls).toMatchObject([{ method: 'RunPodSandbox' }]);
});

it.each([
  [[], '--filename: must name a manifest'],
  [['-f', 'no-such-file'], 'no-such-file'],
  [['-f', 'no-pod.yaml'], 'not v1 Pod'],
  [['--bogus'], 'unknown flag: --bogus'],
])('refuses %j', async (argv, text) => {
  const given = argv.map((word) => (word === 'no-pod.yaml' ? at(word) : word));
  await expect(runExplainPod(given)).rejects.toThrow(text);
});

it('prints its help', async () => {
  expect(await runExplainPod(['--help'])).toContain('kubelet explain-pod [flags]');
});
