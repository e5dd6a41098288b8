/** A file of the site. */
export interface Page {
  /** Below the site's root: `guides/watch-a-log.html`. */
  readonly path: string;
  readonly html: string;
}

/** Largest page that a phone on a slow line should have to load, in bytes. */
export const MAX_PAGE_BYTES = 500_000;

const HREF = /\s(?:href|src)="([^"]*)"/g;
const ID = /\sid="([^"]*)"/g;
/** A scheme, or another host. */
const ABROAD = /^(?:[a-z][a-z+.-]*:|\/\/)/i;
/** Loads something while the page is shown. */
const LOADED =
  /<(?:script|img|iframe|source|video|audio)\b[^>]*\ssrc="([^"]*)"|<link\b[^>]*\shref="([^"]*)"|url\(['"]?(https?:[^)'"]*)/g;

/**
 * Finds links of pages that lead nowhere, whether the file or the heading is missing, things that a page
 * loads from other servers, and pages that are too large.
 *
 * @param others files that are not pages, below the site's root
 */
export function problemsOfPages(
  pages: readonly Page[],
  others: readonly string[],
): readonly string[] {
  const ids = new Map(pages.map(({ path, html }) => [path, idsOf(html)]));
  const files = new Set([...others, ...ids.keys()]);
  return pages.flatMap((page) => [
    ...deadLinks(page, files, ids),
    ...[...page.html.matchAll(LOADED)]
      .map(([, src, href, url]) => src ?? href ?? url ?? '')
      .filter((address) => ABROAD.test(address) && !address.startsWith('data:'))
      .map((address) => `${page.path} loads ${address} from another server`),
    ...sizeProblems(page),
  ]);
}

function deadLinks(
  { path, html }: Page,
  files: ReadonlySet<string>,
  ids: ReadonlyMap<string, ReadonlySet<string>>,
): readonly string[] {
  const links = new Set([...html.matchAll(HREF)].map(([, href = '']) => href));
  return [...links].flatMap((link) => {
    if (ABROAD.test(link)) return [];
    const { pathname, hash } = new URL(link.replaceAll('&amp;', '&'), `http://site/${path}`);
    const target = decodeURIComponent(pathname.slice(1)) || 'index.html';
    if (!files.has(target)) return [`${path} links to ${link}, which does not exist`];
    const heading = decodeURIComponent(hash.slice(1));
    if (heading === '' || ids.get(target)?.has(heading) !== false) return [];
    return [`${path} links to ${link}, which has no such heading`];
  });
}

function sizeProblems({ path, html }: Page): readonly string[] {
  const bytes = Buffer.byteLength(html);
  if (bytes <= MAX_PAGE_BYTES) return [];
  return [`${path} has ${bytes} bytes, over the limit of ${MAX_PAGE_BYTES}`];
}

function idsOf(html: string): ReadonlySet<string> {
  return new Set([...html.matchAll(ID)].map(([, id = '']) => id.replaceAll('&amp;', '&')));
}
