/**
 * Checks docs/metrics.md: every metric of both agents beside the reference's list. A difference in
 * name, type, labels or buckets, a metric that is missing without a reason, or a page that differs
 * is an error; `--write` updates the page.
 *
 *   node --conditions=@nodeagent/source tools/check-metrics.ts [--write]
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { format, resolveConfig } from 'prettier';

import { ABSENT } from './metrics/absent.ts';
import { type Agent, compare, type MetricRow, type ReferenceMetric } from './metrics/compare.ts';
import { metricsOf, type RegisteredMetric } from './metrics/sources.ts';
import { ROOT } from './test/process.ts';

const PAGE = join(ROOT, 'docs/metrics.md');
/** Values that names of metrics depend on. */
const CHOICES = { purpose: ['client', 'server'], key: ['invalidDropped', 'localhostNodePorts'] };
const SHARED = ['base', 'component-base', 'kube-client'];
const AGENTS = {
  kubelet: ['kubelet', 'node-status', 'probes', 'cri-client', ...SHARED],
  'kube-proxy': ['kube-proxy', 'netfilter', 'ipvs', ...SHARED],
};
const INTRO = `# Metrics

<!-- written by tools/check-metrics.ts from the sources and from tools/metrics/ -->

Every metric of both agents beside the list of Kubernetes 1.36. A metric *as in Kubernetes* has the same name, type,
labels and buckets; a check compares them. Metrics that only these agents have come last in their table, with their
meaning. \`/metrics\` also has the \`process_*\` metrics of Prometheus' clients.
`;

const sources = (packages: readonly string[]): readonly string[] =>
  globSync(
    packages.map((name) => `packages/${name}/src/**/*.ts`),
    { cwd: ROOT },
  )
    .filter((path) => !path.includes('/testing/'))
    .map((path) => join(ROOT, path));

async function agentOf(name: keyof typeof AGENTS): Promise<Agent> {
  const registered = new Map<string, RegisteredMetric>();
  const texts: string[] = [];
  for (const path of sources(AGENTS[name])) {
    const text = readFileSync(path, 'utf8');
    texts.push(text);
    if (!/\.(?:counter|gauge|histogram)\(/.test(text)) continue;
    for (const metric of await metricsOf(text, pathToFileURL(path).href, CHOICES)) {
      registered.set(metric.name, metric);
    }
  }
  const all = texts.join('\n');
  return { name, registered, isWritten: (metric) => all.includes(metric) };
}

function table(rows: readonly MetricRow[]): string {
  const head = ['metric', 'type', 'labels', 'state'];
  const lines = rows.map(({ name, type, labels, state }) => [
    `\`${name}\``,
    type,
    labels.join(', '),
    state.replaceAll('|', '\\|').replaceAll('_', '\\_'),
  ]);
  return [head, head.map(() => '-'), ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

const reference = JSON.parse(
  readFileSync(join(ROOT, 'tools/metrics/reference.json'), 'utf8'),
) as readonly ReferenceMetric[];
const problems: string[] = [];
const used = new Set<string>();
const tables: string[] = [];
let count = 0;
for (const name of Object.keys(AGENTS) as (keyof typeof AGENTS)[]) {
  const found = compare(await agentOf(name), reference, ABSENT);
  problems.push(...found.problems);
  for (const pattern of found.used) used.add(pattern);
  count += found.rows.length;
  const missing = found.rows.filter(({ state }) => state.startsWith('absent')).length;
  const text = `${found.rows.length} metrics, ${missing} of them absent.`;
  tables.push(`## ${name}\n\n${text}\n\n${table(found.rows)}\n`);
}
for (const pattern of Object.keys(ABSENT).filter((one) => !used.has(one))) {
  problems.push(`tools/metrics/absent.ts names ${pattern}, which no agent lacks`);
}
const page = await format(`${INTRO}\n${tables.join('\n')}`, {
  ...(await resolveConfig(PAGE)),
  parser: 'markdown',
});
if (process.argv.includes('--write')) writeFileSync(PAGE, page);
else if (readFileSync(PAGE, 'utf8') !== page) {
  problems.push(
    'docs/metrics.md is out of date: run tools/check-metrics.ts --write as its head says',
  );
}
for (const problem of problems) console.error(problem);
console.log(`${count} metrics compared, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
