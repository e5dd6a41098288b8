import type { DbusMatch, DbusMessage } from '../model/message.js';

/** The bus itself, which has methods and signals as any other program on it. */
export const BUS = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

/** The signal that tells which connection has a name. */
export const OWNER_CHANGED: DbusMatch = {
  ...{ sender: BUS.destination, path: BUS.path, interface: BUS.interface },
  member: 'NameOwnerChanged',
};

/** The rule that makes the bus deliver these signals. */
export function matchRule({ sender, path, interface: name, member }: DbusMatch): string {
  const parts = { type: 'signal', sender, path, interface: name, member };
  return Object.entries(parts)
    .map(([key, value]) => `${key}='${value}'`)
    .join(',');
}

/** @returns undefined for any other message; `owner` is empty when nobody has the name any more */
export function ownerChange(
  message: DbusMessage,
): Readonly<{ name: string; owner: string }> | undefined {
  const isChange =
    message.sender === OWNER_CHANGED.sender &&
    message.interface === OWNER_CHANGED.interface &&
    message.member === OWNER_CHANGED.member;
  const [name, , owner] = message.body;
  if (!isChange || typeof name !== 'string' || typeof owner !== 'string') return undefined;
  return { name, owner };
}
