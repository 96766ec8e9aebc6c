/**
 * What the list of tickets has in place of a ticket's code: whoever reads a lost list can't type its codes elsewhere. The first
 * 16 bytes of SHA-512 over "event:code", in hexadecimal digits.
 */
export async function codeHash(eventId: string, code: string): Promise<string> {
  const text = new TextEncoder().encode(`${eventId}:${code}`);
  const bytes = (await sha512(text)).subarray(0, 16);
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function sha512(text: Uint8Array): Promise<Uint8Array> {
  try {
    return new Uint8Array(await crypto.subtle.digest('SHA-512', text));
  } catch {
    // On a page without HTTPS there is no `crypto.subtle`.
    const { default: nacl } = await import('tweetnacl');
    return nacl.hash(text);
  }
}
