export type MetricType = 'counter' | 'gauge';

/** The two lines before a metric's samples, and the samples; empty for a metric without samples. */
export function metricText(
  { name, help, type }: Readonly<{ name: string; help: string; type: MetricType }>,
  samples: string,
): string {
  return samples === '' ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples}`;
}

/** `a="1",b="2"` without braces, so that further labels can be appended. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(',');
}

function escapeLabel(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/**
 * One line of the text format.
 *
 * @param atMs time of the measurement; if absent, scrapers use the time of the scrape
 * @see Prometheus docs/instrumenting/exposition_formats.md
 */
export function sampleLine(name: string, labels: string, value: number, atMs?: number): string {
  const series = labels === '' ? name : `${name}{${labels}}`;
  return atMs === undefined ? `${series} ${value}\n` : `${series} ${value} ${Math.round(atMs)}\n`;
}

/** The content type of this text format. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
