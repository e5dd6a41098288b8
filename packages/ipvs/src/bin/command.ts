import { parseArgs } from 'node:util';

import { isAborted } from '@nodeagent/base';

import {
  diff,
  drain,
  formatOperation,
  type Ipvs,
  IpvsApplyError,
  type Operation,
  parseJson,
  parseSave,
  readTable,
  renderJson,
  renderSave,
  renderStatistics,
  renderTable,
  sortServers,
  type VirtualServer,
} from '../index.js';
import { isEditVerb, planEdit } from './edit-command.js';

/** Everything outside the command: input, output, time and the kernel. */
export interface Surroundings {
  /** Not asked by `diff` with two files, nor for help and version. */
  readonly ipvs: Ipvs;
  /** The package's version. */
  readonly version: string;
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
  ipvs list   [--format table|save|json|rates|totals]
  ipvs add    [--dry-run] SERVICE [-s SCHEDULER] [-p SECONDS] …
  ipvs add    [--dry-run] SERVICE -r SERVER [-m|-g|-i] [-w WEIGHT] …
  ipvs edit   [--dry-run] SERVICE [-r SERVER] …
  ipvs delete [--dry-run] SERVICE [-r SERVER]
  ipvs apply  [--format save|json] [--dry-run] [--drain] [--keep] FILE
  ipvs diff   [--format save|json] [--keep] FILE [FILE]
  ipvs watch  [--interval SECONDS] [--count N]
  ipvs --version | --help

list   prints the table for people, as \`ipvsadm -S -n\` or as JSON, or its counters.
add    adds one service (-t, -u, --sctp-service ADDRESS:PORT or -f MARK [-6]) or, with -r, one
       server of it. All options are those of ipvsadm.
edit   changes what its options name and keeps the rest: \`edit … -r SERVER -w 0\` drains.
delete removes one service, or with -r one server.
apply  makes the table equal to FILE (\`-\` is standard input) and prints the changes.
       --drain   removed destinations keep their present connections
       --keep    services that FILE does not name stay
diff   prints the changes that lead to FILE: from the second file, which needs no kernel and no
       privilege, or from the table. The exit code is 1 when there are any.
watch  prints the rates of every service and destination at each interval.

--dry-run      prints the changes without making them
--netns NAME   works in another network namespace: a name of \`ip netns\`, or a path
`;

/** @returns the exit code: 2 for an invalid command line */
export async function runCommand(argv: readonly string[], around: Surroundings): Promise<number> {
  const [verb = ''] = argv;
  if (isEditVerb(verb) && !argv.includes('--help') && !argv.includes('-h')) {
    const words = argv.slice(1).filter((word) => word !== '--dry-run');
    const isDryRun = words.length < argv.length - 1;
    return carryOut([await planEdit(verb, words, around)], isDryRun, around);
  }
  const parsed = parse(isEditVerb(verb) ? ['--help'] : argv);
  if (typeof parsed === 'string') {
    around.warn(`ipvs: ${parsed}\n${USAGE}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help === true || values.version === true) {
    around.print(values.help === true ? USAGE : `ipvs ${around.version}\n`);
    return 0;
  }
  const [command, ...files] = positionals;
  switch (command) {
    case 'list':
      return list(values.format ?? 'table', around);
    case 'apply':
      return apply(files, values, around);
    case 'diff':
      return compare(files, values, around);
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
  version: { type: 'boolean', short: 'V' },
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
  files: readonly string[],
  options: ApplyOptions,
  around: Surroundings,
): Promise<number> {
  const { ipvs, warn, signal } = around;
  const [file, ...more] = files;
  if (file === undefined || more.length > 0) {
    warn('ipvs: apply needs one file, or - for standard input\n');
    return 2;
  }
  const desired = readFile(file, options, around);
  const operations = diff(desired, await readTable(ipvs, signal), {
    ...(options.keep === true ? { manages: () => false } : {}),
    ...(options.drain === true ? { remove: drain } : {}),
  });
  return carryOut(operations, options['dry-run'] === true, around);
}

async function carryOut(
  operations: readonly Operation[],
  isDryRun: boolean,
  { ipvs, print, warn, signal }: Surroundings,
): Promise<number> {
  if (!isDryRun) {
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

async function compare(
  files: readonly string[],
  options: ApplyOptions,
  around: Surroundings,
): Promise<number> {
  const { ipvs, print, warn, signal } = around;
  const [to, from, ...more] = files;
  if (to === undefined || more.length > 0 || (to === '-' && from === '-')) {
    warn('ipvs: diff needs one or two files; - is standard input, for one of them\n');
    return 2;
  }
  const desired = readFile(to, options, around);
  const actual =
    from === undefined ? await readTable(ipvs, signal) : readFile(from, options, around);
  const operations = diff(desired, actual, options.keep === true ? { manages: () => false } : {});
  for (const operation of operations) print(`${formatOperation(operation)}\n`);
  return operations.length === 0 ? 0 : 1;
}

function readFile(
  file: string,
  { format }: ApplyOptions,
  { readInput }: Surroundings,
): readonly VirtualServer[] {
  const text = readInput(file);
  const isJson = format === 'json' || ((format ?? '') === '' && looksLikeJson(text));
  return isJson ? parseJson(text) : parseSave(text);
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
