import { decodeBase64URL } from './base64url';
import { verifyEd25519 } from './ed25519';

export interface JSONWebKey {
  kid?: string;
  kty?: string;
  crv?: string;
  x?: string;
}

/**
 * The payload of a compact JWS (RFC 7515, RFC 8037), once its signature has been checked; null for one of another type,
 * by another algorithm, by an unknown key, or that was changed.
 */
export async function verifiedPayload(compact: string, type: string, keys: JSONWebKey[]): Promise<unknown> {
  const [head = '', body = '', tail = '', ...rest] = compact.split('.');
  const header = parse(decodeBase64URL(head)) as { alg?: string; typ?: string; kid?: string } | null;
  if (rest.length > 0 || header?.alg !== 'EdDSA' || header.typ !== type || !header.kid) return null;
  const key = keys.find((one) => one.kid === header.kid && one.crv === 'Ed25519');
  const [raw, signature, payload] = [decodeBase64URL(key?.x ?? ''), decodeBase64URL(tail), decodeBase64URL(body)];
  if (raw === null || signature === null || payload === null) return null;
  const isSigned = await verifyEd25519(raw, new TextEncoder().encode(`${head}.${body}`), signature);
  return isSigned ? parse(payload) : null;
}

function parse(bytes: Uint8Array | null): unknown {
  if (bytes === null) return null;
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    return null;
  }
}
