import type { EventDraft } from '../../api/types';
import { CapacityBar, placesText } from '../../components/Capacity';
import { DateTile } from '../../components/DateTile';
import { Prose } from '../../components/Prose';
import { When } from '../../components/When';
import { t } from '../../language/text';

/** The event as others will see it, while it is written. Readers of screens have the form itself. */
export function Preview({ draft }: { draft: EventDraft }) {
  const { title, venue, description, startsAt, endsAt, timeZone, capacity } = draft;
  const hasTimes = startsAt !== '' && endsAt !== '' && startsAt <= endsAt;
  return (
    <aside className="em-preview" aria-label={t('Preview')} data-testid="preview">
      <div className="em-small em-soft mb-2">{t('Preview')}</div>
      <div className="em-card em-stack">
        <div className="em-row flex-nowrap align-items-start">
          {startsAt !== '' && <DateTile startsAt={startsAt} zone={timeZone} />}
          <div className="em-preview-title" dir="auto">{title || <span className="em-soft">{t('An event without a title')}</span>}</div>
        </div>
        <dl className="em-facts">
          {hasTimes && <div><dt>{t('When')}</dt><dd><When event={draft} /></dd></div>}
          {venue && <div><dt>{t('Where')}</dt><dd dir="auto">{venue}</dd></div>}
        </dl>
        {capacity > 0 && (
          <div>
            <div className="em-strong em-number mb-2">{placesText({ confirmed: 0, capacity })}</div>
            <CapacityBar confirmed={0} capacity={capacity} />
          </div>
        )}
        {description && <Prose text={description} className="em-preview-text mb-0" />}
      </div>
    </aside>
  );
}
