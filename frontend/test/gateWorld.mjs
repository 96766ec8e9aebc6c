// Tickets and lists as ticket-worker and api-service make them, for the gate's tests.
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export function makeKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { privateKey, kid: createHash('sha256').update(raw).digest('hex').slice(0, 8), publicKey: raw.toString('base64url') };
}

export const key = makeKey();
export const eventId = randomUUID();

function base32(bytes) {
  let [text, buffer, bits] = ['', 0, 0];
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xffff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += alphabet[(buffer >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + alphabet[(buffer << (5 - bits)) & 31] : text;
}

export function ticket({ ticketId = randomUUID(), event = eventId, issue = 1, signedBy = key } = {}) {
  const head = Buffer.alloc(44);
  head.write(signedBy.kid, 0, 'hex');
  head.write(ticketId.replaceAll('-', ''), 4, 'hex');
  head.write(event.replaceAll('-', ''), 20, 'hex');
  head.writeUInt16BE(issue, 36);
  const signature = sign(null, Buffer.concat([Buffer.from('EM-Connect ticket 1'), head]), signedBy.privateKey);
  return { text: `EM1:${base32(Buffer.concat([head, signature]))}`, ticketId, eventId: event, key: signedBy };
}

export function manifest(tickets, changes = {}) {
  return {
    eventId, title: 'Concert', startsAt: '2031-05-01T17:30:00.000Z', endsAt: '2031-05-01T20:00:00.000Z', timeZone: 'Europe/Berlin',
    checkInOpensAt: null, generatedAt: '2031-05-01T12:00:00.000Z', keys: [{ kid: key.kid, publicKey: key.publicKey }], tickets, ...changes,
  };
}

export function signedJSON(payload, { by = key, kid = 'service', type = 'em-manifest+jws', alg = 'EdDSA' } = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg, kid, typ: type })}.${part(payload)}`;
  return `${signed}.${sign(null, Buffer.from(signed), by.privateKey).toString('base64url')}`;
}
