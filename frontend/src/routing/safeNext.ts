/**
 * Only paths of this site are followed after signing in; anything else would be an open redirect. Browsers drop tabs
 * and line ends from an address and take a backslash for a slash, so that "/\t/evil.example" is another site's; what is
 * encoded is looked at as well, for whoever decodes it once more.
 */
export function safeNext(next: string | null): string {
  const fallback = '/';
  if (next === null) return fallback;
  const spellings = [next];
  for (let round = 0; round < 3; round += 1) {
    try { spellings.push(decodeURIComponent(spellings[spellings.length - 1] ?? '')); } catch { break; }
  }
  return spellings.every(isPath) ? next : fallback;
}

const control = /[\u0000-\u001f\u007f-\u009f]/;

function isPath(text: string): boolean {
  const [path = ''] = text.split(/[?#]/, 1);
  if (!/^\/(?!\/)/.test(text) || path.includes('\\') || control.test(text)) return false;
  try {
    return new URL(text, 'https://ours.invalid').origin === 'https://ours.invalid';
  } catch {
    return false;
  }
}
