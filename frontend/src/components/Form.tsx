import { useEffect, useRef, useState } from 'react';
import type { FormEvent, RefObject } from 'react';
import type { Problem } from '../api/problem';
import type { Elements } from './Elements';
import { ProblemNote } from './States';
import { watchForm } from '../routing/leaving';
import { fieldErrorText } from '../language/fieldErrors';

export type FieldErrors = Record<string, string>;

/** A problem's field list by name, as sentences; the first message of a field stands. */
export function fieldErrors(problem: Problem | null): FieldErrors {
  const errors: FieldErrors = {};
  for (const error of problem?.fields ?? []) errors[error.field] ??= fieldErrorText(error);
  return errors;
}

/**
 * Shows what stands against a form from the first attempt to send it on, against a field that was left (`leave`)
 * already before, and from then on as one types: nobody is told off for a field that they haven't come to yet.
 */
export function useValidation(found: FieldErrors): { shown: FieldErrors; passes: () => boolean; leave: (field: string) => void } {
  const [tried, setTried] = useState(false);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const passes = (): boolean => {
    const wrong = Object.keys(found).length > 0;
    setTried(wrong);
    return !wrong;
  };
  const leave = (field: string): void => setLeft((before) => (before.has(field) ? before : new Set(before).add(field)));
  const shown = tried ? found : Object.fromEntries(Object.entries(found).filter(([field]) => left.has(field)));
  return { shown, passes, leave };
}

/** The errors that there are: undefined ones left out. */
export function onlyErrors(found: Record<string, string | undefined>): FieldErrors {
  return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

interface Props {
  name: string;
  problem: Problem | null;
  onSubmit: () => void;
  children: Elements;
  className?: string;
  /** Called with the name of a field that was left with something in it. */
  onLeave?: (field: string) => void;
  /** Nobody minds when what is typed here is lost: an address and a password, a code. */
  mayBeLeft?: boolean;
  /** Changes when what is in the fields has been saved, in a form that keeps it. */
  saved?: unknown;
}

/** A form without the browser's own bubbles: errors stand at their fields, and the first of them gets the focus. */
export function Form({ name, problem, onSubmit, onLeave, mayBeLeft = false, saved, children, className = 'em-stack' }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const typed = useHeldWork(form, mayBeLeft, saved);
  // From a submission until its first error was shown, or somebody types on: later errors don't move the focus.
  const seeksError = useRef(false);
  useEffect(() => {
    if (!seeksError.current) return;
    const invalid = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    if (!invalid) return;
    seeksError.current = false;
    invalid.focus();
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    seeksError.current = true;
    onSubmit();
  };
  const left = ({ target }: { target: EventTarget }): void => {
    if (target instanceof HTMLInputElement && target.value !== '') onLeave?.(target.name);
  };
  return (
    <form ref={form} noValidate aria-label={name} className={className} onSubmit={submit}
      onInput={() => {
        seeksError.current = false;
        typed();
      }}
      onBlur={left}>
      <ProblemNote problem={problem} />
      {children}
    </form>
  );
}

/**
 * Has whoever leaves the page asked, while something stands in the form that was typed and not sent. Returns what is to
 * be called as people type.
 */
function useHeldWork(form: RefObject<HTMLFormElement>, mayBeLeft: boolean, saved: unknown): () => void {
  /** What stood in it before the first key; null until then. */
  const before = useRef<string | null>(null);
  const latest = useRef('');
  // What the fields hold is noted after each drawing: when the first key is heard, it is too late for what was before
  // it.
  useEffect(() => { if (before.current === null) latest.current = contents(form.current); });
  useEffect(() => {
    before.current = null;
    latest.current = contents(form.current);
  }, [form, saved]);
  useEffect(() => {
    if (mayBeLeft) return undefined;
    return watchForm(() => before.current !== null && form.current !== null && contents(form.current) !== before.current);
  }, [form, mayBeLeft]);
  return () => { before.current ??= latest.current; };
}

function contents(form: HTMLFormElement | null): string {
  return form === null ? '' : JSON.stringify([...new FormData(form)].filter(([, value]) => typeof value === 'string'));
}
