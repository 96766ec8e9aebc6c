import { chooseLanguage, languages, useLanguage } from '../language/language';
import type { Language } from '../language/language';
import { t } from '../language/text';

/** Each language by its own name, for those who don't read the one that is spoken. */
export function Languages() {
  const spoken = useLanguage();
  return (
    <nav aria-label={t('Language')}>
      <ul className="em-languages">
        {(Object.keys(languages) as Language[]).map((language) => (
          <li key={language}>
            <button type="button" lang={language} aria-current={language === spoken ? 'true' : undefined}
              onClick={() => void chooseLanguage(language)}>{languages[language]}</button>
          </li>
        ))}
      </ul>
    </nav>
  );
}
