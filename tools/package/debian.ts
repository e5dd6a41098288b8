import { type Architecture, type PackagedProgram, packageOf } from './programs.ts';

export interface DebianOptions {
  /** `0.1.0` */
  readonly version: string;
  readonly architecture: Architecture;
  /** Size of all installed files in KiB. */
  readonly installedKib: number;
}

const MAINTAINER = 'nodeagent maintainers <maintainers@nodeagent.invalid>';

/** @see Debian Policy 5.3, "Binary package control files" */
export function controlFile(program: PackagedProgram, options: DebianOptions): string {
  const { version, architecture, installedKib } = options;
  const list = (names: readonly string[]): string => names.join(', ');
  return [
    `Package: ${packageOf(program)}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${installedKib}`,
    `Depends: ${list([`libc6 (>= 2.28)`, 'libatomic1', 'libgcc-s1', 'libstdc++6 (>= 11)', ...program.depends])}`,
    `Recommends: ${list(program.recommends)}`,
    `Conflicts: ${list(program.conflicts)}`,
    `Replaces: ${list(program.conflicts)}`,
    `Provides: ${list(program.conflicts)}`,
    'Section: admin',
    'Priority: optional',
    `Description: ${program.summary}`,
    ...program.description.map((line) => ` ${line}`),
    '',
  ].join('\n');
}

/** Installed files that an operator may change. */
export function conffiles({ name, configuration }: PackagedProgram): string {
  return `/etc/default/${name}\n/etc/nodeagent/${configuration}\n`;
}

const RELOAD = `if [ -d /run/systemd/system ]; then
  systemctl --system daemon-reload >/dev/null || true
fi`;

/** Starts nothing: `systemctl enable --now` is the operator's decision. */
export function postinst(): string {
  return `#!/bin/sh
set -e
if [ "$1" = configure ]; then
  ${indented(RELOAD)}
fi
`;
}

/** A removed program must not run on; an upgraded one goes on until its service is restarted. */
export function prerm({ name }: PackagedProgram): string {
  // without the proxy its rules would go on sending connections to endpoints of yesterday
  const cleanUp = name === 'kube-proxy' ? '\n  kube-proxy --cleanup || true' : '';
  return `#!/bin/sh
set -e
if [ "$1" = remove ]; then
  if [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop ${name}.service || true
  fi${cleanUp}
fi
`;
}

/**
 * Purges state as well. Volumes of API objects live in memory and are unmounted; anything else that is
 * mounted below belongs to somebody, so it and its directory stay.
 */
export function postrm({ name, state }: PackagedProgram): string {
  const removals = state.map(
    (dir) => `  if [ -d ${dir} ]; then
    grep -o ' ${dir}/[^ ]* tmpfs ' /proc/mounts | sort -r | while read -r place _; do
      umount "$place" || true
    done
    if grep -q ' ${dir}[/ ]' /proc/mounts; then
      echo "${dir} stays: something is mounted there (findmnt -R ${dir})" >&2
    else
      rm -rf --one-file-system ${dir}
    fi
  fi`,
  );
  return `#!/bin/sh
set -e
if [ "$1" = remove ] || [ "$1" = purge ]; then
  ${indented(RELOAD)}
fi
if [ "$1" = purge ]; then
  # made by \`systemctl enable\`
  rm -f /etc/systemd/system/multi-user.target.wants/${name}.service
${[...removals, ...(name === 'kubelet' ? [SLICES] : [])].join('\n')}
  rmdir --ignore-fail-on-non-empty /etc/nodeagent 2>/dev/null || true
fi
`;
}

/**
 * Stops the slices that systemd keeps for pods. Containers in them belong to somebody. With cgroup v1
 * they stay until the next boot.
 */
const SLICES = `  if grep -qs 'populated 0' /sys/fs/cgroup/kubepods.slice/cgroup.events; then
    deb-systemd-invoke stop kubepods.slice || true
  fi`;

const indented = (text: string): string => text.replaceAll('\n', '\n  ');

/** @param date in the form of RFC 5322 */
export function changelog(program: PackagedProgram, version: string, date: string): string {
  return `${packageOf(program)} (${version}) unstable; urgency=medium

  * Release ${version}; what changed is in the history of the repository.

 -- ${MAINTAINER}  ${date}
`;
}

/**
 * @see https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
 */
export function copyright(program: PackagedProgram): string {
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: nodeagent
Comment: The executable holds Node.js. Its licence and those of its parts are in
 /usr/share/doc/${packageOf(program)}/licenses.gz.

Files: *
Copyright: 2026 the authors of nodeagent
License: Apache-2.0

License: Apache-2.0
 On Debian systems, the text of this licence is in
 /usr/share/common-licenses/Apache-2.0.
`;
}

/** Findings of lintian that are meant, with the reason. */
export function lintianOverrides(program: PackagedProgram): string {
  const name = packageOf(program);
  return `# Node.js is inside the executable, as its authors build it.
${name}: embedded-library
${name}: hardening-no-pie
`;
}
