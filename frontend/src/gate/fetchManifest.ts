import { gates } from '../api/endpoints';
import { Problem } from '../api/problem';
import { asManifest, manifestType } from './manifest';
import type { Manifest } from './manifest';
import { verifiedPayload } from './signedDocument';
import { t } from '../language/text';

export interface Progress {
  received: number;
  /** Null when the server doesn't say how much there is. */
  total: number | null;
}

/**
 * Fetches the event's list with its progress, and checks that api-service signed it.
 *
 * @returns null when `etag`'s is still the newest
 */
export async function fetchManifest(
  eventId: string, etag: string | null, progress: (now: Progress) => void,
): Promise<{ manifest: Manifest; etag: string | null } | null> {
  const response = await gates.manifest(eventId, etag);
  if (response.status === 304) return null;
  const [compact, keys] = await Promise.all([readAll(response, progress), gates.keys()]);
  const manifest = asManifest(await verifiedPayload(compact, manifestType, keys), eventId);
  if (manifest === null) throw new Problem(0, 'manifest-forged', t('The list of tickets isn’t signed by this site. It was not taken.'));
  return { manifest, etag: response.headers.get('ETag') };
}

async function readAll(response: Response, progress: (now: Progress) => void): Promise<string> {
  const length = Number(response.headers.get('Content-Length'));
  // A compressed answer's length is not what is read here.
  const total = length > 0 && !response.headers.has('Content-Encoding') ? length : null;
  const reader = response.body?.getReader();
  if (!reader) return response.text();
  const decoder = new TextDecoder();
  let text = '';
  let received = 0;
  progress({ received, total });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      received += value.length;
      text += decoder.decode(value, { stream: true });
      progress({ received, total });
    }
  } catch {
    throw Problem.offline();
  }
}
