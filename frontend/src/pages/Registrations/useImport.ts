import { useEffect, useRef, useState } from 'react';
import { events } from '../../api/endpoints';
import { Problem } from '../../api/problem';
import { newId } from '../../identity/newId';
import { fieldErrorText } from '../../language/fieldErrors';
import { t } from '../../language/text';
import type { Text } from '../../language/text';
import { refusals } from './AddAttendee';
import type { Address, Reading } from './csv';

export type Outcome = 'confirmed' | 'waitlisted' | 'known' | 'refused' | 'leftOut';

export interface Line extends Address {
  outcome: Outcome;
  words: string;
}

export interface Import {
  /** How many the file holds, those that are not asked for included. */
  total: number;
  lines: Line[];
  isRunning: boolean;
  start: (read: Reading) => void;
  stop: () => void;
}

/** Adds people one after the other, so that every line has its own answer and the door is never crowded by it. */
export function useImport(eventId: string): Import {
  const [state, setState] = useState<{ total: number; lines: Line[]; isRunning: boolean }>({ total: 0, lines: [], isRunning: false });
  const run = useRef<AbortController>();
  useEffect(() => () => run.current?.abort(), []);
  const start = async ({ addresses, leftOut, unreadable }: Reading): Promise<void> => {
    const { signal } = (run.current = new AbortController());
    const settled: Line[] = [
      ...leftOut.map(({ line, email, why }): Line => ({ line, email, outcome: 'leftOut', words: t(reasons[why]) })),
      ...unreadable.map(({ line, text }): Line => ({ line, email: cut(text), outcome: 'refused', words: t('This is no email address.') })),
    ];
    setState({ total: addresses.length + settled.length, lines: settled, isRunning: true });
    for (const address of addresses) {
      const line = { ...address, ...(await add(eventId, address.email, signal)) };
      // What was asked for is told also when it is the last: it has happened.
      setState((before) => ({ ...before, lines: [...before.lines, line] }));
      if (signal.aborted) break;
    }
    setState((before) => ({ ...before, isRunning: false }));
  };
  return { ...state, start: (read) => void start(read), stop: () => run.current?.abort() };
}

const reasons: Record<Reading['leftOut'][number]['why'], Text> = {
  again: 'It stands in the file twice.', cancelled: 'Cancelled in the list that this file is.',
};

function cut(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

const mostTries = 5;

/** An answer that got lost, or a door that was busy: asked again with the same key, which has its effect once. */
async function add(eventId: string, email: string, signal: AbortSignal): Promise<Pick<Line, 'outcome' | 'words'>> {
  const key = newId();
  for (let attempt = 1; ; attempt += 1) {
    try {
      const made = await events.addAttendee(eventId, email, key);
      return made.status === 'confirmed'
        ? { outcome: 'confirmed', words: t('Confirmed') }
        : { outcome: 'waitlisted', words: t('In line at {position}', { position: made.position ?? '…' }) };
    } catch (thrown) {
      const problem = Problem.from(thrown);
      const again = problem.outcomeUnknown || problem.status === 503 || problem.status === 429;
      if (!again || attempt === mostTries || signal.aborted) return refused(problem);
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt));
    }
  }
}

function refused(problem: Problem): Pick<Line, 'outcome' | 'words'> {
  const known = refusals[problem.slug];
  const [field] = problem.fields;
  return {
    outcome: problem.slug === 'already-registered' ? 'known' : 'refused',
    words: known ? t(known) : field ? fieldErrorText(field) : problem.message,
  };
}
