import { ROLE_ROWS, type RoleRow } from './roles.ts';

const BEGIN = '<!-- roles: written from tools/lint/roles.ts -->';
const END = '<!-- /roles -->';

/** Renders the table "Folder roles" of docs/architecture.md in Markdown. */
export function renderRoles(): string {
  const rows = ROLE_ROWS.map(
    (row) => `| ${row.title} | ${row.holds} | ${importsOf(row)} | ${row.mayNot} |`,
  );
  const head = ['| where | holds | may import | may not |', '| --- | --- | --- | --- |'];
  const rest =
    'The exceptions that lint allows are in `tools/lint/roles.ts`, each with its reason.';
  return [...head, ...rows, '', rest].join('\n');
}

/** @throws {Error} when the page lacks the markers around the table */
export function withRoles(page: string, table: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from === -1 || to < from) throw new Error(`docs/architecture.md lacks ${BEGIN} … ${END}`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${table.trim()}\n\n${page.slice(to)}`;
}

function importsOf(row: RoleRow): string {
  const named = ROLE_ROWS.filter(({ roles }) => roles.some((role) => row.mayImport.includes(role)));
  const inside = named.map(({ title }) => title).join(', ');
  const outside = outsideOf(row);
  return `${row.typesOnly === true ? 'types of ' : ''}${inside}${outside}`;
}

function outsideOf({ outside }: RoleRow): string {
  if (outside === 'any') return '; Node.js, npm';
  const names = Object.keys(outside);
  if (names.length === 0) return '';
  return `; what is pure of ${names.map((name) => `\`${name}\``).join(', ')}`;
}
