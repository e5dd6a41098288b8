/** Time, as two clocks that must not be mixed: the wall's for stamps, the monotonic for intervals. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch; may jump either way. */
  nowMs(): number;
  /** Milliseconds since an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /** Resolves early, with `'aborted'`, when the signal fires; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<'elapsed' | 'aborted'>;
}

/** A number in [0, 1); an argument wherever chance enters, so that tests can replay it. */
export type Random = () => number;

export type LogFields = Readonly<Record<string, unknown>>;

/** Constant message, data in fields, an error under `err`. pino satisfies it. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

export type Labels = Readonly<Record<string, string>>;

export interface MetricSpec {
  /** Full Prometheus name, e.g. `kubelet_running_pods`. */
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

export interface HistogramSpec extends MetricSpec {
  /** Upper bounds in the metric's unit, ascending, without +Inf. */
  readonly buckets: readonly number[];
}

export interface Counter {
  increment(labels?: Labels, by?: number): void;
  /** Forgets one series, for labels that name something that is gone. */
  remove(labels: Labels): void;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
  /** Forgets one series, for labels that name something that is gone. */
  remove(labels: Labels): void;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
  /** Forgets one series, for labels that name something that is gone. */
  remove(labels: Labels): void;
}

/** Where measurements go. Asking twice for one name gives the same metric. */
export interface Metrics {
  counter(spec: MetricSpec): Counter;
  gauge(spec: MetricSpec): Gauge;
  histogram(spec: HistogramSpec): Histogram;
}

export interface SpanSpec {
  readonly name: string;
  /** `client`: a call to another program. */
  readonly kind: 'internal' | 'client';
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Where it is told what took how long. */
export interface Tracer {
  /** Measures the work; what it begins meanwhile counts as part of it. Fails as the work does. */
  span<T>(spec: SpanSpec, work: () => Promise<T>): Promise<T>;
}
