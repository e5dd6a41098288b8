/**
 * Reports whether a value is nested more than `levels` deep. It walks level by level, so no depth
 * exhausts the stack: call it before passing a value to recursive code.
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
