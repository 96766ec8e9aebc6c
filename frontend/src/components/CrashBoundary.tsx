import { Component } from 'react';
import type { ReactNode } from 'react';
import { t } from '../language/text';

/** A mistake in a page must not take the whole app away. Keyed by the address, so going elsewhere recovers. */
export class CrashBoundary extends Component<{ children: ReactNode }, { crashed: boolean }> {
  state = { crashed: false };

  static getDerivedStateFromError(): { crashed: boolean } {
    return { crashed: true };
  }

  render(): ReactNode {
    if (!this.state.crashed) return this.props.children;
    return (
      <div role="alert" className="em-note em-stack" data-tone="bad">
        <div>{t('Something went wrong in this page.')}</div>
        <div><button type="button" className="btn btn-sm btn-outline-secondary" onClick={() => window.location.reload()}>{t('Reload')}</button></div>
      </div>
    );
  }
}
