import type { LogFields, Logger } from '@nodeagent/base';
import pino from 'pino';

export interface LoggerOptions {
  /** `text` is klog's line form: `I1121 07:45:05.123456  4711 kubelet] "Pod started" pod="ns/name"`. */
  readonly format: 'text' | 'json';
  /** klog's `-v`; debug lines appear from 2 upwards. */
  readonly verbosity: number;
  /** The program's name in text lines. */
  readonly program: string;
}

/** Writes each entry as one line to stderr, without buffering, so that a kill loses nothing. */
export function createLogger(options: LoggerOptions): Logger {
  const destination =
    options.format === 'json'
      ? pino.destination({ dest: 2, sync: true })
      : { write: (line: string) => void process.stderr.write(klogLine(line, options.program)) };
  return pino(
    {
      level: options.verbosity >= 2 ? 'debug' : 'info',
      base: null,
      serializers: { err: errorFields },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"ts":${Date.now()}`,
    },
    destination,
  );
}

/** Pino's fields of an error, with a message that names each cause once. */
function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return { ...pino.stdSerializers.err(error), message: wholeMessage(error) };
}

/** Most causes that one message names. */
const MOST_CAUSES = 10;

/** Joins an error's message with those of its causes that it does not quote already. */
function wholeMessage(error: Error): string {
  let text = error.message;
  let at: unknown = error.cause;
  for (let depth = 0; at instanceof Error && depth < MOST_CAUSES; depth += 1) {
    if (!text.includes(at.message)) text = `${text}: ${at.message}`;
    at = at.cause;
  }
  return text;
}

const LETTERS: Readonly<Record<string, string>> = { debug: 'I', info: 'I', warn: 'W', error: 'E' };

/** Converts pino's JSON line to klog's form. */
function klogLine(json: string, program: string): string {
  const { level, ts, msg, ...fields } = JSON.parse(json) as LogFields;
  const when = new Date(Number(ts)).toISOString();
  const stamp = `${when.slice(5, 7)}${when.slice(8, 10)} ${when.slice(11, 23)}000`;
  const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${shown(value)}`);
  const letter = LETTERS[String(level)] ?? 'I';
  return `${letter}${stamp} ${process.pid} ${program}] ${JSON.stringify(msg)}${pairs.join('')}\n`;
}

function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = value as LogFields;
  const { namespace, name, message } = fields;
  if (message !== undefined) return JSON.stringify(withCause(fields));
  if (name !== undefined && namespace !== undefined)
    return JSON.stringify(`${textOf(namespace)}/${textOf(name)}`);
  return JSON.stringify(JSON.stringify(value));
}

function withCause({ code, message }: LogFields): string {
  const [text, tag] = [textOf(message), textOf(code ?? '')];
  return text.includes(tag) ? text : `${text} (${tag})`;
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
