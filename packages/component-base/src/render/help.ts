import type { FlagSpec } from '../model/flag.js';

/** The head of a program's `--help`. */
export interface ProgramText {
  readonly name: string;
  /** One paragraph. */
  readonly about: string;
}

/** Renders the text of `--help`: every flag that has an effect, in the table's order. */
export function renderHelp(program: ProgramText, table: readonly FlagSpec[]): string {
  const rows = table
    .filter(({ ignored }) => ignored === undefined)
    .map((spec) => [left(spec), right(spec)] as const);
  const width = Math.max(...rows.map(([text]) => text.length));
  const lines = rows.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`);
  return [program.about, '', `Usage: ${program.name} [flags]`, '', 'Flags:', ...lines, ''].join(
    '\n',
  );
}

function left({ name, short, kind }: FlagSpec): string {
  const dashes = short === undefined ? `    --${name}` : `-${short}, --${name}`;
  return kind === 'boolean' ? dashes : `${dashes} ${kind}`;
}

function right({ help, default: value, deprecated }: FlagSpec): string {
  const shown = value === undefined ? '' : ` (default ${value})`;
  return `${help}${shown}${deprecated === undefined ? '' : ` (DEPRECATED: ${deprecated})`}`;
}
