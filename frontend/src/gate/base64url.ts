/** What may follow the last whole group of four: the bits that no byte takes are zero. */
const ending = /^(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$/;

/** Null for what isn't base64url. Each value has one spelling (RFC 4648 §3.5). */
export function decodeBase64URL(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return null;
  if (!ending.test(text.slice(text.length - (text.length % 4)))) return null;
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = new Uint8Array(binary.length);
    for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
    return bytes;
  } catch {
    return null;
  }
}
