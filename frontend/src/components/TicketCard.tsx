import { useEffect, useRef, useState } from 'react';
import { download, fetchText } from '../api/download';
import { tickets } from '../api/endpoints';
import { Problem } from '../api/problem';
import { useAction } from '../api/useAction';
import type { EventSummary, Ticket } from '../api/types';
import { Busy } from './Busy';
import { ProblemNote } from './States';
import { useAwake } from './useAwake';
import { keepTicket } from '../offline/keptTickets';
import { useSession } from '../session/session';
import { t } from '../language/text';

/** The ticket: QR code on white, the code to type, and its files. It is kept on the device for times without a network. */
export function TicketCard({ ticket, event }: { ticket: Ticket; event: EventSummary }) {
  const { user } = useSession();
  useAwake();
  const save = useAction(async (extension: 'pdf' | 'png' | 'ics') => {
    await download(tickets.file(ticket.id, extension), `ticket-${ticket.code}.${extension}`);
  });
  return (
    <div className="em-stack">
      <TicketImage ticket={ticket} title={event.title}
        loaded={(image) => { if (user !== null) keepTicket(user.id, { ticket, event, image }); }} />
      <ProblemNote problem={save.problem} />
      <div className="em-filled">
        <Busy pending={save.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void save.run('ics')}>{t('Add to calendar')}</Busy>
        <Busy pending={save.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void save.run('pdf')}>{t('Save as PDF')}</Busy>
        <Busy pending={save.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void save.run('png')}>{t('Save as image')}</Busy>
      </div>
    </div>
  );
}

/** What is held under a scanner. `image`: an address of the QR code; null while there is none. */
export function TicketFace({ code, image, title }: { code: string; image: string | null; title: string }) {
  return (
    <div className="em-ticket">
      <div className={`em-ticket-image ${image ? '' : 'em-skeleton'}`}>
        {image && <img src={image} alt={t('QR code of your ticket for {title}', { title })} data-testid="ticket-qr" />}
      </div>
      <div className="em-small em-soft mt-3">{t('Ticket code')}</div>
      <div className="em-ticket-code" data-testid="ticket-code">{code}</div>
      <div className="em-small em-soft em-brightness">{t('At the door, turn your screen’s brightness up.')}</div>
    </div>
  );
}

/** The image needs the Authorization header, so it is fetched and shown from memory. */
function TicketImage({ ticket, title, loaded }: { ticket: Ticket; title: string; loaded: (image: string) => void }) {
  const latest = useRef(loaded);
  latest.current = loaded;
  const [image, setImage] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let url: string | null = null;
    setProblem(null);
    fetchText(tickets.file(ticket.id, 'svg'), 'image/svg+xml', abort.signal).then(
      (text) => {
        if (abort.signal.aborted) return;
        url = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
        setImage(url);
        latest.current(text);
      },
      (thrown) => { if (!abort.signal.aborted) setProblem(Problem.from(thrown)); },
    );
    return () => {
      abort.abort();
      if (url !== null) URL.revokeObjectURL(url);
    };
  }, [ticket.id, turn]);

  return (
    <>
      {problem && <ProblemNote problem={problem} retry={() => setTurn(turn + 1)} />}
      <TicketFace code={ticket.code} image={image} title={title} />
    </>
  );
}
