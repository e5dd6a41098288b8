/** The cost of one package for those who install it alone. */
export interface Cost {
  readonly name: string;
  /** Packages that the installation adds, the package itself included. */
  readonly packages: number;
  readonly mib: number;
  readonly installSeconds: number;
  /** The time that importing the root entry takes, in a new process. */
  readonly importMs: number;
  /** Resident memory of that process afterwards, minus that of one which imports nothing. */
  readonly rssMib: number;
}

const BEGIN = '<!-- sizes: written by tools/tests/packages -->';
const END = '<!-- end of sizes -->';

export function renderSizes(costs: readonly Cost[]): string {
  const rows = costs.map(({ name, packages, mib, installSeconds, importMs, rssMib }) => [
    `\`${name}\``,
    ...[String(packages), mib.toFixed(1), installSeconds.toFixed(1)],
    ...[importMs.toFixed(0), rssMib.toFixed(1)],
  ]);
  const head = ['package', 'packages', 'MiB', 'install s', 'import ms', 'memory MiB'];
  const width = head.map((cell, i) =>
    Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(width[i] ?? 0)).join(' | ')} |`;
  const rule = `| ${width.map((size) => '-'.repeat(size)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** Returns the README with this table in place of its own. */
export function withSizes(readme: string, table: string): string {
  const [before, rest] = cut(readme, BEGIN);
  const [, after] = cut(rest, END);
  return `${before}${BEGIN}\n\n${table}\n\n${END}${after}`;
}

/**
 * Compares with the README's table. The figures of time and memory depend on the machine, and a
 * registry may have newer versions of other people's packages: only what grew by more than a
 * quarter is a problem.
 */
export function sizeProblems(readme: string, costs: readonly Cost[]): readonly string[] {
  const [table] = cut(cut(readme, BEGIN)[1], END);
  const rows = new Map(
    table.split('\n').map((row) => {
      const [, name = '', packages, mib] = row.split('|').map((cell) => cell.trim());
      return [name.replaceAll('`', ''), { packages: Number(packages), mib: Number(mib) }];
    }),
  );
  return costs.flatMap(({ name, packages, mib }) => {
    const said = rows.get(name);
    if (said === undefined) return [`${name}: the README's table lacks it`];
    const more = packages > said.packages * 1.25 + 1 ? [`${packages} packages`] : [];
    const larger = mib > said.mib * 1.25 + 0.2 ? [`${mib.toFixed(1)} MiB`] : [];
    return [...more, ...larger].map(
      (now) => `${name}: ${now}, the README says ${said.packages} and ${said.mib} MiB`,
    );
  });
}

function cut(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  if (at === -1) throw new Error(`README.md lacks ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
