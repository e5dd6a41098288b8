import { readFile } from 'node:fs/promises';

import { readForeignText } from '@nodeagent/base/files';

import { VolumeError } from '../model/errors.js';
import {
  countsProjects,
  parseProjects,
  parseUsage,
  reservedProjects,
} from '../plan/project-quota.js';
import type { ProjectQuotas } from '../ports.js';
import { CommandHelper } from './command-helper.js';

/**
 * Without a table of its own, xfs_quota looks at every mount of the machine, and hangs at that of a dead
 * file server. It gets the line of one mount on its standard input. `-f` lets it work on ext4, too.
 */
const ON_ONE_MOUNT =
  'printf "%s\\n" "$1" | xfs_quota -t /proc/self/fd/0 -D /dev/null -P /dev/null -x -f -c "$2" "$3"';
const NOT_FOUND = 127;
const ADMINISTRATORS = { links: 'followed', limitBytes: 1 << 20 } as const;

/** Uses xfs_quota of xfsprogs, chattr and lsattr of e2fsprogs: Node.js has neither quotactl nor ioctl. */
export function createProjectQuotas(): ProjectQuotas {
  const helper = new CommandHelper();
  const onMount = async (mountPoint: string, command: string) => {
    const line = mountLine(await readFile('/proc/self/mounts', 'utf8'), mountPoint);
    if (line === undefined) throw refuse(`${mountPoint} is not mounted`);
    return helper.run(['sh', '-c', ON_ONE_MOUNT, 'sh', line, command, mountPoint]);
  };
  const run = async (command: readonly string[]): Promise<string> => {
    const { exitCode, output } = await helper.run(command);
    if (exitCode !== 0) throw refuse(output || `${command[0] ?? ''}: exit code ${exitCode}`);
    return output;
  };
  return {
    problem: async (mountPoint) => {
      const { exitCode, output } = await onMount(mountPoint, 'state -p');
      if (exitCode === NOT_FOUND) return 'there is no program xfs_quota';
      if (countsProjects(output)) return undefined;
      return output === '' ? 'it is mounted without the option prjquota' : output;
    },
    usage: async (mountPoint, project) => {
      const only = project === undefined ? '' : ` -L ${project} -U ${project}`;
      const { output } = await onMount(mountPoint, `report -p -N -n -b -i${only}`);
      // It reports failures with exit code 0.
      if (output.includes('xfs_quota: ')) throw refuse(output);
      return parseUsage(output);
    },
    projectsOf: async (paths) => {
      const projects = parseProjects(await run(['lsattr', '-pd', ...paths]));
      if (projects.length !== paths.length)
        throw refuse(`lsattr left out some of ${paths.join(', ')}`);
      return projects;
    },
    assign: async (dir, project) => {
      await run(['chattr', '-p', String(project), '+P', dir]);
    },
    reserved: async () => {
      const [projects, projid] = await Promise.all([
        textOf('/etc/projects'),
        textOf('/etc/projid'),
      ]);
      return reservedProjects(projects, projid);
    },
  };
}

async function textOf(file: string): Promise<string> {
  return (await readForeignText(file, ADMINISTRATORS)) ?? '';
}

/** The last one covers the others. The kernel escapes some characters. @see proc_pid_mounts(5) */
function mountLine(mounts: string, mountPoint: string): string | undefined {
  const escaped = mountPoint.replace(
    /[ \t\n\\#]/g,
    (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return mounts.split('\n').findLast((line) => line.split(' ')[1] === escaped);
}

function refuse(text: string): VolumeError {
  return new VolumeError('VOLUME_IO', text);
}
