import type { ProbeOutcome } from '../model/result.js';
import { headerProblem, type HttpRequest, planRedirect, requestUrl } from '../plan/http-request.js';
import type { Attempt } from '../ports.js';
import { exchange } from './http-exchange.js';

/**
 * Sends a GET; 200–399 is success. Follows redirects on the same host, at most ten requests in all,
 * within one deadline; a redirect to another host is a warning. Certificates are not verified.
 *
 * An answer whose body breaks off or is late is an error: the server is alive but cannot be judged.
 * So is a connection for which this machine has no room. (Kubernetes takes that for a failure, so its
 * containers are restarted when the kubelet has no file descriptor.)
 *
 * @see Kubernetes 1.36 pkg/probe/http/http.go
 */
export function createHttpProber(): Attempt<HttpRequest> {
  return async ({ timeoutMs, ...first }, signal) => {
    const problem = headerProblem(first);
    if (problem !== undefined) return { result: 'failure', detail: failureText(first, problem) };
    const endMs = performance.now() + timeoutMs;
    let request: HttpRequest = first;
    for (let hops = 0; ; hops += 1) {
      const answer = await exchange(request, Math.max(1, endMs - performance.now()), signal);
      if (answer.kind === 'failed') {
        const detail = failureText(request, answer.detail);
        if (answer.phase === 'here') return { result: 'error', detail };
        if (answer.phase === 'head') return { result: 'failure', detail };
        return { result: 'error', state: 'failure', detail };
      }
      const step = planRedirect(request, answer, hops);
      if (step.kind === 'answer') return judge(answer.status, answer.body);
      if (step.kind === 'fail') {
        return { result: 'failure', detail: failureText(request, step.detail) };
      }
      request = step.request;
    }
  };
}

function failureText(request: HttpRequest, detail: string): string {
  return `Get ${JSON.stringify(requestUrl(request))}: ${detail}`;
}

function judge(status: number, body: string): ProbeOutcome {
  if (status < 200 || status >= 400) {
    return { result: 'failure', detail: `HTTP probe failed with statuscode: ${status}` };
  }
  if (status < 300) return { result: 'success', detail: body };
  return { result: 'warning', detail: `Probe terminated redirects, Response body: ${body}` };
}
