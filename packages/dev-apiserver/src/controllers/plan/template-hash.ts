/** No vowels and no characters that look alike: hashes must not spell words. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/**
 * Returns a short name for a pod template: equal templates have equal hashes, whatever the order of
 * their fields.
 *
 * @param collisions increased when another template already has the name
 */
export function templateHash(template: unknown, collisions: number): string {
  const text = `${canonical(template)}#${collisions}`;
  let hash = 0x811c9dc5; // FNV-1a, 32 bits
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  const letter = (digit: string) => ALPHABET[digit.charCodeAt(0) % ALPHABET.length];
  return Array.from(String(hash), letter).join('');
}

/**
 * Writes JSON with sorted keys, without absent, null or empty members: servers add and drop these.
 */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) {
    const json = JSON.stringify(value) as string | undefined; // undefined has no JSON
    return json ?? '';
  }
  const members = Object.entries(value)
    .filter(([, member]) => !isEmpty(member))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`);
  return `{${members.join(',')}}`;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
