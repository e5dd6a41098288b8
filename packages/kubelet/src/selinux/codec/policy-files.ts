import type { ContainerLabels } from '../model/container-labels.js';

/** Settings in lines `name = value`, with comments; quotes around a value are dropped. */
function settingsIn(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').map((line) => line.trim());
  return new Map(
    lines.flatMap((line) => {
      const at = line.indexOf('=');
      if (at < 0 || /^[;#]/.test(line)) return [];
      const value = line.slice(at + 1).trim();
      return [[line.slice(0, at).trim(), value.replaceAll('"', '')] as const];
    }),
  );
}

/** Reads the policy's `contexts/lxc_contexts`, or the containers' own file in the same form. */
export function parseContainerLabels(text: string): ContainerLabels {
  const settings = settingsIn(text);
  return { process: settings.get('process') ?? '', file: settings.get('file') ?? '' };
}

/** Reads the name of the policy from `/etc/selinux/config`. @see selinux_config(5) */
export function parsePolicyName(text: string): string {
  return settingsIn(text).get('SELINUXTYPE') ?? 'targeted';
}
