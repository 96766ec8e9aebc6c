import { chooseLanguage } from '../src/language/language';

/** Outside of a browser there is no page to say it of. */
export async function speak(language) {
  globalThis.document ??= { documentElement: {} };
  await chooseLanguage(language);
}
