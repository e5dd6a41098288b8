import { renderMermaidSVG } from 'beautiful-mermaid';

interface Token {
  readonly info: string;
  readonly content: string;
}

type Rule = (tokens: readonly Token[], at: number, ...rest: readonly unknown[]) => string;

/** The part of a markdown-it parser that draws code blocks; it has no types of its own. */
interface Parser {
  readonly renderer: { readonly rules: { fence?: Rule } };
}

/** Colours are the page's, so a diagram follows light and dark. */
const COLOURS = { bg: 'var(--color-background)', fg: 'var(--color-text)', transparent: true };

/** The drawing asks for a font of a public server, which a page must not depend on. */
const REMOTE_FONT = /@import url\([^)]*\);/g;

/** Turns a Mermaid source into SVG. @throws when the source is no diagram */
export function drawMermaid(source: string): string {
  return renderMermaidSVG(source, COLOURS).replace(REMOTE_FONT, '');
}

/** A markdown-it plug-in: blocks in `mermaid` become drawings while the site is built. */
export function drawDiagrams(parser: Parser): void {
  const { rules } = parser.renderer;
  const { fence } = rules;
  if (fence === undefined) throw new Error('The parser draws no code blocks');
  let drawn = 0;
  rules.fence = (tokens, at, ...rest) => {
    const token = tokens[at];
    if (token?.info.trim() !== 'mermaid') return fence(tokens, at, ...rest);
    // ids are unique in a document only, and a page may have several drawings
    drawn += 1;
    const svg = drawMermaid(token.content)
      .replace(/\bid="([\w-]+)"/g, `id="$1-${drawn}"`)
      .replace(/url\(#([\w-]+)\)/g, `url(#$1-${drawn})`);
    return `<figure class="diagram">${svg}</figure>`;
  };
}
