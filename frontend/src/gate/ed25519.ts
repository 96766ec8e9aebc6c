// Ed25519 by WebCrypto where the browser has it (since 2023 to 2025), else by TweetNaCl, which is fetched only then.

type Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => Promise<boolean>;

let chosen: Promise<Verify> | null = null;

/** Whether the key signed the message; false also for a key or signature that is none. */
export async function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  chosen ??= choose(publicKey);
  return (await chosen)(publicKey, message, signature);
}

async function choose(anyKey: Uint8Array): Promise<Verify> {
  const keys = new Map<string, Promise<CryptoKey>>();
  const imported = (raw: Uint8Array): Promise<CryptoKey> => {
    const name = raw.join();
    const known = keys.get(name) ?? crypto.subtle.importKey('raw', raw, { name: 'Ed25519' }, false, ['verify']);
    keys.set(name, known);
    return known;
  };
  try {
    await imported(anyKey);
    return async (key, message, signature) => crypto.subtle.verify({ name: 'Ed25519' }, await imported(key), signature, message);
  } catch {
    // No such algorithm, or (on a page without HTTPS) no `crypto.subtle` at all.
    // A package without modules: bundled, all of it is the module's default.
    const { default: nacl } = await import('tweetnacl');
    return async (key, message, signature) => nacl.sign.detached.verify(message, signature, key);
  }
}
