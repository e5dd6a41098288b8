import type { Profiler } from '../ports.js';

export interface ProfileRequest {
  /** `/debug/pprof/heap` */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** An HTTP answer with a profile, or with a text about the profiles that there are. */
export interface ProfilePage {
  readonly status: number;
  readonly contentType: string;
  /** Name of a file in which a client saves the page. */
  readonly fileName?: string;
  readonly body: string | AsyncIterable<Uint8Array>;
}

/**
 * The path of Go's profiles. Those served below it are for Node's tools: `.cpuprofile` and heap
 * snapshots.
 */
export const PROFILE_PATH = '/debug/pprof';

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';
const USUAL_SECONDS = 30;
/** A profile grows while it is made. */
const MOST_SECONDS = 600;

const INDEX = `${PROFILE_PATH}/

Profiles of this process, for the developer tools of a browser:
heap: every object in memory (.heapsnapshot); the process stands still meanwhile
profile: CPU time by function (.cpuprofile), for ?seconds=${USUAL_SECONDS}
`;

/**
 * Answers a request below {@link PROFILE_PATH}. The paths are those of Go's pprof, the profiles
 * those of V8; profiles that only Go has answer 404.
 */
export async function profilePage(
  { path, query }: ProfileRequest,
  profiler: Profiler,
  signal: AbortSignal,
): Promise<ProfilePage> {
  switch (path.slice(PROFILE_PATH.length).replaceAll('/', '')) {
    case '':
      return { status: 200, contentType: TEXT, body: INDEX };
    case 'heap':
      return {
        ...{ status: 200, contentType: JSON_TYPE, fileName: 'heap.heapsnapshot' },
        body: profiler.heap(),
      };
    case 'profile':
      return {
        ...{ status: 200, contentType: JSON_TYPE, fileName: 'cpu.cpuprofile' },
        body: await profiler.cpu(secondsOf(query), signal),
      };
    default:
      return { status: 404, contentType: TEXT, body: 'Unknown profile\n' };
  }
}

/** Like Go's pprof, takes anything but a positive number for the usual time. */
function secondsOf(query: URLSearchParams): number {
  const text = query.get('seconds') ?? '';
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return seconds === 0 ? USUAL_SECONDS : Math.min(seconds, MOST_SECONDS);
}
