import type { Setting } from './settings.ts';

/** A section of the page: a table of settings. */
export interface Section {
  readonly title: string;
  /** Sentences above the table. */
  readonly text: string;
  /** Name of the first column. */
  readonly column: string;
  readonly settings: readonly Setting[];
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
const code = (text: string): string => (text === '' ? '' : `\`${text}\``);

function table({ column, settings }: Section): string {
  const rows = settings.map(({ name, usual, effect, why, test }) => [
    ...[code(name), code(usual), effect, why, test].map(cell),
  ]);
  const head = [column, 'default', 'effect', 'instead', 'test'];
  return [head, head.map(() => '-'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** Renders the page; the formatter aligns its tables afterwards. */
export function renderPage(intro: string, sections: readonly Section[]): string {
  const parts = sections.map((section) => {
    const above = section.text === '' ? '' : `${section.text}\n\n`;
    return `## ${section.title}\n\n${above}${table(section)}\n`;
  });
  return `${intro}\n${parts.join('\n')}`;
}
