/**
 * Checks docs/settings.md: every field, flag and feature gate of both agents, and what setting it
 * does. A setting without proof, or a page that differs, is an error; `--write` updates the page.
 * `check-conformance.ts` checks that the tests exist.
 *
 *   node tools/check-settings.ts [--write]
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { FEATURE_GATES, type FlagSpec } from '@nodeagent/component-base';
import * as proxy from '@nodeagent/kube-proxy';
import * as kubelet from '@nodeagent/kubelet';
import { format, resolveConfig } from 'prettier';

import { renderPage, type Section } from './settings/page.ts';
import {
  GATES,
  KUBELET_FIELDS,
  KUBELET_FLAGS,
  PROXY_FIELDS,
  PROXY_FLAGS,
} from './settings/proofs.ts';
import { fieldsOf, type Known, type Proof, settingsOf } from './settings/settings.ts';
import { ROOT } from './test/process.ts';

const PAGE = join(ROOT, 'docs/settings.md');
const INTRO = `# Settings

<!-- written by tools/check-settings.ts from the programs and from tools/settings/proofs.ts -->

Every field, flag and feature gate that the agents accept, and what setting it does:

- **acts**: the agent behaves otherwise; the test proves it
- **inert upstream too**: Kubernetes' own agent accepts it and does nothing
- **warned of when set**: the agent accepts it, says in its log that it has no effect, and what holds instead
- **refused**: the agent does not start

The notation of tests is that of [conformance.md](conformance.md). \`E2E\` stands for \`e2e/tests/e2e\`, \`APP\` for \`apps/kubelet/tests\`,
\`PROXY\` for \`apps/kube-proxy/tests\`, \`PROXIES\` for \`packages/kube-proxy/tests\`, \`BASE\` for \`packages/component-base/tests\`,
\`NODE\` for \`packages/node-status/tests\`.
`;

const problems: string[] = [];

function section(
  head: Omit<Section, 'settings'>,
  known: readonly Known[],
  proofs: Readonly<Record<string, Proof>>,
): Section {
  const { settings, problems: found } = settingsOf(known, proofs);
  problems.push(...found.map((problem) => `${head.title}: ${problem}`));
  return { ...head, settings };
}

interface Agent {
  readonly title: string;
  /** Folder of the section's tests. */
  readonly tests: string;
  readonly document: Readonly<Record<string, unknown>>;
  readonly unused: Readonly<Record<string, string>>;
  readonly flags: readonly FlagSpec[];
  /** Ends of the titles in the test of effects. */
  readonly changes: string;
  readonly effects: string;
  readonly proofs: Readonly<Record<'fields' | 'flags', Readonly<Record<string, Proof>>>>;
  /** Test that every flag of a field names an existing field. */
  readonly flagTest: string;
}

/** Objects that are values of their field. */
const VALUES = new Set(['evictionHard', 'featureGates', 'staticPodURLHeader']);

function sectionsOf(agent: Agent): readonly Section[] {
  const { document, unused, flags, proofs } = agent;
  const effects = readFileSync(join(ROOT, agent.tests, agent.effects), 'utf8');
  const whyUnused = (name: string): string | undefined =>
    Object.entries(unused).find(([path]) => name === path || name.startsWith(`${path}.`))?.[1];
  const fields = fieldsOf(document, VALUES)
    .filter(({ name }) => name !== 'apiVersion' && name !== 'kind')
    .map((field): Known => {
      const hasRow =
        effects.includes(`['${field.name}',`) || effects.includes(`    '${field.name}',\n`);
      const proof = hasRow
        ? { test: `${agent.effects} › ${field.name} ${agent.changes}` }
        : undefined;
      return { ...field, unused: whyUnused(field.name), proof };
    });
  const knownFlags = flags.map(({ name, default: usual = '', path, ignored }): Known => {
    const instead = ignored ?? (path === undefined ? undefined : whyUnused(path));
    const proof = path === undefined ? undefined : { test: agent.flagTest };
    return { name: `--${name}`, usual, unused: instead, proof };
  });
  const flagProofs = Object.fromEntries(
    Object.entries(proofs.flags).map(([name, proof]) => [`--${name}`, proof]),
  );
  const text = `Paths of this section are below \`${agent.tests}\`.`;
  return [
    section({ title: `Fields of ${agent.title}`, text, column: 'field' }, fields, proofs.fields),
    section({ title: `Flags of ${agent.title}`, text, column: 'flag' }, knownFlags, flagProofs),
  ];
}

const flagsOf = async (app: string): Promise<readonly FlagSpec[]> => {
  const file = pathToFileURL(join(ROOT, 'apps', app, 'src/flags.ts')).href;
  return ((await import(file)) as { FLAGS: readonly FlagSpec[] }).FLAGS;
};

/** Gates that the sources read. */
function gatesRead(...globs: readonly string[]): ReadonlySet<string> {
  const texts = globSync([...globs], { cwd: ROOT }).map((path) =>
    readFileSync(join(ROOT, path), 'utf8'),
  );
  return new Set(
    texts.flatMap((text) =>
      [...text.matchAll(/\bfeatures\.([A-Z]\w+)/g)].map(([, name = '']) => name),
    ),
  );
}

function gateSection(): Section {
  const effects = readFileSync(
    join(ROOT, 'packages/kubelet/tests/unit/assembly/field-effects.test.ts'),
    'utf8',
  );
  const read = gatesRead('packages/{kubelet,kube-proxy}/src/**/*.ts');
  const known = Object.entries(FEATURE_GATES).map(([name, gate]): Known => {
    const fixed = [
      ...(kubelet.FIXED_FEATURES.has(name as never) ? ['the kubelet'] : []),
      ...(proxy.FIXED_FEATURES.has(name as never) ? ['kube-proxy'] : []),
    ];
    const { stage, isOn, isLocked } = gate;
    const usual = `${isOn} (${stage}${isLocked ? ', locked' : ''})`;
    const hasRow = effects.includes(`'featureGates.${name}'`);
    const title = `unit/assembly/field-effects.test.ts › featureGates.${name} changes how the kubelet runs`;
    const locked: Proof = {
      refused: `it can only be ${isOn}`,
      test: 'BASE/unit/parse-features.test.ts › reports every gate that cannot be set',
    };
    const nobody: Proof = { inert: 'no agent of a node reads it' };
    const isRead = read.has(name) || name in GATES;
    const proof = hasRow ? { test: title } : isLocked ? locked : isRead ? undefined : nobody;
    const unused =
      fixed.length === 0 || hasRow ? undefined : `${fixed.join(' and ')} does not implement it`;
    return { name, usual, unused, proof };
  });
  const text =
    'One table for both agents, as in Kubernetes: each accepts all gates. A gate that its agent does not read is accepted silently.';
  return section({ title: 'Feature gates', text, column: 'gate' }, known, GATES);
}

const kubeletDocument = kubelet.parseKubeletConfig({ file: { value: {}, directory: '/' } }).config
  .document;
const { config: proxyConfig } = proxy.parseProxyConfig({}, 'defaults');
const optional = { udpIdleTimeout: '' };
const page = await format(
  renderPage(INTRO, [
    ...sectionsOf({
      title: 'the kubelet',
      tests: 'packages/kubelet/tests',
      document: Object.fromEntries(
        kubelet.CONFIG_FIELDS.map((name) => [
          name,
          (kubeletDocument as Record<string, unknown>)[name],
        ]),
      ),
      unused: kubelet.UNUSED_FIELDS,
      flags: await flagsOf('kubelet'),
      changes: 'changes how the kubelet runs',
      effects: 'unit/assembly/field-effects.test.ts',
      proofs: { fields: KUBELET_FIELDS, flags: KUBELET_FLAGS },
      flagTest: 'APP/unit/options.test.ts › each flag of a field sets it',
    }),
    ...sectionsOf({
      title: 'kube-proxy',
      tests: 'packages/kube-proxy/tests',
      document: { ...optional, ...proxyConfig.file },
      unused: proxy.UNUSED_FIELDS,
      flags: await flagsOf('kube-proxy'),
      changes: 'changes how kube-proxy runs',
      effects: 'unit/field-effects.test.ts',
      proofs: { fields: PROXY_FIELDS, flags: PROXY_FLAGS },
      flagTest: 'PROXY/unit/options.test.ts › each flag of a field sets it',
    }),
    gateSection(),
  ]),
  { ...(await resolveConfig(PAGE)), parser: 'markdown' },
);

if (process.argv.includes('--write')) writeFileSync(PAGE, page);
else if (readFileSync(PAGE, 'utf8') !== page) {
  problems.push('docs/settings.md is out of date: run node tools/check-settings.ts --write');
}
for (const problem of problems) console.error(problem);
console.log(
  `${page.split('\n').filter((line) => line.startsWith('| `')).length} settings, ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
