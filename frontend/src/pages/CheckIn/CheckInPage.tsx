import { useState } from 'react';
import type { ReactNode } from 'react';
import { events } from '../../api/endpoints';
import { usePages } from '../../api/usePages';
import type { Event, RecordedScan } from '../../api/types';
import { Badge } from '../../components/Badge';
import { PagedList } from '../../components/PagedList';
import { Empty } from '../../components/States';
import { Row, Table } from '../../components/Table';
import { resultWord } from '../../gate/resultWords';
import { useTopic } from '../../live/useLive';
import { formatMoment } from '../../time/format';
import { Conflicts } from './Conflicts';
import { ManagedEvent } from '../Events/ManagedEvent';
import { UndoCheckIn } from './UndoCheckIn';
import { t } from '../../language/text';

export function CheckInPage({ id = '' }: { id?: string }) {
  return <ManagedEvent id={id} section="Check-in">{(event) => <CheckIn event={event} />}</ManagedEvent>;
}

function CheckIn({ event }: { event: Event }) {
  const [undoing, setUndoing] = useState<RecordedScan | null>(null);
  const [said, setSaid] = useState('');
  const list = usePages<RecordedScan>(`scans:${event.id}`, (cursor, signal) => events.scans(event.id, cursor, signal));
  useTopic(`organizer:${event.id}`, (update) => { if (update.type === 'checkIns') list.reload(); });
  const undone = (scan: RecordedScan): void => {
    setSaid(t('The check-in of {name} was undone.', { name: scan.attendee?.displayName ?? t('this ticket') }));
    setUndoing(null);
    list.reload();
  };
  return (
    <div className="em-stack">
      <div className="em-card em-row em-row-spread">
        <p className="mb-0 em-column">
          {t('The gate is a page for phones, tablets and laptops at the door. It scans with the camera, takes typed codes and keyboard scanners, and goes on without a network.')}
        </p>
        {/* A real link: the gate is an app of its own, with rights of its own (its decoder is WebAssembly). */}
        <a className="btn btn-primary btn-lg" href={`/gate/${event.id}`}>{t('Open the gate')}</a>
      </div>
      <Conflicts eventId={event.id} />
      <h2 className="mb-0">{t('Scans')}</h2>
      <div role="status" className="em-quiet">{said && <p className="em-note mb-0" data-tone="good">{said}</p>}</div>
      <PagedList of={list} empty={<Empty title={t('Nobody has been scanned yet')} />}>
        {(items) => (
          <Table label={t('Scans')} heads={[t('Name'), t('Result'), t('When'), t('Where'), t('Change')]}>
            {items.map((scan) => <Row key={scan.id} cells={() => cellsOf(scan, () => setUndoing(scan))} />)}
          </Table>
        )}
      </PagedList>
      {undoing && <UndoCheckIn scan={undoing} undone={() => undone(undoing)} close={() => setUndoing(null)} />}
    </div>
  );
}

function cellsOf(scan: RecordedScan, undo: () => void): ReactNode[] {
  const wasAdmitted = scan.result === 'admitted';
  const where = [scan.gate, scan.device].filter(Boolean).join(', ');
  return [
    <span className="em-strong" dir="auto">{scan.attendee?.displayName ?? t('Unknown')}</span>,
    <div className="em-stack-s align-items-start">
      <Badge tone={scan.undoneAt ? 'plain' : wasAdmitted ? 'good' : 'bad'}>{scan.undoneAt ? t('Undone') : resultWord(scan.result)}</Badge>
      {scan.undoReason && <span className="em-small em-soft" dir="auto">{scan.undoReason}</span>}
    </div>,
    <>
      <span>{formatMoment(scan.at)}</span>
      {scan.offline && <div className="em-small em-soft">{t('without a network')}</div>}
    </>,
    where ? <span dir="auto">{where}</span> : null,
    wasAdmitted && !scan.undoneAt ? (
      <button type="button" className="btn btn-sm btn-outline-danger" onClick={undo}>
        {t('Undo')}<span className="visually-hidden"> {t('the check-in of {name}', { name: scan.attendee?.displayName ?? t('this ticket') })}</span>
      </button>
    ) : null,
  ];
}
