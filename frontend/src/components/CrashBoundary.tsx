import { Component } from 'react';
import type { ReactNode } from 'react';
import { t } from '../language/text';

interface Props {
  children: ReactNode;
  /** What stands in its place when it can't be drawn; a note with a way to reload when nothing else is said. */
  fallback?: ReactNode;
}

/** A mistake in a part of a page must not take the whole of it away. With other contents it is tried again. */
export class CrashBoundary extends Component<Props, { crashed: boolean }> {
  state = { crashed: false };

  static getDerivedStateFromError(): { crashed: boolean } {
    return { crashed: true };
  }

  componentDidUpdate(before: Props): void {
    if (this.state.crashed && before.children !== this.props.children) this.setState({ crashed: false });
  }

  render(): ReactNode {
    if (!this.state.crashed) return this.props.children;
    if (this.props.fallback !== undefined) return this.props.fallback;
    return (
      <div role="alert" className="em-note em-stack" data-tone="bad">
        <div>{t('Something went wrong in this page.')}</div>
        <div><button type="button" className="btn btn-sm btn-outline-secondary" onClick={() => window.location.reload()}>{t('Reload')}</button></div>
      </div>
    );
  }
}
