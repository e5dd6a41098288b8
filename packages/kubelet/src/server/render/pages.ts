/** What the simple pages tell of the program. */
export interface ProgramFacts {
  /** `v1.36.0` */
  readonly version: string;
  /** Flags as they were given or defaulted, by name without dashes. */
  readonly flags: Readonly<Record<string, string>>;
  /** The configuration in force, in the file's form. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly startedAtMs: number;
}

const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';

/** @see Kubernetes 1.36 staging/src/k8s.io/component-base/zpages/flagz */
export function flagzPage({ flags }: ProgramFacts): string {
  const lines = Object.entries(flags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}\n`);
  return `\nkubelet flagz\n${WARNING}\n\n${lines.join('')}`;
}

/** @see Kubernetes 1.36 staging/src/k8s.io/component-base/zpages/statusz */
export function statuszPage({ version, startedAtMs }: ProgramFacts, nowMs: number): string {
  const up = Math.max(0, Math.floor((nowMs - startedAtMs) / 1000));
  const [hours, minutes, seconds] = [Math.floor(up / 3600), Math.floor(up / 60) % 60, up % 60];
  const pairs = [
    ['Started', new Date(startedAtMs).toUTCString()],
    ['Up', `${hours} hr ${pad(minutes)} min ${pad(seconds)} sec`],
    ['Binary version', version],
    ['Emulation version', version.replace(/^v(\d+\.\d+).*/, '$1')],
    ['Paths', '/configz /flagz /healthz /metrics /pods /runningpods /statusz'],
  ];
  const lines = pairs.map(([name, value]) => `${name}: ${value}\n`);
  return `\nkubelet statusz\n${WARNING}\n\n${lines.join('')}`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** `/configz`: the configuration under the name by which components register it. */
export function configzPage({ config }: ProgramFacts): unknown {
  return { kubeletconfig: config };
}
