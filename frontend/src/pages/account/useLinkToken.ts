import { useEffect, useState } from 'react';
import { takeFragment } from '../../routing/history';

/**
 * The token of a link in a mail ("/reset-password#token=…"), null without one. It lives in this page only: the address
 * loses it at once.
 */
export function useLinkToken(): string | null {
  const [token, setToken] = useState(takeToken);
  useEffect(() => {
    // A second link, opened in the same tab, changes nothing but the fragment.
    const take = (): void => {
      const next = takeToken();
      if (next !== null) setToken(next);
    };
    window.addEventListener('hashchange', take);
    return () => window.removeEventListener('hashchange', take);
  }, []);
  return token;
}

function takeToken(): string | null {
  return new URLSearchParams(takeFragment()).get('token') || null;
}
