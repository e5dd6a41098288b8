import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { runExplainEviction } from '../../src/explain-eviction.js';

let dir: string;
const at = (name: string): string => join(dir, name);
const pod = (name: string, phase: string) => ({
  metadata: { name, namespace: 'default', uid: name },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  status: { phase },
});

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'explain-'));
  const memory = { availableBytes: 2 ** 20, workingSetBytes: 2 ** 30 };
  await writeFile(at('summary.json'), JSON.stringify({ node: { memory }, pods: [] }));
  const items = [pod('runs', 'Running'), pod('ended', 'Succeeded')];
  await writeFile(at('pods.json'), JSON.stringify({ items }));
  await writeFile(at('wrong.json'), '{}');
  const kind = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
  await writeFile(at('config.yaml'), kind);
});
afterAll(() => rm(dir, { recursive: true }));

const given = () => ['--summary', at('summary.json'), '--pods', at('pods.json')];

it('explains a recorded node', async () => {
  const text = await runExplainEviction([...given(), '--config', at('config.yaml')]);
  expect(text).toContain('memory.available (hard): 1Mi available, at least 100Mi wanted: CROSSED');
  expect(text).toContain('default/runs');
  expect(text).not.toContain('default/ended');
});

it('prints JSON, ordered by another signal', async () => {
  const text = await runExplainEviction([...given(), '--json', '--signal', 'pid.available']);
  expect(JSON.parse(text)).toMatchObject({ signal: 'pid.available', order: [{ name: 'runs' }] });
});

describe('a running node', () => {
  const memory = { availableBytes: 2 ** 20, workingSetBytes: 2 ** 30 };
  const asked: string[] = [];
  const ask = (configz: unknown) => async (name: string, kubeconfig: string) => {
    asked.push(`${name} ${kubeconfig}`);
    return {
      summary: { node: { memory }, pods: [] },
      pods: { items: [pod('p', 'Running')] },
      configz,
    };
  };
  const argv = ['--node=n1', '--kubeconfig=admin.conf'];

  it('is explained by its own configuration', async () => {
    const hard = { evictionHard: { 'memory.available': '3Mi' } };
    const text = await runExplainEviction(argv, ask({ kubeletconfig: hard }));
    expect(text).toContain('memory.available (hard): 1Mi available, at least 3Mi wanted: CROSSED');
    expect(text).toContain('default/p');
    expect(asked).toEqual(['n1 admin.conf']);
  });

  it('is explained by another configuration on request', async () => {
    const text = await runExplainEviction([...argv, '--config', at('config.yaml')], ask(undefined));
    expect(text).toContain('at least 100Mi wanted');
  });

  it.each([
    [['--node=n1'], '--kubeconfig: must name a file'],
    [[...argv, '--summary=s.json'], '--summary: cannot be combined with --node'],
  ])('is refused: %j', async (words, text) => {
    await expect(runExplainEviction(words, ask({}))).rejects.toThrow(text);
  });

  it('must answer with documents', async () => {
    const nothing = async () => ({ summary: 7, pods: { items: [] }, configz: {} });
    await expect(runExplainEviction(argv, nothing)).rejects.toThrow('/stats/summary of node n1');
  });
});

it.each([
  [[], '--summary: must name a file'],
  [['--summary=summary.json'], '--pods: must name a file'],
  [['--summary=wrong.json', '--pods=pods.json'], 'not a document of /stats/summary'],
  [['--summary=summary.json', '--pods=wrong.json'], 'not a list of pods'],
  [['--summary=summary.json', '--pods=pods.json', '--signal=disk'], '--signal: must be one of'],
])('refuses %j', async (argv, text) => {
  const full = argv.map((word) =>
    word.replace(/=(.*\.json)$/, (_, name: string) => `=${at(name)}`),
  );
  await expect(runExplainEviction(full)).rejects.toThrow(text);
});

it('prints its help', async () => {
  expect(await runExplainEviction(['--help'])).toContain('kubelet explain-eviction [flags]');
});
