import { Fragment, Suspense } from 'react';
import { CrashBoundary } from './components/CrashBoundary';
import { ExpiredSession } from './components/ExpiredSession';
import { Guard } from './components/Guard';
import { Header } from './components/Header';
import { Languages } from './components/Languages';
import { Pending } from './components/States';
import { useLanguage } from './language/language';
import { t } from './language/text';
import { NotFoundPage } from './pages/NotFoundPage';
import { findRoute } from './pages/routes';
import { useLocation } from './routing/history';

export function App() {
  const { path } = useLocation();
  const found = findRoute(path);
  // Another language draws everything anew: texts stand in the pages, not in their state.
  const language = useLanguage();
  const Page = found?.route.page ?? NotFoundPage;
  const Offline = found?.route.offline;
  return (
    <Fragment key={language}>
      <a className="em-skip" href="#content">{t('Skip to content')}</a>
      <Header />
      <main id="content" className="em-main" tabIndex={-1}>
        <CrashBoundary key={path}>
          <Guard roles={found?.route.roles} offline={Offline && <Offline id={found?.parameters.id} />}>
            <Suspense fallback={<Pending heights={[48, 96, 96]} />}>
              <Page id={found?.parameters.id} />
            </Suspense>
          </Guard>
        </CrashBoundary>
      </main>
      <footer className="em-footer em-row em-row-spread"><span>EM-Connect</span><a href="/docs">{t('API and messages')}</a><Languages /></footer>
      <ExpiredSession />
    </Fragment>
  );
}
