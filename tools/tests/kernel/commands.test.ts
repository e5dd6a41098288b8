import { appendFile, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runCommand, tryCommand } from '@nodeagent/testbed';
import { beforeEach, describe, expect, it } from 'vitest';

import { commandsForTier } from '../../docs/commands.ts';
import { ROOT } from '../../test/process.ts';

const pages = commandsForTier('kernel');

const TABLE = '-A -t 192.0.2.20:80 -s rr\n-a -t 192.0.2.20:80 -r 10.1.0.1:8080 -m -w 1\n';
const MORE = '-a -t 192.0.2.20:80 -r 10.1.0.2:8080 -m -w 1\n';

let project: string;

/** A project after `npm install @nodeagent/ipvs`, which the tier `packages` runs. */
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'commands-'));
  const modules = join(project, 'node_modules');
  await mkdir(join(modules, '.bin'), { recursive: true });
  await mkdir(join(modules, '@nodeagent'));
  await symlink(join(ROOT, 'packages/ipvs'), join(modules, '@nodeagent/ipvs'));
  await symlink('../@nodeagent/ipvs/dist/bin/ipvs.js', join(modules, '.bin/ipvs'));
  await writeFile(join(project, 'package.json'), '{"private":true}');
  await runCommand(['ipvsadm', '-C']);
  await runCommand(['ipvsadm', '-R'], { input: TABLE });
});

/** Runs a command as the reader would type it. */
async function typed(text: string): Promise<readonly [exitCode: number, output: string]> {
  const PATH = `${join(project, 'node_modules/.bin')}:${process.env['PATH']}`;
  const { exitCode, stdout, stderr } = await tryCommand(['bash', '-c', text], {
    cwd: project,
    env: { PATH, npm_config_registry: 'http://127.0.0.1:9' }, // nothing is left to download
  });
  return [exitCode, `${text}\n${stdout}${stderr}`];
}

/** The reader does something before a command, and sees something. */
interface Step {
  readonly before?: () => Promise<unknown>;
  readonly exitCode?: number;
  readonly shows?: string;
  /** It goes on until the reader has seen enough. */
  readonly goesOn?: true;
  readonly after?: () => Promise<unknown>;
}

async function tableIsFile(): Promise<void> {
  const file = await readFile(join(project, 'table'), 'utf8');
  expect(await runCommand(['ipvsadm', '-S', '-n'])).toBe(file);
}

const serves = { shows: '192.0.2.20:80' };
const STEPS: Readonly<Record<string, Readonly<Record<string, Step>>>> = {
  'docs/guides/replace-ipvsadm.md': {
    'npx @nodeagent/ipvs list': serves,
    'npx @nodeagent/ipvs diff': {
      before: () => appendFile(join(project, 'table'), MORE),
      exitCode: 1,
      shows: '10.1.0.2:8080',
    },
    'npx @nodeagent/ipvs apply': { shows: '10.1.0.2:8080', after: tableIsFile },
  },
  'packages/ipvs/README.md': {
    'npx @nodeagent/ipvs list': serves,
    'ipvs apply --dry-run table': {
      before: () => appendFile(join(project, 'table'), MORE),
      shows: '10.1.0.2:8080',
    },
    'ipvs apply --drain table': { shows: '10.1.0.2:8080', after: tableIsFile },
    'ipvs delete --dry-run': { shows: '192.0.2.10:80' },
    'ipvs diff table': { exitCode: 1, shows: '192.0.2.10:80' },
    'ipvs diff new-table': {
      before: () =>
        Promise.all([
          writeFile(join(project, 'old-table'), TABLE),
          writeFile(join(project, 'new-table'), TABLE + MORE),
        ]),
      exitCode: 1,
      shows: '10.1.0.2:8080',
    },
    'ipvs --netns blue': { before: () => runCommand(['ip', 'netns', 'add', 'blue']) },
    'ipvs watch': { ...serves, goesOn: true },
  },
};

/** Each command starts a Node.js, which takes seconds in this kernel. */
const TIMEOUT_MS = 900_000;

describe('the commands of a page do what it says', () => {
  it.each(pages)('$page', { timeout: TIMEOUT_MS }, async ({ page, commands }) => {
    const steps = Object.entries(STEPS[page] ?? {});
    const used = new Set<string>();
    for (const { text, place } of commands) {
      const [start, step = {}] = steps.find(([begin]) => text.startsWith(begin)) ?? [];
      if (start !== undefined) used.add(start);
      await step.before?.();
      const seen = `{ ${text}\n} | grep --max-count=1 --fixed-strings '${step.shows}'`;
      const [exitCode, output] = await typed(step.goesOn === true ? seen : text);
      expect(exitCode, `${place}: ${output}`).toBe(step.exitCode ?? 0);
      expect(output).toContain(step.shows ?? '');
      await step.after?.();
    }
    expect([...used].sort(), 'a step fits no command').toEqual(
      steps.map(([start]) => start).sort(),
    );
  });
});
