import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { TestbedError } from './errors.ts';
import { identify, isAlive, isGone, type ProcessId } from './proc.ts';

/**
 * Every running testbed claims a numbered folder here. The number determines its addresses, and the
 * files in the folder let a later run clean up after a killed one. The path is short because the
 * unix sockets are here too, and their paths are limited to 107 bytes.
 */
const CLAIMS_DIR = '/run/nodeagent-testbed';
const MAX_CLAIMS = 200;

export interface Claim {
  /** 0 to 199. */
  readonly index: number;
  /** Unique forever: marks processes and names the network namespace and the cgroups. */
  readonly id: string;
  /** The folder for files; removed with the testbed. */
  readonly dir: string;
  readonly runDir: string;
  readonly owner: ProcessId;
}

/**
 * Claims the lowest free number. Creating the claim's folder is the atomic step. The folder for
 * files is created last, so that it never exists without a claim.
 *
 * @param baseDir the parent of the folder for files
 * @param name the start of the folder's name
 */
export async function takeClaim(baseDir: string, name: string): Promise<Claim> {
  await mkdir(CLAIMS_DIR, { recursive: true });
  const owner = identify(process.pid);
  if (owner === undefined) throw new Error('this process is not in /proc');
  for (let index = 0; index < MAX_CLAIMS; index++) {
    const runDir = join(CLAIMS_DIR, String(index));
    if (!(await createFolder(runDir))) continue;
    const id = `na${index}-${randomBytes(3).toString('hex')}`;
    const claim: Claim = { index, id, dir: join(baseDir, `${name}-${id}`), runDir, owner };
    await writeFile(join(runDir, 'claim.new'), JSON.stringify(claim));
    await rename(join(runDir, 'claim.new'), join(runDir, 'claim.json'));
    await mkdir(claim.dir, { recursive: true });
    return claim;
  }
  throw new TestbedError('TESTBED_NO_SPACE_LEFT', `${MAX_CLAIMS} testbeds are running already`);
}

export async function dropClaim(claim: Claim): Promise<void> {
  if ((await readClaim(claim.runDir))?.id !== claim.id) return;
  await rm(claim.runDir, { recursive: true, force: true });
}

/** Returns claims whose owner died without cleaning up. */
export async function findDeadClaims(): Promise<readonly Claim[]> {
  const names = await readdir(CLAIMS_DIR).catch((error: unknown) => {
    if (isGone(error)) return [];
    throw error;
  });
  const claims = await Promise.all(names.map((name) => readClaim(join(CLAIMS_DIR, name))));
  return claims.filter((claim) => claim !== undefined && !isAlive(claim.owner)) as Claim[];
}

/**
 * A folder without a claim file is one that is just being claimed, or whose claimer died at that
 * moment.
 */
async function readClaim(runDir: string): Promise<Claim | undefined> {
  try {
    return JSON.parse(await readFile(join(runDir, 'claim.json'), 'utf8')) as Claim;
  } catch (error) {
    if (!isGone(error)) throw error;
    const ageMs = await stat(runDir).then(
      (s) => Date.now() - s.mtimeMs,
      () => 0,
    );
    if (ageMs > 60_000) await rm(runDir, { recursive: true, force: true });
    return undefined;
  }
}

async function createFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
