/** Abilities of the installed iptables, derived from its version. */
export interface IptablesFeatures {
  readonly version: string;
  /**
   * The kernel interface that it uses; undefined when the version text does not name it (before
   * 1.8).
   */
  readonly backend: 'nft' | 'legacy' | undefined;
  /** Arguments that make `iptables` wait for the table lock. */
  readonly waitArgs: readonly string[];
  /** Arguments that make `iptables-restore` wait for the table lock. */
  readonly restoreWaitArgs: readonly string[];
  /** `MASQUERADE --random-fully`. */
  readonly randomFully: boolean;
}

const WAIT_SECONDS = '5';

/**
 * @param text output of `iptables --version`: `iptables v1.8.9 (nf_tables)`
 * @returns undefined when the text has no version, or one before 1.4.20, which cannot wait for the
 * table lock
 */
export function featuresFromVersion(text: string): IptablesFeatures | undefined {
  const version = /v(\d+(?:\.\d+)+)/.exec(text)?.[1];
  if (version === undefined || !atLeast(version, '1.4.20')) return undefined;
  const waitTime = atLeast(version, '1.4.22');
  const modern = atLeast(version, '1.6.2');
  return {
    version,
    backend: text.includes('nf_tables') ? 'nft' : text.includes('legacy') ? 'legacy' : undefined,
    waitArgs: waitTime ? ['-w', WAIT_SECONDS] : ['-w'],
    restoreWaitArgs: modern ? ['-w', WAIT_SECONDS] : [],
    randomFully: modern,
  };
}

function atLeast(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => text.split('.').map(Number));
  for (const [i, want] of (b ?? []).entries()) {
    const have = a?.[i] ?? 0;
    if (have !== want) return have > want;
  }
  return true;
}
