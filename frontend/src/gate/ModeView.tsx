import type { GateState, Link } from './gate';
import { t } from '../language/text';
import type { Text } from '../language/text';

const words: Record<Link, Text> = { online: 'Online', offline: 'Offline', signedOut: 'Signed out' };

/** Whether the server decides or this device, and what the server hasn't heard yet: always in sight. */
export function ModeView({ state: { link, unsynced } }: { state: Pick<GateState, 'link' | 'unsynced'> }) {
  return (
    <div className="em-mode" data-link={link} role="status" data-testid="gate-mode">
      <span className="em-mode-dot" aria-hidden="true" />
      <span>{unsynced > 0 ? `${t(words[link])}, ${t('{unsynced} unsynced', { unsynced })}` : t(words[link])}</span>
    </div>
  );
}
