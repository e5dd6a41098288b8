export interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

/** An HTML listing with one link per entry; names may contain any character. */
export function directoryPage(entries: readonly DirectoryEntry[]): string {
  const lines = entries
    .map(({ name, isDirectory }) => (isDirectory ? `${name}/` : name))
    .sort()
    .map((name) => {
      const link = `./${encodeURIComponent(name).replaceAll('%2F', '/')}`;
      return `<a href="${link}">${name.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c)}</a>\n`;
    });
  return `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join('')}</pre>\n`;
}
