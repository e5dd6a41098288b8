import type { Labels, Metrics } from '../ports.js';

/** Keeps the last value, or the sum, or all observations, under `name{label="value"}`. */
export class MemoryMetrics implements Metrics {
  readonly values = new Map<string, number>();
  readonly observations = new Map<string, number[]>();

  counter({ name }: { readonly name: string }): ReturnType<Metrics['counter']> {
    return {
      increment: (labels, by = 1) => {
        const key = seriesKey(name, labels);
        this.values.set(key, (this.values.get(key) ?? 0) + by);
      },
      remove: (labels) => void this.values.delete(seriesKey(name, labels)),
    };
  }

  gauge({ name }: { readonly name: string }): ReturnType<Metrics['gauge']> {
    return {
      set: (value, labels) => void this.values.set(seriesKey(name, labels), value),
      remove: (labels) => void this.values.delete(seriesKey(name, labels)),
    };
  }

  histogram({ name }: { readonly name: string }): ReturnType<Metrics['histogram']> {
    return {
      observe: (value, labels) => {
        const key = seriesKey(name, labels);
        this.observations.set(key, [...(this.observations.get(key) ?? []), value]);
      },
      remove: (labels) => void this.observations.delete(seriesKey(name, labels)),
    };
  }
}

function seriesKey(name: string, labels: Labels = {}): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  if (pairs.length === 0) return name;
  return `${name}{${pairs.map(([key, value]) => `${key}="${value}"`).join(',')}}`;
}
