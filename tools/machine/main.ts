/**
 * Boots a virtual machine with systemd, runs commands on it, and removes it.
 *
 *   npm run machine -- 'systemctl --failed; cat /sys/fs/cgroup/memory.pressure'
 */
import { createMachines } from '@nodeagent/testbed/machine';

import { SetupError } from '../setup/machine.ts';
import { ensurePackages } from '../setup/packages.ts';

const [script, ...rest] = process.argv.slice(2);
if (script === undefined || rest.length > 0) {
  console.error("Which commands? npm run machine -- 'systemctl --failed'");
  process.exit(2);
}

try {
  await ensurePackages(['machine', 'containers', 'network'], (text) => console.error(text));
  process.exitCode = await runOnMachine(script);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function runOnMachine(commands: string): Promise<number> {
  const machines = await createMachines('command');
  try {
    const machine = await machines.boot({ name: 'machine' });
    const { exitCode, stdout, stderr } = await machine.try(commands, { timeoutMs: 600_000 });
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    return exitCode;
  } finally {
    await machines.remove();
  }
}
