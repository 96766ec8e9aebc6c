import { useEffect, useState } from 'react';
import { download, fetchImage } from '../api/download';
import { tickets } from '../api/endpoints';
import { Problem } from '../api/problem';
import { useAction } from '../api/useAction';
import type { Ticket } from '../api/types';
import { Busy } from './Busy';
import { ProblemNote } from './States';
import { t } from '../language/text';

/** The ticket: QR code on white, the code to type, and its files. */
export function TicketCard({ ticket, title }: { ticket: Ticket; title: string }) {
  const save = useAction(async (extension: 'pdf' | 'png' | 'ics') => {
    await download(tickets.file(ticket.id, extension), `ticket-${ticket.code}.${extension}`);
  });
  return (
    <div className="em-stack">
      <div className="em-ticket">
        <TicketImage ticket={ticket} title={title} />
        <div className="em-small em-soft mt-3">{t('Ticket code')}</div>
        <div className="em-ticket-code" data-testid="ticket-code">{ticket.code}</div>
      </div>
      <ProblemNote problem={save.problem} />
      <div className="em-row justify-content-center">
        <Busy pending={save.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void save.run('ics')}>{t('Add to calendar')}</Busy>
        <Busy pending={save.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void save.run('pdf')}>{t('Save as PDF')}</Busy>
        <Busy pending={save.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void save.run('png')}>{t('Save as image')}</Busy>
      </div>
    </div>
  );
}

/** The image needs the Authorization header, so it is fetched and shown from memory. */
function TicketImage({ ticket, title }: { ticket: Ticket; title: string }) {
  const [image, setImage] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let url: string | null = null;
    setProblem(null);
    fetchImage(tickets.file(ticket.id, 'svg'), 'image/svg+xml', abort.signal).then(
      (made) => {
        url = made;
        if (abort.signal.aborted) URL.revokeObjectURL(made);
        else setImage(made);
      },
      (thrown) => { if (!abort.signal.aborted) setProblem(Problem.from(thrown)); },
    );
    return () => {
      abort.abort();
      if (url !== null) URL.revokeObjectURL(url);
    };
  }, [ticket.id, turn]);

  if (problem) return <ProblemNote problem={problem} retry={() => setTurn(turn + 1)} />;
  return (
    <div className={`em-ticket-image ${image ? '' : 'em-skeleton'}`}>
      {image && <img src={image} alt={t('QR code of your ticket for {title}', { title })} data-testid="ticket-qr" />}
    </div>
  );
}
