import { useState } from 'react';
import { events } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import type { MailPreview as Made, MailPreviewRequest } from '../../api/types';
import { Busy } from '../../components/Busy';
import { ProblemNote } from '../../components/States';
import { t } from '../../language/text';

/** A mail as it would arrive, made from the templates that all mails are made from; the people in it are made up. */
export function MailPreview({ eventId, wish, className = 'btn btn-outline-secondary' }: { eventId: string; wish: MailPreviewRequest; className?: string }) {
  const asked = JSON.stringify(wish);
  const [made, setMade] = useState<{ of: string; mail: Made } | null>(null);
  const make = useAction(async () => setMade({ of: asked, mail: await events.previewMail(eventId, wish) }));
  const isOutrun = made !== null && made.of !== asked;
  return (
    <div className="em-stack">
      <ProblemNote problem={make.problem} />
      {(made === null || isOutrun) && (
        <div className="em-row">
          <Busy pending={make.pending} className={className} onClick={() => void make.run()}>{made === null ? t('Show the mail') : t('Show it anew')}</Busy>
          <span role="status" className="em-small em-soft">{isOutrun && t('Below, it is as it was before your last changes.')}</span>
        </div>
      )}
      {made && (
        <figure className="em-stack-s mb-0" data-testid="mail-preview">
          <figcaption><span className="em-soft em-small">{t('Subject')}</span><div className="em-strong">{made.mail.subject}</div></figcaption>
          <iframe className="em-mail" title={t('The mail “{subject}”', { subject: made.mail.subject })} src={made.mail.htmlUrl} sandbox="" />
          <details>
            <summary>{t('For mail programs without pictures')}</summary>
            <p className="em-prose em-small mt-2 mb-0">{made.mail.text}</p>
          </details>
        </figure>
      )}
    </div>
  );
}
