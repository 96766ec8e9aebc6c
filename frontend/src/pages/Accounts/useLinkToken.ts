import { useEffect, useState } from 'react';
import { clearFragment } from '../../routing/history';

/**
 * The token of a link in a mail ("/reset-password#token=…"), null without one. It lives in this page only: the address
 * loses it at once.
 */
export function useLinkToken(): string | null {
  // Only read while rendering: React may throw a first rendering away and begin again.
  const [token, setToken] = useState(tokenInAddress);
  useEffect(() => {
    // Once more for a second link that is opened in the same tab: it changes nothing but the fragment.
    const take = (): void => {
      const next = tokenInAddress();
      clearFragment();
      if (next !== null) setToken(next);
    };
    take();
    window.addEventListener('hashchange', take);
    return () => window.removeEventListener('hashchange', take);
  }, []);
  return token;
}

function tokenInAddress(): string | null {
  // Behind the token may stand what a mail program took for a part of the link: a full stop, a bracket.
  return new URLSearchParams(window.location.hash.slice(1)).get('token')?.replace(/[^\w-]+$/, '') || null;
}
