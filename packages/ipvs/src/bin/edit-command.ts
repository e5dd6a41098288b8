import { addition, change, readSubject, removal, type Subject } from '../codec/command-words.js';
import { destinationKey, formatServiceId, type Ipvs, IpvsError, type Operation } from '../index.js';

type EditVerb = 'add' | 'edit' | 'delete';

export function isEditVerb(word: string): word is EditVerb {
  return word === 'add' || word === 'edit' || word === 'delete';
}

/**
 * Reads one change from the command line. Only `edit` asks the kernel, for what it is to keep.
 *
 * @throws {IpvsError} `IPVS_INVALID`, `IPVS_FAMILY`, `IPVS_SERVICE_MISSING`,
 * `IPVS_DESTINATION_MISSING`
 */
export async function planEdit(
  verb: EditVerb,
  words: readonly string[],
  { ipvs, signal }: { readonly ipvs: Ipvs; readonly signal: AbortSignal },
): Promise<Operation> {
  const subject = readSubject(words);
  if (verb === 'add') return addition(subject);
  return verb === 'delete'
    ? removal(subject)
    : change(subject, await present(subject, ipvs, signal));
}

async function present(
  { id, destination: key }: Subject,
  ipvs: Ipvs,
  signal: AbortSignal,
): Promise<Parameters<typeof change>[1]> {
  const name = formatServiceId(id);
  if (key !== undefined) {
    const destinations = await ipvs.listDestinations(id, signal);
    const destination = destinations.find((each) => destinationKey(each) === key);
    if (destination !== undefined) return { destination };
    throw new IpvsError('IPVS_DESTINATION_MISSING', `${name}: no server ${key}`);
  }
  const service = await ipvs.getService(id, signal);
  if (service !== undefined) return { service };
  throw new IpvsError('IPVS_SERVICE_MISSING', `${name}: no such service`);
}
