import { stringify } from 'yaml';

import { isWantedType, parseAccept, type WantedForm } from '../codec/negotiate.js';

/** The facts about a program that `/flagz` and `/statusz` show. */
export interface ProgramSelf {
  /** `kubelet` */
  readonly component: string;
  /** `v1.36.0` */
  readonly version: string;
  /** Node.js's version, `v26.0.0`. */
  readonly runtimeVersion: string;
  /** Flag values by name without dashes; secrets are left out. */
  readonly flags: Readonly<Record<string, string>>;
  readonly startedAtMs: number;
  /** Other served pages; only the first path element is shown. */
  readonly paths: readonly string[];
}

/** An HTTP answer with a page such as `/statusz`. */
export interface ZPage {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Renders `/flagz`: plain text, or a `Flagz` of `config.k8s.io` in JSON or YAML for
 * `application/json;g=config.k8s.io;v=v1beta1;as=Flagz`.
 *
 * @param accept the request's header; empty means plain text
 * @see Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/server/flagz
 */
export function flagzPage(self: ProgramSelf, accept = ''): ZPage {
  const flags = Object.fromEntries(Object.entries(self.flags).sort(([a], [b]) => (a < b ? -1 : 1)));
  const lines = Object.entries(flags).map(([name, value]) => `${name}=${value}\n`);
  return page(self.component, accept, {
    kind: 'Flagz',
    text: lines.join(''),
    fields: Object.keys(flags).length > 0 ? { flags } : {},
  });
}

/**
 * Renders `/statusz` in the same forms.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/server/statusz
 */
export function statuszPage(self: ProgramSelf, nowMs: number, accept = ''): ZPage {
  const { startedAtMs, runtimeVersion } = self;
  const startedS = Math.floor(startedAtMs / 1000);
  const up = Math.max(0, Math.floor(nowMs / 1000) - startedS);
  const [hours, minutes, seconds] = [Math.floor(up / 3600), Math.floor(up / 60) % 60, up % 60];
  const started = new Date(startedS * 1000);
  const binaryVersion = self.version.replace(/^v/, '');
  const emulationVersion = binaryVersion.split('.', 2).join('.');
  const paths = firstElements(self.paths);
  const pairs = [
    ['Started', unixDate(started)],
    ['Up', `${hours} hr ${twoDigits(minutes)} min ${twoDigits(seconds)} sec`],
    ['Node.js version', runtimeVersion],
    ['Binary version', binaryVersion],
    ['Emulation version', emulationVersion],
    ['Paths', paths.join(' ')],
  ];
  return page(self.component, accept, {
    kind: 'Statusz',
    text: `\n${pairs.map(([name, value]) => `${name}: ${value}\n`).join('')}`,
    fields: {
      startTime: started.toISOString().replace('.000Z', 'Z'),
      uptimeSeconds: up,
      // not Go's version: the type has no other field for Node's
      goVersion: '',
      ...{ binaryVersion, emulationVersion, paths },
    },
  });
}

interface Content {
  readonly kind: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const GROUP = 'config.k8s.io';
const VERSIONS = ['v1alpha1', 'v1beta1'];
/** In the order in which a wildcard selects them. */
const STRUCTURED = ['application/json', 'application/yaml'];
const TYPES = [...STRUCTURED, 'text/plain'];
const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';

function page(component: string, accept: string, content: Content): ZPage {
  const { kind, text, fields } = content;
  const form = accept.trim() === '' ? { type: 'text/plain' } : chooseForm(accept, kind);
  if (form === undefined) return notAcceptable();
  if (form.version === undefined) {
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    const path = kind.toLowerCase();
    return { status: 200, headers, body: `\n${component} ${path}\n${WARNING}\n${text}` };
  }
  const apiVersion = `${GROUP}/${form.version}`;
  const object = { kind, apiVersion, metadata: { name: component }, ...fields };
  const path = kind.toLowerCase();
  const isOld = form.version !== 'v1beta1';
  const headers = {
    'content-type': form.type,
    ...(isOld && {
      warning: `299 - "This version of the ${path} endpoint is deprecated. Please use a newer version."`,
    }),
  };
  const isJson = form.type === 'application/json';
  const body = isJson ? `${JSON.stringify(object)}\n` : stringify(object, { sortMapEntries: true });
  return { status: 200, headers, body };
}

function chooseForm(
  accept: string,
  kind: string,
): Readonly<{ type: string; version?: string }> | undefined {
  for (const wanted of parseAccept(accept)) {
    const type = TYPES.find((one) => isWantedType(wanted.type, one) && isServed(one, wanted, kind));
    if (type === undefined) continue;
    return wanted.kind === undefined ? { type } : { type, version: wanted.kind.version };
  }
  return undefined;
}

/** Plain text has no kind; the structured forms are requested by kind and version. */
function isServed(type: string, { kind: wanted }: WantedForm, kind: string): boolean {
  if (!STRUCTURED.includes(type)) return wanted === undefined;
  return wanted?.group === GROUP && wanted.kind === kind && VERSIONS.includes(wanted.version);
}

function notAcceptable(): ZPage {
  const status = {
    ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' },
    message: `only the following media types are accepted: ${TYPES.join(', ')}`,
    ...{ reason: 'NotAcceptable', code: 406 },
  };
  const headers = { 'content-type': 'application/json' };
  return { status: 406, headers, body: JSON.stringify(status) };
}

function firstElements(paths: readonly string[]): readonly string[] {
  const found = paths.flatMap((path) => {
    const first = path.split('/', 2)[1] ?? '';
    return first === '' ? [] : [`/${first}`];
  });
  return [...new Set(found)].sort();
}

/** Formats as `date` does: `Sun Nov  2 12:00:00 UTC 2026`. */
function unixDate(date: Date): string {
  const [weekday, day = '', month, year, time] = date.toUTCString().split(/,? /);
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} UTC ${year}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
