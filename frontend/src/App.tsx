import { Suspense } from 'react';
import { CrashBoundary } from './components/CrashBoundary';
import { ExpiredSession } from './components/ExpiredSession';
import { Guard } from './components/Guard';
import { Header } from './components/Header';
import { Languages } from './components/Languages';
import { LeaveQuestion } from './components/LeaveQuestion';
import { Reauthentication } from './components/Reauthentication';
import { Pending } from './components/States';
import { useLanguage } from './language/language';
import { t } from './language/text';
import { NotFoundPage } from './pages/NotFoundPage';
import { findRoute } from './pages/routes';
import { useLocation } from './routing/history';

export function App() {
  const { path } = useLocation();
  const found = findRoute(path);
  // Another language draws everything again, and leaves what people have typed: texts stand in the pages, not in their state.
  useLanguage();
  const Page = found?.route.page ?? NotFoundPage;
  const Offline = found?.route.offline;
  return (
    <CrashBoundary>
      <a className="em-skip" href="#content">{t('Skip to content')}</a>
      <CrashBoundary fallback={null}><Header /></CrashBoundary>
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
      <CrashBoundary fallback={null}><ExpiredSession /></CrashBoundary>
      <CrashBoundary fallback={null}><LeaveQuestion /></CrashBoundary>
      <CrashBoundary fallback={null}><Reauthentication /></CrashBoundary>
    </CrashBoundary>
  );
}
