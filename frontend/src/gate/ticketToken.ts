// What a ticket's QR code says, as Sources/Domain/Tickets/TicketToken.swift documents it (version 1).

export interface TicketToken {
  /** Eight hex digits: the first four bytes of SHA-256 over the public key. */
  keyId: string;
  ticketId: string;
  eventId: string;
  /** 1 for the first ticket of a registration, rising with each reissue. */
  issue: number;
  signed: Uint8Array;
  signature: Uint8Array;
}

const prefix = 'EM1:';
const context = 'EM-Connect ticket 1';
const unsignedLength = 44;
const length = unsignedLength + 64;
const symbols = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Null when it isn't a ticket of ours. The signature is still to be verified. */
export function parseTicketToken(text: string): TicketToken | null {
  const upper = text.toUpperCase();
  if (text.length > 256 || !upper.startsWith(prefix)) return null;
  const bytes = decodeBase32(upper.slice(prefix.length));
  if (bytes === null || bytes.length !== length) return null;
  const numbers = new DataView(bytes.buffer);
  const signed = new Uint8Array(context.length + unsignedLength);
  signed.set([...context].map((letter) => letter.charCodeAt(0)));
  signed.set(bytes.subarray(0, unsignedLength), context.length);
  return {
    keyId: hex(bytes.subarray(0, 4)), ticketId: uuid(bytes.subarray(4, 20)), eventId: uuid(bytes.subarray(20, 36)),
    issue: numbers.getUint16(36), signed, signature: bytes.slice(unsignedLength),
  };
}

/** RFC 4648 §6 without padding; null for a foreign character, an impossible length or bits left over. */
export function decodeBase32(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (const letter of text) {
    const symbol = symbols.indexOf(letter);
    if (symbol < 0) return null;
    buffer = ((buffer << 5) | symbol) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at] = (buffer >> bits) & 0xff;
      at += 1;
    }
  }
  return bits < 5 && (buffer & ((1 << bits) - 1)) === 0 ? bytes : null;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function uuid(bytes: Uint8Array): string {
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
