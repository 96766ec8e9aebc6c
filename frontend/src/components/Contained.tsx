import { CrashBoundary } from './CrashBoundary';
import type { Elements } from './Elements';
import { t } from '../language/text';

/** One of many: an entry that can't be shown says so in its own place, and takes none of the others with it. */
export function Contained({ children }: { children: () => Elements }) {
  return (
    <CrashBoundary fallback={<p className="em-note mb-0" data-tone="warn">{t('This entry can’t be shown.')}</p>}>
      <Drawn draw={children} />
    </CrashBoundary>
  );
}

/** Drawn inside of the boundary, so that a mistake in it is caught there. */
function Drawn({ draw }: { draw: () => Elements }) {
  return <>{draw()}</>;
}
