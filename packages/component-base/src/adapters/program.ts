import { parseFlags } from '../codec/parse-flags.js';
import type { FlagSpec, ParsedFlags } from '../model/flag.js';
import type { LogSettings } from '../model/log-settings.js';
import { KUBERNETES_VERSION } from '../model/version.js';
import { type ProgramText, renderHelp } from '../render/help.js';
import { type Logs, openLogs } from './logger.js';
import { signalsToAbort } from './signals.js';

/** The options that every program has. */
export interface ProgramOptions {
  readonly config: Readonly<{ logging: LogSettings }>;
  /** Logged before the program runs. */
  readonly warnings: readonly string[];
}

/** An agent's program: what {@link startProgram} needs to know of it. */
export interface Program<Options extends ProgramOptions> {
  readonly text: ProgramText;
  /** With `--help` and `--version` among them, which are answered here. */
  readonly flags: readonly FlagSpec[];
  /** By their word, the first argument; each is given the other arguments and yields what to print. */
  readonly commands: Readonly<Record<string, Command>>;
  /** The command line and the files that it names. */
  readonly readOptions: (flags: ParsedFlags) => Promise<Options>;
  readonly run: (options: Options, logs: Logs, signal: AbortSignal) => Promise<void>;
  /** Recognise errors that a user or the machine causes: their message is enough, without a stack. */
  readonly expected: readonly ((error: unknown) => boolean)[];
}

/**
 * A subcommand, which yields its output in pieces.
 *
 * @param note prints a line on standard error
 */
export type Command = (
  argv: readonly string[],
  note: (line: string) => void,
) => AsyncIterable<string>;

/** A process, as far as a program touches it. */
export interface ProgramProcess {
  readonly argv: readonly string[];
  /** Resolves when there is room for more. */
  readonly print: (text: string) => Promise<void>;
  readonly printError: (text: string) => void;
  /** Asked for once, when the program begins to run: before, a signal ends the process at once. */
  readonly signal: () => AbortSignal;
}

/** Runs the program in this process and ends it: with 0, or with 1 after an error. */
export async function startProgram<Options extends ProgramOptions>(
  program: Program<Options>,
): Promise<never> {
  const code = await runProgram(program, {
    argv: process.argv.slice(2),
    print: printOut,
    printError: (text) => void process.stderr.write(text),
    signal: signalsToAbort,
  });
  process.exit(code);
}

/** @returns the exit code */
export async function runProgram<Options extends ProgramOptions>(
  program: Program<Options>,
  around: ProgramProcess,
): Promise<number> {
  const { name } = program.text;
  try {
    await perform(program, around);
    return 0;
  } catch (error) {
    around.printError(`${name}: ${explain(error, program.expected)}\n`);
    return 1;
  }
}

async function perform<Options extends ProgramOptions>(
  program: Program<Options>,
  { argv, print, printError, signal: takeSignals }: ProgramProcess,
): Promise<void> {
  const { text, flags: table, commands, readOptions, run } = program;
  const [word = '', ...rest] = argv;
  const command = Object.hasOwn(commands, word) ? commands[word] : undefined;
  if (command !== undefined) {
    const note = (line: string): void => printError(`${text.name}: ${line}\n`);
    for await (const piece of command(rest, note)) await print(piece);
    return;
  }
  const flags = parseFlags(table, argv);
  if (flags.given.get('help') === true) return print(renderHelp(text, table));
  if (flags.given.get('version') === true) return print(`Kubernetes ${KUBERNETES_VERSION}\n`);
  const options = await readOptions(flags);
  const logs = openLogs({ ...options.config.logging, program: text.name });
  const { log } = logs;
  for (const warning of options.warnings) log.warn({}, warning);
  const signal = takeSignals();
  await run(options, logs, signal);
  if (signal.aborted) log.info({ why: (signal.reason as Error).message }, `${text.name} ended`);
}

/** A user's mistake needs no stack; a programming error does. */
function explain(error: unknown, expected: Program<ProgramOptions>['expected']): string {
  if (!(error instanceof Error)) return String(error);
  return expected.some((is) => is(error)) ? error.message : (error.stack ?? error.message);
}

/** Resolves when more can be written: the rules of a large cluster take many megabytes. */
async function printOut(text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    process.stdout.write(text, (error) => {
      if (error) process.exit(0); // the reader (head, a pager) has closed the pipe
      resolve();
    });
  });
}
