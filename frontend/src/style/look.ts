/** Follows the system's light or dark look, now and when it changes. */
export function followSystemLook(): void {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const apply = (): void => { document.documentElement.dataset.bsTheme = dark.matches ? 'dark' : 'light'; };
  apply();
  dark.addEventListener('change', apply);
}
