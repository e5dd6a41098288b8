/**
 * Whether a value has members of members deeper than so many levels. Walks level by level, so that
 * no depth exhausts the stack: ask before a value goes to code that recurses.
 */
export function isDeeperThan(value: unknown, levels: number): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth <= levels; depth++) {
    const next: unknown[] = [];
    for (const each of level) {
      if (typeof each !== 'object' || each === null) continue;
      for (const member of Object.values(each)) next.push(member);
    }
    if (next.length === 0) return false;
    level = next;
  }
  return true;
}
