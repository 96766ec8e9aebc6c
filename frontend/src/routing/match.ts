export type Parameters = Record<string, string>;

/** Matches "/events/42" with "/events/:id" and gives {id: "42"}; null when it doesn't fit. */
export function matchPath(pattern: string, path: string): Parameters | null {
  const wanted = pattern.split('/').filter(Boolean);
  const given = path.split('/').filter(Boolean);
  if (wanted.length !== given.length) return null;
  const parameters: Parameters = {};
  for (const [index, part] of wanted.entries()) {
    const text = given[index] ?? '';
    if (part.startsWith(':')) {
      try { parameters[part.slice(1)] = decodeURIComponent(text); } catch { return null; }
    } else if (part !== text) {
      return null;
    }
  }
  return parameters;
}
