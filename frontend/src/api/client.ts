import { proofs, proveAgain } from '../session/reauthentication';
import { Problem } from './problem';
import { tokens } from './tokens';
import { send } from './transport';
import type { Call } from './transport';

/**
 * A request with the session's token, if there is a session. One that needs a recent sign-in waits until the password
 * was entered again, and is then repeated; if that is declined, it fails as it did.
 */
export async function request(call: Call): Promise<Response> {
  const before = proofs();
  try {
    return await requestInSession(call);
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.slug !== 'reauthentication-required') throw thrown;
    if (!(await proveAgain(before))) throw thrown;
    return requestInSession(call);
  }
}

/** A 401 is answered by one refresh and one more try. */
async function requestInSession(call: Call): Promise<Response> {
  const token = await tokens.current();
  if (token === null) return send(call);
  try {
    return await send(authorized(call, token));
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.status !== 401) throw thrown;
    // Somebody else's refresh may have replaced the token while this request was on its way.
    if ((await tokens.current()) === token) await tokens.renew();
    const renewed = await tokens.current();
    if (renewed === null) throw thrown;
    return send(authorized(call, renewed));
  }
}

export async function requestJSON<Value>(call: Call): Promise<Value> {
  const response = await request(call);
  return (await response.json()) as Value;
}

function authorized(call: Call, token: string): Call {
  return { ...call, headers: { ...call.headers, Authorization: `Bearer ${token}` } };
}
