import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { unlessKernelGone } from '@nodeagent/base/files';

/**
 * Writes limits of huge pages: of pages in use and, where the kernel has that limit too, of those
 * that are reserved for later use. A size that this machine lacks is left out.
 *
 * @param limits bytes by size, in the kernel's words: `2MB`, `1GB`, `64KB`; -1 is no limit
 * @see Linux Documentation/admin-guide/cgroup-v2.rst, HugeTLB; cgroup-v1/hugetlb.rst
 */
export function writeHugepageLimits(
  dir: string,
  limits: Readonly<Record<string, number>>,
  version: 1 | 2,
): void {
  const limit = version === 2 ? 'max' : 'limit_in_bytes';
  for (const [size, bytes] of Object.entries(limits)) {
    for (const file of [`hugetlb.${size}.${limit}`, `hugetlb.${size}.rsvd.${limit}`]) {
      try {
        // without O_CREAT, which a file system of cgroups refuses with EACCES
        writeFileSync(join(dir, file), textOf(bytes, version), { flag: 'r+' });
      } catch (error) {
        unlessKernelGone(error);
      }
    }
  }
}

function textOf(bytes: number, version: 1 | 2): string {
  return bytes < 0 && version === 2 ? 'max' : String(bytes);
}
