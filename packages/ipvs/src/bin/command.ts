import { parseArgs } from 'node:util';

import { isAborted } from '@nodeagent/base';

import {
  diff,
  drain,
  formatOperation,
  type Ipvs,
  IpvsApplyError,
  parseJson,
  parseSave,
  readTable,
  renderJson,
  renderSave,
  renderStatistics,
  renderTable,
  sortServers,
} from '../index.js';

/** Everything outside the command: input, output, time and the kernel. */
export interface Surroundings {
  readonly ipvs: Ipvs;
  /** `-` is standard input. */
  readonly readInput: (file: string) => string;
  readonly print: (text: string) => void;
  readonly warn: (text: string) => void;
  /** True when the screen can be cleared. */
  readonly isTerminal: boolean;
  /** Returns early when the command is to stop. */
  readonly pause: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
}

const USAGE = `Usage:
  ipvs list  [--format table|save|json|rates|totals]
  ipvs apply [--format save|json] [--dry-run] [--drain] [--keep] FILE
  ipvs watch [--interval SECONDS] [--count N]

list   prints the table for people, as \`ipvsadm -S -n\` or as JSON, or its counters.
apply  makes the table equal to FILE (\`-\` is standard input) and prints the changes.
       --drain   removed destinations keep their present connections
       --keep    services that FILE does not name stay
       --dry-run prints the changes without making them
watch  prints the rates of every service and destination at each interval.
`;

/** @returns the exit code: 2 for an invalid command line */
export async function runCommand(argv: readonly string[], around: Surroundings): Promise<number> {
  const parsed = parse(argv);
  if (typeof parsed === 'string') {
    around.warn(`ipvs: ${parsed}\n${USAGE}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help === true) {
    around.print(USAGE);
    return 0;
  }
  const [command, file] = positionals;
  switch (command) {
    case 'list':
      return list(values.format ?? 'table', around);
    case 'apply':
      return apply(file, values, around);
    case 'watch':
      return watch(Number(values.interval ?? '2'), Number(values.count ?? 'Infinity'), around);
    default:
      around.warn(
        `ipvs: ${command === undefined ? 'no command' : `unknown command ${command}`}\n${USAGE}`,
      );
      return 2;
  }
}

const OPTIONS = {
  format: { type: 'string' },
  interval: { type: 'string' },
  count: { type: 'string' },
  'dry-run': { type: 'boolean' },
  drain: { type: 'boolean' },
  keep: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    return (error as Error).message;
  }
}

async function list(format: string, { ipvs, print, warn, signal }: Surroundings): Promise<number> {
  const render = {
    table: renderTable,
    save: renderSave,
    json: renderJson,
    rates: (servers: Table) => renderStatistics(servers, 'rates'),
    totals: (servers: Table) => renderStatistics(servers, 'totals'),
  };
  if (!Object.hasOwn(render, format)) {
    warn(`ipvs: unknown format ${format}; known: ${Object.keys(render).join(', ')}\n`);
    return 2;
  }
  const servers = sortServers(await readTable(ipvs, signal));
  print(render[format as keyof typeof render](servers));
  return 0;
}

type Table = Awaited<ReturnType<typeof readTable>>;

interface ApplyOptions {
  readonly format?: string | undefined;
  readonly 'dry-run'?: boolean | undefined;
  readonly drain?: boolean | undefined;
  readonly keep?: boolean | undefined;
}

async function apply(
  file: string | undefined,
  options: ApplyOptions,
  { ipvs, readInput, print, warn, signal }: Surroundings,
): Promise<number> {
  if (file === undefined) {
    warn('ipvs: apply needs a file, or - for standard input\n');
    return 2;
  }
  const text = readInput(file);
  const isJson =
    options.format === 'json' || ((options.format ?? '') === '' && looksLikeJson(text));
  const desired = isJson ? parseJson(text) : parseSave(text);
  const operations = diff(desired, await readTable(ipvs, signal), {
    ...(options.keep === true ? { manages: () => false } : {}),
    ...(options.drain === true ? { remove: drain } : {}),
  });
  if (options['dry-run'] !== true) {
    try {
      await ipvs.apply(operations, signal);
    } catch (error) {
      if (!(error instanceof IpvsApplyError)) throw error;
      const { done, failed } = error;
      for (const operation of done) print(`${formatOperation(operation)}\n`);
      for (const { error: reason } of failed) warn(`ipvs: ${reason.message}\n`);
      return 1;
    }
  }
  for (const operation of operations) print(`${formatOperation(operation)}\n`);
  return 0;
}

function looksLikeJson(text: string): boolean {
  return text.trimStart().startsWith('[');
}

const CLEAR_SCREEN = '\u001b[H\u001b[2J';

async function watch(
  seconds: number,
  count: number,
  { ipvs, print, warn, isTerminal, pause, signal }: Surroundings,
): Promise<number> {
  if (!(seconds > 0) || !(count > 0)) {
    warn('ipvs: --interval and --count take positive numbers\n');
    return 2;
  }
  for (let shown = 0; !signal.aborted && shown < count; shown += 1) {
    if (shown > 0) await pause(seconds * 1000);
    if (isAborted(signal)) break;
    const servers = sortServers(await readTable(ipvs, signal));
    print(`${isTerminal ? CLEAR_SCREEN : ''}${renderStatistics(servers, 'rates')}`);
  }
  return 0;
}
