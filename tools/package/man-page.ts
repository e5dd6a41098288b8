/** A program as its own `--help` describes it. */
export interface HelpText {
  readonly about: string;
  readonly usage: string;
  readonly flags: readonly Readonly<{ flag: string; text: string }>[];
}

/** Two blanks or more separate a flag from what is said of it. */
const FLAG = /^ +(-\S.*?) {2,}(\S.*)$/;

/** @throws {Error} when the text does not have the form of `--help` */
export function parseHelp(text: string): HelpText {
  const [about = '', usage = ''] = text.split('\n').filter((line) => line !== '');
  const flags = text.split('\n').flatMap((line) => {
    const [, flag, said] = FLAG.exec(line) ?? [];
    return flag === undefined || said === undefined ? [] : [{ flag, text: said }];
  });
  if (!usage.startsWith('Usage: ') || flags.length === 0) throw new Error('no help text');
  return { about, usage: usage.slice('Usage: '.length), flags };
}

export interface ManPageOptions {
  readonly name: string;
  readonly summary: string;
  readonly version: string;
  /** `2026-11-23` */
  readonly date: string;
  readonly files: readonly Readonly<{ path: string; text: string }>[];
}

/** Renders a page of section 8 for man(7). */
export function manPage(help: HelpText, options: ManPageOptions): string {
  const { name, summary, version, date, files } = options;
  const entry = (term: string, text: string): string =>
    `.TP\n.B ${escaped(term)}\n${escaped(text)}`;
  return [
    `.TH ${name.toUpperCase()} 8 "${date}" "nodeagent ${version}" "System Administration"`,
    `.SH NAME\n${escaped(name)} \\- ${escaped(summary)}`,
    `.SH SYNOPSIS\n${escaped(help.usage)}`,
    `.SH DESCRIPTION\n${escaped(help.about)}`,
    `.SH OPTIONS`,
    ...help.flags.map(({ flag, text }) => entry(flag, text)),
    `.SH FILES`,
    ...files.map(({ path, text }) => entry(path, text)),
    `.SH SEE ALSO\n.BR systemctl (1),\n.BR journalctl (1)\n`,
  ].join('\n');
}

/** A line of text, in which nothing is a command of troff's. */
function escaped(text: string): string {
  const plain = text.replaceAll('\\', String.raw`\e`).replaceAll('-', String.raw`\-`);
  return /^[.']/.test(plain) ? String.raw`\&${plain}` : plain;
}
