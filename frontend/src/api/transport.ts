import { noteServerDate } from '../time/serverClock';
import { Problem, readProblem } from './problem';

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below /api/v1. */
  path?: string;
  /** In place of `path`: an address elsewhere on this site. */
  at?: string;
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  cache?: RequestCache;
  /** A status that is an answer too, though it isn't 2xx. */
  expects?: number;
}

/** One request, with no knowledge of sessions. Throws a `Problem`, or the signal's AbortError. */
export async function send(call: Call): Promise<Response> {
  const headers = new Headers(call.headers);
  if (!headers.has('Accept')) headers.set('Accept', 'application/json');
  if (call.body !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json');
  let response: Response;
  try {
    response = await fetch(address(call), {
      method: call.method ?? 'GET',
      headers,
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      signal: call.signal,
      // Kept copies are used, but never without asking whether they are still right (ETag).
      cache: call.cache ?? 'no-cache',
    });
  } catch (thrown) {
    if (call.signal?.aborted) throw thrown;
    throw Problem.offline();
  }
  noteServerDate(response.headers.get('Date'));
  if (!response.ok && response.status !== call.expects) throw await readProblem(response);
  return response;
}

function address({ path, at, query = {} }: Call): string {
  if (at !== undefined) return at;
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return `/api/v1${path}${text ? `?${text}` : ''}`;
}
