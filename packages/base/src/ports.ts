/**
 * Two clocks that must not be mixed: the wall clock for timestamps, the monotonic clock for
 * intervals.
 */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch; may jump either way. */
  nowMs(): number;
  /** Milliseconds since an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /** Resolves early, with `'aborted'`, when the signal fires; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<'elapsed' | 'aborted'>;
}

/** Returns a number in [0, 1). Randomness is passed as an argument so that tests can replay it. */
export type Random = () => number;

/** Structured data of a log line; values must survive `JSON.stringify`. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Messages are constant text; data goes into fields, an error into the field `err`. pino satisfies
 * this port.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** Returns a logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

/** Label values by name; each combination is a time series of its own. */
export type Labels = Readonly<Record<string, string>>;

/** Declares a metric, with the names of all labels that its series will have. */
export interface MetricSpec {
  /** Full Prometheus name, e.g. `kubelet_running_pods`. */
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

/** A histogram has one time series per bucket and combination of labels, so keep both few. */
export interface HistogramSpec extends MetricSpec {
  /** Upper bounds in the metric's unit, ascending, without +Inf. */
  readonly buckets: readonly number[];
}

/** A Prometheus counter: a total that only grows, by 1 unless told otherwise. */
export interface Counter {
  increment(labels?: Labels, by?: number): void;
  /** Removes one series, for labels of something that no longer exists. */
  remove(labels: Labels): void;
}

/** A Prometheus gauge: a value that goes up and down. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
  /** Removes one series, for labels of something that no longer exists. */
  remove(labels: Labels): void;
}

/** A Prometheus histogram: counts observations by the buckets of its {@link HistogramSpec}. */
export interface Histogram {
  observe(value: number, labels?: Labels): void;
  /** Removes one series, for labels of something that no longer exists. */
  remove(labels: Labels): void;
}

/** Registers metrics. Asking twice for one name returns the same metric. */
export interface Metrics {
  counter(spec: MetricSpec): Counter;
  gauge(spec: MetricSpec): Gauge;
  histogram(spec: HistogramSpec): Histogram;
}

/** Declares one step of a trace. */
export interface SpanSpec {
  readonly name: string;
  /** `client`: a call to another program. */
  readonly kind: 'internal' | 'client';
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Records how long pieces of work took. */
export interface Tracer {
  /** Measures the work; spans started meanwhile become its children. Rejects as the work does. */
  span<T>(spec: SpanSpec, work: () => Promise<T>): Promise<T>;
}
