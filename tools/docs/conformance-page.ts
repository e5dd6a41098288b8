/** One test named by a row of docs/conformance.md. */
export interface NamedTest {
  /** Line number in the page, from 1. */
  readonly line: number;
  /** Below the repository's root. */
  readonly file: string;
  /** Titles as written, outermost first; `…` stands for any text. Empty for the whole file. */
  readonly titles: readonly string[];
}

const DEFAULT_DIR = 'packages/kubelet/tests';
const SECTION_DIR = /Paths of this section are below `([^`]+)`/;
const ALIAS = /`([A-Z0-9]+)`(?: stands)?\s+for\s+`([^`]+)`/g;
/** A test file, or `…` for the previous one. */
const PLACE = /((?:[\w-]+\/)+[\w.-]+\.test\.ts)|(?:(?<=^|; )… ›)/g;

/**
 * Parses the tests named in the last column of the page's tables: `FILE › title › title; … ›
 * title`. A section may define the folder of its paths, and names in capitals for folders. Text in
 * parentheses is a remark.
 */
export function namedTests(page: string): readonly NamedTest[] {
  const found: NamedTest[] = [];
  const aliases = new Map<string, string>();
  let dir = DEFAULT_DIR;
  page.split('\n').forEach((text, at) => {
    if (text.startsWith('## ')) dir = DEFAULT_DIR;
    dir = SECTION_DIR.exec(text)?.[1]?.replace(/\/$/, '') ?? dir;
    for (const [, name = '', folder = ''] of text.matchAll(ALIAS)) aliases.set(name, folder);
    const cells = text.split('|').map((cell) => cell.trim());
    const tests = cells.at(-2) ?? '';
    if (!text.startsWith('|') || /^-+$/.test(tests) || tests === 'test') return;
    found.push(...testsOf(tests, { line: at + 1, dir, aliases }));
  });
  return found;
}

function testsOf(
  cell: string,
  { line, dir, aliases }: { line: number; dir: string; aliases: ReadonlyMap<string, string> },
): readonly NamedTest[] {
  const text = cell.replaceAll(/ \([^)]*\)/g, '');
  const places = [...text.matchAll(PLACE)];
  let file = '';
  return places.map((place, at) => {
    const [whole, path] = place;
    if (path !== undefined) file = fullPath(path, dir, aliases);
    const from = place.index + (path === undefined ? whole.length - 1 : whole.length);
    const rest = text.slice(from, places[at + 1]?.index ?? text.length);
    return { line, file, titles: titlesOf(rest) };
  });
}

function fullPath(path: string, dir: string, aliases: ReadonlyMap<string, string>): string {
  const [first = '', ...rest] = path.split('/');
  const alias = aliases.get(first);
  return [alias ?? dir, ...(alias === undefined ? [first] : []), ...rest].join('/');
}

function titlesOf(text: string): readonly string[] {
  const end = text.replace(/[;,]?\s*(?:\w+ \w+:)?\s*$/, '');
  if (!end.trimStart().startsWith('›')) return [];
  return end
    .split('›')
    .map((title) => title.trim())
    .filter((title) => title !== '' && title !== '…');
}

/**
 * Reports whether sources contain a test of that title. Titles of table tests are composed from
 * their rows: for these, every word of four or more letters must occur in the sources.
 */
export function holdsTitle(sources: string, title: string): boolean {
  const plain = squeezed(sources);
  return title
    .split('…')
    .map((part) => squeezed(part).replace(/^, | ,$/g, ''))
    .filter((part) => part !== '')
    .every((part) => plain.includes(part) || (plain.includes('.each(') && holdsWords(plain, part)));
}

function holdsWords(sources: string, part: string): boolean {
  return (part.match(/[\p{L}\d-]{4,}/gu) ?? [part]).every((word) => sources.includes(word));
}

/** Returns the text as a reader sees it: without escapes and line breaks. */
function squeezed(text: string): string {
  return text
    .replaceAll(/\\(.)/g, '$1')
    .replaceAll(/[`*]/g, '')
    .replaceAll(/'\s*\+\s*'/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
