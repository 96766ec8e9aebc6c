import { useState } from 'react';
import { tickets } from '../../api/endpoints';
import { useAction } from '../../api/useAction';
import { useIntention } from '../../api/useIntention';
import type { Ticket, TicketOffer } from '../../api/types';
import { Busy } from '../../components/Busy';
import { Confirm, Dialog } from '../../components/Confirm';
import { TextField } from '../../components/Field';
import { fieldErrors, Form, onlyErrors, useValidation } from '../../components/Form';
import { ProblemNote } from '../../components/States';
import { formatMoment } from '../../time/format';
import { emailError } from '../Accounts/credentials';
import { rich, t } from '../../language/text';

interface Props {
  ticket: Ticket;
  /** Says what was done, where a screen reader hears it. */
  say: (words: string) => void;
  changed: (offer: TicketOffer | null) => void;
  reissued: () => void;
}

/** What the holder of a ticket may do with it: offer it to somebody, take that back, or have its code made anew. */
export function TicketActions({ ticket, say, changed, reissued }: Props) {
  const [asking, setAsking] = useState<'offer' | 'reissue' | null>(null);
  const close = (): void => setAsking(null);
  return (
    <div className="em-stack mt-4">
      {ticket.transfer && (
        <Offered ticket={ticket} offer={ticket.transfer} withdrawn={() => {
          say(t('The offer is withdrawn: its link opens nothing any more.'));
          changed(null);
        }} />
      )}
      <div className="em-row justify-content-center">
        {!ticket.transfer && (
          <button type="button" className="btn btn-sm btn-outline-secondary" onClick={() => setAsking('offer')}>{t('Give it to somebody else')}</button>
        )}
        <button type="button" className="btn btn-sm btn-outline-secondary" onClick={() => setAsking('reissue')}>{t('Get a new code')}</button>
      </div>
      {asking === 'offer' && (
        <Offer ticket={ticket} close={close} offered={(offer) => {
          close();
          say(t('We wrote to {email}.', { email: offer.email }));
          changed(offer);
        }} />
      )}
      {asking === 'reissue' && (
        <Reissue ticket={ticket} close={close} reissued={() => {
          close();
          reissued();
        }} />
      )}
    </div>
  );
}

function Offered({ ticket, offer, withdrawn }: { ticket: Ticket; offer: TicketOffer; withdrawn: () => void }) {
  const withdraw = useAction(async () => {
    await tickets.withdraw(ticket.id);
    withdrawn();
  });
  return (
    <div className="em-note em-stack" data-tone="warn" data-testid="ticket-offer">
      <div>
        {rich('Offered to {email} until {expiresAt}. The ticket stays yours until they accept.', { email: <strong className="text-break">{offer.email}</strong>, expiresAt: formatMoment(offer.expiresAt) })}
      </div>
      <ProblemNote problem={withdraw.problem} />
      <div>
        <Busy pending={withdraw.pending} className="btn btn-sm btn-outline-secondary" onClick={() => void withdraw.run()}>{t('Withdraw the offer')}</Busy>
      </div>
    </div>
  );
}

function Offer({ ticket, offered, close }: { ticket: Ticket; offered: (offer: TicketOffer) => void; close: () => void }) {
  const [email, setEmail] = useState('');
  const intend = useIntention();
  const offer = useAction(async () => {
    const address = email.trim();
    offered(await intend(address, (key) => tickets.offer(ticket.id, address, key)));
  });
  const validation = useValidation(onlyErrors({ email: emailError(email) && t('Enter their email address.') }));
  const errors = { ...fieldErrors(offer.problem), ...validation.shown };
  return (
    <Dialog title={t('Give your ticket to somebody else')} onClose={() => { if (!offer.pending) close(); }}>
      <Form name={t('Give the ticket to somebody else')} problem={errors.email ? null : offer.problem}
        onSubmit={() => { if (validation.passes()) void offer.run(); }}>
        <TextField label={t('Their email')} name="email" type="email" autoComplete="off" maxLength={254} value={email} error={errors.email}
          hint={t('They get a mail. Once they accept, the place is theirs and your ticket stops being valid.')}
          onChange={(event) => setEmail(event.target.value)} />
        <div className="em-dialog-actions mt-0">
          <button type="button" className="btn btn-outline-secondary" onClick={close} disabled={offer.pending}>{t('Keep it')}</button>
          <Busy type="submit" pending={offer.pending} className="btn btn-primary">{t('Offer the ticket')}</Busy>
        </div>
      </Form>
    </Dialog>
  );
}

function Reissue({ ticket, reissued, close }: { ticket: Ticket; reissued: () => void; close: () => void }) {
  const intend = useIntention();
  const reissue = useAction(async () => {
    await intend(ticket.id, (key) => tickets.reissue(ticket.id, key));
    reissued();
  });
  return (
    <Confirm title={t('Get a new code?')} confirm={t('Yes, a new code')} dismiss={t('Keep this one')} pending={reissue.pending} problem={reissue.problem}
      onConfirm={() => void reissue.run()} onDismiss={close}>
      <span>{t('If somebody else has seen or copied your code: the new one admits you, and the old one nobody.')}</span>
      {ticket.transfer && <span>{` ${t('The offer to somebody else is withdrawn with it.')}`}</span>}
    </Confirm>
  );
}
