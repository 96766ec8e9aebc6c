import { CrashBoundary } from '../components/CrashBoundary';
import { Languages } from '../components/Languages';
import { useLanguage } from '../language/language';
import { t } from '../language/text';
import { matchPath } from '../routing/match';
import { tidied } from '../routing/tidy';
import { GateHome } from './GateHome';
import { GatePage } from './GatePage';

/** The gate is an app of its own beside the others' pages: installable, small, open without a network. */
export function GateApp() {
  // As in App.tsx.
  useLanguage();
  const { pathname } = window.location;
  const eventId = matchPath('/gate/:id', tidied(pathname))?.id;
  return (
    <CrashBoundary>
      <header className="em-header">
        <div className="em-header-inner">
          <a className="em-brand" href="/"><img src="/favicon.svg" alt="" width={28} height={28} />EM-Connect</a>
          <nav className="em-gate-nav" aria-label={t('Main')}><a href="/gate/">{t('All gates')}</a></nav>
        </div>
      </header>
      <main id="content" className="em-main" tabIndex={-1}>
        <CrashBoundary>{eventId === undefined ? <GateHome /> : <GatePage eventId={eventId} />}</CrashBoundary>
      </main>
      <footer className="em-footer em-row em-row-spread"><span>EM-Connect</span><Languages /></footer>
    </CrashBoundary>
  );
}
