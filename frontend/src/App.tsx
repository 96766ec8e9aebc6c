import { Suspense } from 'react';
import { CrashBoundary } from './components/CrashBoundary';
import { ExpiredSession } from './components/ExpiredSession';
import { Guard } from './components/Guard';
import { Header } from './components/Header';
import { Pending } from './components/States';
import { NotFoundPage } from './pages/NotFoundPage';
import { findRoute } from './pages/routes';
import { useLocation } from './routing/history';

export function App() {
  const { path } = useLocation();
  const found = findRoute(path);
  const Page = found?.route.page ?? NotFoundPage;
  return (
    <>
      <a className="em-skip" href="#content">Skip to content</a>
      <Header />
      <main id="content" className="em-main" tabIndex={-1}>
        <CrashBoundary key={path}>
          <Guard roles={found?.route.roles}>
            <Suspense fallback={<Pending heights={[48, 96, 96]} />}>
              <Page id={found?.parameters.id} />
            </Suspense>
          </Guard>
        </CrashBoundary>
      </main>
      <footer className="em-footer">EM-Connect</footer>
      <ExpiredSession />
    </>
  );
}
