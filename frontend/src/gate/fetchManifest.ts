import { gates } from '../api/endpoints';
import { Problem } from '../api/problem';
import { asManifest, manifestType, withChanges } from './manifest';
import type { Manifest } from './manifest';
import { verifiedPayload } from './signedDocument';
import { t } from '../language/text';

export interface Progress {
  received: number;
  /** Null when the server doesn't say how much there is. */
  total: number | null;
}

/** A whole list may be a little older than now; what changed since then is asked for at once. */
const rounds = 3;

/**
 * Fetches what changed since the list that is known, or all of it, with its progress, and checks that api-service signed it.
 *
 * @returns null when nothing has changed
 */
export async function fetchManifest(
  eventId: string, known: Manifest | null, progress: (now: Progress) => void,
): Promise<Manifest | null> {
  let manifest: Manifest | null = null;
  for (let round = 0; round < rounds; round += 1) {
    const base = manifest ?? known;
    const response = await gates.manifest(eventId, base?.version ?? '');
    if (response.status === 304) break;
    const [compact, keys] = await Promise.all([readAll(response, progress), gates.keys()]);
    const read = asManifest(await verifiedPayload(compact, manifestType, keys), eventId);
    if (read === null) throw new Problem(0, 'manifest-forged', t('The list of tickets isn’t signed by this site. It was not taken.'));
    manifest = withChanges(base, read);
    if (read.since !== undefined) break;
  }
  return manifest;
}

async function readAll(response: Response, progress: (now: Progress) => void): Promise<string> {
  // What is read here is expanded already, whatever came over the network.
  const length = Number(response.headers.get('X-Content-Length'));
  const total = length > 0 ? length : null;
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
