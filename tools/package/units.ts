import type { PackagedProgram } from './programs.ts';

/**
 * Makes the unit of an installed program from that of deploy/systemd: another path, flags for the
 * packaged configuration, and flags of the operator's own.
 *
 * @throws {Error} when the unit does not have the one `ExecStart=` that is replaced
 */
export function packagedUnit(unit: string, { name, flags }: PackagedProgram): string {
  const command = /^ExecStart=(?:.*\\\n)*.*$/m;
  if (!command.test(unit)) throw new Error(`the unit of ${name} has no ExecStart=`);
  const lines = [
    `EnvironmentFile=-/etc/default/${name}`,
    `ExecStart=/usr/bin/${[name, ...flags].join(' ')} $${extraArgs(name)}`,
  ];
  const documented = unit.replace(
    /^\[Unit\]\n(Description=.*)$/m,
    `[Unit]\n$1\nDocumentation=man:${name}(8)`,
  );
  return documented.replace(command, () => lines.join('\n'));
}

/** `KUBELET_EXTRA_ARGS`, the name that kubeadm's drop-in uses as well. */
export const extraArgs = (name: string): string =>
  `${name.replaceAll('-', '_').toUpperCase()}_EXTRA_ARGS`;

/** The file below /etc/default. */
export function defaults(name: string): string {
  return `# Flags for ${name} besides those of its unit, for example -v=2.\n${extraArgs(name)}=\n`;
}
